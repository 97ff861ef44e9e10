/// What all loops of one server share.
///
/// Immutable, or safe from every thread.
final class ServerContext: Sendable {
    let configuration: HTTPServerConfiguration
    let deadlines: DeadlineLimits
    let handler: any HTTPHandler
    let status: HTTPServerStatus
    let pool: ComputePool
    let clock: TransportClock
    let makeObserver: @Sendable (_ loop: Int) -> any HTTPObserver

    init(
        configuration: HTTPServerConfiguration, handler: any HTTPHandler, status: HTTPServerStatus,
        pool: ComputePool, clock: TransportClock, makeObserver: @escaping @Sendable (_ loop: Int) -> any HTTPObserver
    ) {
        self.configuration = configuration
        deadlines = DeadlineLimits(configuration)
        self.handler = handler
        self.status = status
        self.pool = pool
        self.clock = clock
        self.makeObserver = makeObserver
    }
}
