import Dispatch
import Glibc
package import HTTPServer

/// The service on its sockets, from the first listener to the last log line.
package final class Serving: Sendable {
    private let server: HTTPServer
    private let log: LogWriter?

    /// A service of that configuration that does not listen yet.
    package init(_ configuration: ServiceConfiguration) {
        let status = HTTPServerStatus()
        let log = configuration.accessLog ? LogWriter() : nil
        self.log = log
        let pool = ComputePool(threads: configuration.server.computeThreads)
        server = HTTPServer(
            configuration: configuration.server, status: status,
            handler: Service(configuration, status: status, pool: pool, log: log), pool: pool
        ) { _ -> any HTTPObserver in
            if let log { AccessLog(log) } else { IgnoringObserver() }
        }
    }

    /// The port being listened on.
    package var port: UInt16? { server.boundPort }

    /// Binds and serves; returns at once.
    package func start() throws(HTTPServerError) { try server.start() }

    /// Finishes what is begun and stops; a second call cuts everything.
    package func stop() {
        if server.status.isDraining {
            server.stopNow()
            log?.hurry()
        } else {
            server.beginDrain()
        }
    }

    /// Blocks until the service has stopped and its log is written, if somebody reads it.
    package func wait() {
        server.waitUntilStopped()
        log?.finish()
    }

    /// Serves until SIGTERM or SIGINT: the first drains, the second ends at once.
    ///
    /// - Parameter started: is told the port once connections are accepted.
    package func runUntilSignalled(started: (UInt16) -> Void) throws(HTTPServerError) {
        // A log whose reader has gone is an error of write(2), not the end of the service.
        signal(SIGPIPE, SIG_IGN)
        let queue = DispatchQueue(label: "softmaxd.signals")
        // Blocked here and, by inheritance, in every thread started from here on: a signal that comes before Dispatch
        // listens for it waits for its signalfd(2) instead of being lost, and no thread is ever interrupted by one.
        var blocked = sigset_t()
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGTERM)
        sigaddset(&blocked, SIGINT)
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        let sources = [SIGTERM, SIGINT].map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { self.stop() }
            source.resume()
            return source
        }
        try start()
        started(port ?? 0)
        wait()
        sources.forEach { $0.cancel() }
    }
}

/// `softmaxd healthcheck`.
package enum Healthcheck {
    /// Whether a service of that configuration, on this machine, answers `/livez` with 200.
    package static func passes(_ configuration: HTTPServerConfiguration) -> Bool {
        HTTPProbe.status(host: configuration.host, port: configuration.port, path: "/livez") == 200
    }
}
