/// A server's settings: addresses, threads, limits, deadlines and drain.
public struct HTTPServerConfiguration: Sendable {
    /// The address to listen at: IPv4, IPv6 with or without brackets, or a name, of which every address is used; or
    /// `unix:` and the path of a Unix domain socket.
    ///
    /// Default `127.0.0.1`.
    public var host = "127.0.0.1"
    /// Descriptors of listening sockets that a service manager has opened: where there are any, they are used instead of
    /// ``host`` and ``port``.
    ///
    /// Default none.
    public var inheritedSockets: [Int32] = []
    /// TCP port; 0 takes any free one, see ``HTTPServer/boundAddresses``.
    ///
    /// Default 8080.
    public var port: UInt16 = 8080
    /// Event loops, each with a thread and a listener of its own, 1…64.
    ///
    /// Default: one per processor that this process may use.
    public var loops: Int
    /// Threads that compute deferred responses and pieces of streamed bodies, at least 1.
    ///
    /// Default: one per processor that this process may use.
    public var computeThreads: Int
    /// The scheduling class of those threads.
    ///
    /// Default ``ComputePriority/idle``.
    public var computePriority = ComputePriority.idle
    /// Concurrent connections, over all loops.
    ///
    /// Above that the least recently used idle connection is evicted for a new one; where none is idle, the new one is
    /// accepted into the reserve. Default 1024.
    public var maxConnections = 1024
    /// Connections accepted above ``maxConnections``, for one request each: a probe is answered, anything else gets 503
    /// with `Retry-After`.
    ///
    /// Above that accepting pauses, and clients wait in the backlog. Default 16.
    public var reservedConnections = 16
    /// Whether a path is a health probe's, which is answered on the reserve.
    ///
    /// Default none.
    public var isProbe: @Sendable (_ path: String) -> Bool = { _ in false }
    /// The prefix of the slug in the `type` of a problem that the server itself answers with, such as `/problems/`.
    ///
    /// Default empty: `type` is the slug alone, a relative reference (RFC 9457 section 3.1.1).
    public var problemTypes = ""
    /// Proxies whose `Forwarded` or `X-Forwarded-For` names the client, in ``HTTPAccessRecord/client``.
    ///
    /// Default none.
    public var trustedProxies = TrustedProxies()
    /// The length of each listener's backlog, as in listen(2).
    ///
    /// Default 1024.
    public var backlog = 1024
    /// The limits on sizes and counts, within one request and on one connection.
    public var limits = HTTPLimits()

    /// From the first byte of a request, or from accepting a connection, to the end of the head, however it arrives.
    ///
    /// Then 408. Default 10 s.
    public var headDeadline: Duration = .seconds(10)
    /// How long a body may make no progress.
    ///
    /// A token bucket of time: it begins full, holds at most that much, drains as time passes and is credited with the
    /// bytes received at ``minimumRate``. Once it is empty, 408. Default 10 s.
    public var bodyDeadline: Duration = .seconds(10)
    /// The least rate at which a body is received and a reply is acknowledged, bytes per second.
    ///
    /// It applies at any time, not on average: bytes sent early are credited with at most ``bodyDeadline`` or
    /// ``writeDeadline``. Default 500.
    public var minimumRate = 500
    /// The keep-alive time: from a reply to the first byte of the next request.
    ///
    /// Then the connection is closed without a reply. Default 75 s.
    public var idleDeadline: Duration = .seconds(75)
    /// How long a peer may acknowledge none of the output that is buffered for it; a token bucket like ``bodyDeadline``.
    ///
    /// Then the connection is closed and its requests in flight are cancelled. Default 10 s.
    public var writeDeadline: Duration = .seconds(10)
    /// How long a half-closed connection discards input after its last reply, so that no reset overtakes that reply
    /// (RFC 9112 section 9.6).
    ///
    /// Default 2 s.
    public var lingerDeadline: Duration = .seconds(2)
    /// The most input that is discarded so, bytes.
    ///
    /// Default 32 MiB, twice the default body limit: a client that ignores an early 413 and sends its whole body can
    /// still read the reply.
    public var lingerBytes = 32 * 1024 * 1024
    /// The time for a job of the compute pool, from queuing to result: a deferred response with the first piece of a
    /// streamed body, or one further piece.
    ///
    /// Then the work is cancelled: 503, or a truncated reply where it has begun. Default 60 s.
    public var requestDeadline: Duration = .seconds(60)

    /// The most bytes of all incomplete bodies, beyond the first 64 KiB of each connection.
    ///
    /// A request that would exceed it gets 503 with `Retry-After`. Default 2²⁹ (512 MiB).
    public var bodyMemory = 1 << 29
    /// The most cost of all deferred requests together, in the unit of ``HTTPReply/deferred(cost:replyBytes:run:)``.
    ///
    /// A request that would exceed it gets 503 with `Retry-After`. Default 2²⁸.
    public var workBudget = 1 << 28
    /// The value of `Retry-After`, seconds.
    ///
    /// Default 1.
    public var retryAfter = 1

    /// How long new connections are still accepted after ``HTTPServer/beginDrain()``: time for a load balancer to see that
    /// ``HTTPServerStatus/isDraining``.
    ///
    /// Default 0.
    public var drainDelay: Duration = .zero
    /// How long requests in flight may then take, before their connections are closed.
    ///
    /// Default 30 s.
    public var drainDeadline: Duration = .seconds(30)

    /// The defaults.
    public init() {
        loops = min(64, Processors.available)
        computeThreads = min(64, Processors.available)
    }
}

extension DeadlineLimits {
    /// The configuration's.
    package init(_ configuration: HTTPServerConfiguration) {
        head = configuration.headDeadline.nanoseconds
        body = configuration.bodyDeadline.nanoseconds
        idle = configuration.idleDeadline.nanoseconds
        write = configuration.writeDeadline.nanoseconds
        linger = configuration.lingerDeadline.nanoseconds
        request = configuration.requestDeadline.nanoseconds
        drainDelay = configuration.drainDelay.nanoseconds
        drain = configuration.drainDeadline.nanoseconds
        rate = UInt64(max(1, configuration.minimumRate))
    }
}
