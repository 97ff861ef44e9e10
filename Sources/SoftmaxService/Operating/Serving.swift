import Dispatch
package import HTTPServer

/// The service with its server and log, from binding the sockets to writing the last log line.
package final class Serving: Sendable {
    private let server: HTTPServer
    private let log: LogWriter?

    /// A service that does not listen yet.
    ///
    /// - Parameter sockets: the listening sockets that a service manager has passed; where there are none, the service
    ///   opens its own.
    package init(_ configuration: ServiceConfiguration, sockets: [Int32] = []) {
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
        var settings = configuration.server
        settings.inheritedSockets = sockets
        server = HTTPServer(
            configuration: settings, status: status, makeHandler: makeHandler, pool: pool,
            makeObserver: makeObserver)
    }

    /// The bound addresses with their ports; none before ``start()``.
    package var addresses: [String] { server.boundAddresses }
    /// Warnings about the start, one sentence each.
    package var warnings: [String] { server.warnings }

    /// Binds the sockets and begins to serve; returns at once.
    package func start() throws(HTTPServerError) { try server.start() }

    /// Begins to drain; a second call closes all connections.
    package func stop() {
        if server.status.isDraining {
            server.stopNow()
            log?.cutFinishShort()
        } else {
            server.beginDrain()
        }
    }

    /// Waits until the server has stopped and the log is written (``LogWriter/finish(within:)``).
    package func wait() {
        server.waitUntilStopped()
        log?.finish()
    }

    /// Serves until SIGTERM or SIGINT: the first signal drains, a second one closes all connections.
    ///
    /// - Parameters:
    ///   - started: is called once the service accepts connections.
    ///   - stopping: is called at each signal.
    package func runUntilSignalled(
        started: () -> Void, stopping: @escaping @Sendable () -> Void
    ) throws(HTTPServerError) {
        let sources = Signals.onTermination {
            stopping()
            self.stop()
        }
        try start()
        started()
        wait()
        sources.forEach { $0.cancel() }
    }
}

/// `softmaxd healthcheck`.
package enum Healthcheck {
    /// Whether a service at the configured host and port answers `/livez` with 200.
    package static func passes(_ configuration: HTTPServerConfiguration) -> Bool {
        HTTPProbe.status(host: configuration.host, port: configuration.port, path: "/livez") == 200
    }

    /// The flags of process 1 if it runs this program: in a container that is the service that the health check has to
    /// find.
    package static func flagsOfProcess1() -> [String] {
        Command.serviceFlags(commandLine: ThisProcess.commandLine(ofSameProgram: 1) ?? [])
    }
}
