/// What all loops of one server share.
///
/// Immutable, or safe from every thread.
final class ServerContext: Sendable {
    let configuration: HTTPServerConfiguration
    let deadlines: DeadlineLimits
    let makeHandler: @Sendable (_ loop: Int) -> any HTTPHandler
    let status: HTTPServerStatus
    let pool: ComputePool
    let clock: TransportClock
    let makeObserver: @Sendable (_ loop: Int) -> any HTTPObserver

    init(
        configuration: HTTPServerConfiguration, makeHandler: @escaping @Sendable (_ loop: Int) -> any HTTPHandler,
        status: HTTPServerStatus,
        pool: ComputePool, clock: TransportClock, makeObserver: @escaping @Sendable (_ loop: Int) -> any HTTPObserver
    ) {
        var configuration = configuration
        configuration.limits.connectionBodies = min(
            configuration.limits.connectionBodies, max(0, configuration.bodyMemory) / 2)
        self.configuration = configuration
        deadlines = DeadlineLimits(configuration)
        self.makeHandler = makeHandler
        self.status = status
        self.pool = pool
        self.clock = clock
        self.makeObserver = makeObserver
    }
}
