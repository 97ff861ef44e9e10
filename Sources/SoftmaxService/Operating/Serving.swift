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
        let log = configuration.accessLog == .off ? nil : LogWriter()
        self.log = log
        let pool = ComputePool(
            threads: configuration.server.computeThreads, priority: configuration.server.computePriority)
        server = HTTPServer(
            configuration: configuration.server, status: status,
            handler: Service(configuration, status: status, pool: pool, log: log), pool: pool
        ) { _ -> any HTTPObserver in
            guard let log else { return IgnoringObserver() }
            let isProbe = configuration.server.isProbe
            return AccessLog(log) { configuration.accessLog == .requests && isProbe($0) }
        }
    }

    /// What is listened at, with ports; none before ``start()``.
    package var addresses: [String] { server.boundAddresses }
    /// What should be known about the start, one sentence each.
    package var warnings: [String] { server.warnings }

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
    /// - Parameter started: is called once connections are accepted.
    package func runUntilSignalled(started: () -> Void) throws(HTTPServerError) {
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
        started()
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

    /// The flags of process 1, where that is this program: in a container the service itself, which a health check that
    /// runs beside it has to find.
    package static func flagsOfProcess1() -> [String] {
        guard let own = program(of: "self"), program(of: "1") == own else { return [] }
        let descriptor = open("/proc/1/cmdline", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return Command.servedFlags(commandLine: Descriptors.readAll(from: descriptor, padding: 0) ?? [])
    }

    /// The path of a process's program; `nil` where this user may not know.
    private static func program(of process: String) -> [CChar]? {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/\(process)/exe", &path, path.count)
        return count > 0 ? Array(path[..<count]) : nil
    }
}
