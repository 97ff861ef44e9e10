/// What all loops of one server share.
///
/// Immutable, or safe from every thread.
final class ServerContext: Sendable {
    let configuration: HTTPServerConfiguration
    let deadlines: DeadlineLimits
    let handler: any HTTPHandler
    let status: HTTPServerStatus
    /// ``HTTPHandler/takesBody(of:)``, made once for all connections.
    let takesBody: @Sendable (HTTPRequest) -> Bool
    /// The same for a connection of the reserve, which refuses all but probes.
    let takesBodyOnReserve: @Sendable (HTTPRequest) -> Bool
    let pool: ComputePool
    let clock: TransportClock
    let makeObserver: @Sendable (_ loop: Int) -> any HTTPObserver

    init(
        configuration: HTTPServerConfiguration, handler: any HTTPHandler, status: HTTPServerStatus,
        pool: ComputePool, clock: TransportClock, makeObserver: @escaping @Sendable (_ loop: Int) -> any HTTPObserver
    ) {
        var configuration = configuration
        configuration.limits.connectionBodies = min(
            configuration.limits.connectionBodies, max(0, configuration.bodyMemory) / 2)
        self.configuration = configuration
        deadlines = DeadlineLimits(configuration)
        self.handler = handler
        self.status = status
        self.pool = pool
        let isProbe = configuration.isProbe
        takesBody = { handler.takesBody(of: $0) }
        takesBodyOnReserve = { isProbe($0.path) && handler.takesBody(of: $0) }
        self.clock = clock
        self.makeObserver = makeObserver
    }
}
