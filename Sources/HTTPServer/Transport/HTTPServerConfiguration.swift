/// Everything about a server that can be set: where it listens, how much it takes on and how long it waits.
public struct HTTPServerConfiguration: Sendable {
    /// What to listen at: an IPv4 or IPv6 address, the latter also in brackets, or a name; every address that it stands
    /// for.
    ///
    /// Default `127.0.0.1`.
    public var host = "127.0.0.1"
    /// TCP port; 0 takes any free one, see ``HTTPServer/boundAddresses``.
    ///
    /// Default 8080.
    public var port: UInt16 = 8080
    /// Event loops, each with a thread and a listener of its own, 1…64.
    ///
    /// Default: one per processor that this process may use.
    public var loops: Int
    /// Threads that compute deferred responses and body pieces, all of them together, at least 1.
    ///
    /// Default: one per processor that this process may use.
    public var computeThreads: Int
    /// How those threads share the processors with everything else that runs there.
    ///
    /// Default ``ComputePriority/idle``.
    public var computePriority = ComputePriority.idle
    /// Connections served at once over all loops.
    ///
    /// Past it the connection that has been idle longest is closed for a new one; where none is idle, only the reserve is
    /// left. Default 1024.
    public var maxConnections = 1024
    /// Connections accepted above ``maxConnections``, one request each: a probe path is answered, anything else gets
    /// 503 with `Retry-After`.
    ///
    /// Past them accepting pauses and clients wait in the backlog. Default 16.
    public var reservedConnections = 16
    /// Which paths are answered on the reserve.
    ///
    /// Default none.
    public var isProbe: @Sendable (_ path: String) -> Bool = { _ in false }
    /// What the slug follows in the `type` of a problem that the server answers with by itself, say `/problems/`.
    ///
    /// Default nothing: `type` is the slug alone, a relative reference (RFC 9457 section 3.1.1).
    public var problemTypes = ""
    /// Proxies that are believed what they say of their clients, in ``HTTPAccessRecord/client``.
    ///
    /// Default none.
    public var trustedProxies = TrustedProxies()
    /// Connections the kernel holds for each loop until they are accepted.
    ///
    /// Default 1024.
    public var backlog = 1024
    /// What a request may measure; statuses 413, 414 and 431.
    public var limits = HTTPLimits()

    /// From a request's first byte (or the connection's start) to the end of its head, absolute.
    ///
    /// Past it 408. Default 10 s.
    public var headDeadline: Duration = .seconds(10)
    /// How long a body may pause: it starts with so much time, loses what passes, and earns at ``minimumRate`` what comes,
    /// up to so much again.
    ///
    /// Past it 408. Default 10 s.
    public var bodyDeadline: Duration = .seconds(10)
    /// Bytes per second a body has to arrive at, and a reply to be taken at.
    ///
    /// A body that is longer in coming than ``bodyDeadline``, and a reply than ``writeDeadline``, has to keep to it all
    /// along: bytes that were sent early earn no more than that time. Default 500.
    public var minimumRate = 500
    /// From a reply to the next request's first byte.
    ///
    /// Past it the connection is closed silently. Default 75 s.
    public var idleDeadline: Duration = .seconds(75)
    /// How long a peer may take no bytes of a reply that waits for it; earned like ``bodyDeadline``.
    ///
    /// Past it the connection is closed and its unfinished requests are cancelled. Default 10 s.
    public var writeDeadline: Duration = .seconds(10)
    /// How long what still arrives is dropped after the last reply, so that the peer can read that reply (RFC 9112
    /// section 9.6).
    ///
    /// Default 2 s.
    public var lingerDeadline: Duration = .seconds(2)
    /// Bytes dropped that way at most.
    ///
    /// Default 32 MiB, twice the default body limit: a client that ignores an early 413 and sends its whole body first
    /// still gets to read it.
    public var lingerBytes = 32 * 1024 * 1024
    /// How long the compute pool may take, with waiting, to make a deferred response, with a streamed one's first piece, or
    /// to make one piece more.
    ///
    /// Past it the work is cancelled: 503, or a cut connection where the response has begun. Default 60 s.
    public var requestDeadline: Duration = .seconds(60)

    /// Bytes of all bodies that are being received, beyond the first 64 KiB on each connection.
    ///
    /// Past it the request that would hold more gets 503 with `Retry-After`. Default 2²⁹ (512 MiB).
    public var bodyMemory = 1 << 29
    /// The cost of all deferred requests at once, in the unit of ``HTTPReply/deferred(cost:run:)``.
    ///
    /// Past it 503 with `Retry-After`. Default 2²⁸.
    public var workBudget = 1 << 28
    /// Seconds in `Retry-After`.
    ///
    /// Default 1.
    public var retryAfter = 1

    /// From ``HTTPServer/beginDrain()``, which turns ``HTTPServerStatus/isDraining`` on, to the moment accepting stops:
    /// time for a load balancer to notice.
    ///
    /// Default 0.
    public var drainDelay: Duration = .zero
    /// From the moment accepting stops to the moment what is still unfinished is cut.
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
