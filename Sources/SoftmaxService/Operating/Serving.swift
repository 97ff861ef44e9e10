import Dispatch
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
        let heap = HeapKeeping(status)
        let makeHandler: @Sendable (Int) -> any HTTPHandler = { _ in
            Service(configuration, status: status, pool: pool, heap: heap, log: log)
        }
        let makeObserver: @Sendable (Int) -> any HTTPObserver = { _ -> any HTTPObserver in
            guard let log else { return IgnoringObserver() }
            guard configuration.accessLog == .requests else { return AccessLog(log) }
            return AccessLog(log, skips: configuration.server.isProbe)
        }
        server = HTTPServer(
            configuration: configuration.server, status: status, makeHandler: makeHandler, pool: pool,
            makeObserver: makeObserver)
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
        let sources = Signals.onTermination { self.stop() }
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
        Command.servedFlags(commandLine: ThisProcess.commandLine(ofSameProgram: 1) ?? [])
    }
}
