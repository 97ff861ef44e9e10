/// What happened to one request, told once it is over.
public struct HTTPAccessRecord: Sendable {
    /// The method as sent; empty where the request was refused before it was known.
    public var method: String
    /// The target's path as sent, without its query; empty where the request was refused before it was known.
    public var path: String
    /// The version; HTTP/1.1 where the request was refused before it was known.
    public var version: HTTPVersion
    /// The reply's status; 0 where the client went away before there was one.
    public var status: Int
    /// Content received, decoded of its transfer coding, bytes.
    public var requestBytes: Int
    /// Content sent, before any transfer coding, bytes.
    public var responseBytes: Int
    /// From the request being complete to its reply's last byte going to the socket, nanoseconds; where the server
    /// itself refused the request for its form, size or lateness, from its first byte.
    public var duration: UInt64
    /// `X-Request-Id` as sent by the client or made here.
    public var requestID: String
    /// `traceparent` as sent, where it is a valid one (W3C Trace Context).
    public var traceparent: String?
    /// The client's address, `192.0.2.1:5000` or `[2001:db8::1]:5000`.
    public var peer: String
    /// The client's address as proxies tell it, without a port, where the peer is a trusted one
    /// (``HTTPServerConfiguration/trustedProxies``).
    public var client: String?
    /// `User-Agent` as sent, its first 256 bytes.
    public var userAgent: String?
    /// ``HTTPProblem/slug`` where the server itself refused the request.
    public var problem: String?
    /// Whether the whole reply went to the socket.
    ///
    /// `false`: the client went away, a deadline passed or a stream broke.
    public var isComplete: Bool
}

/// A connection that the server ended for what its peer sent, told once it is closed.
public struct HTTPConnectionEnd: Sendable {
    /// What the peer did.
    public var fault: HTTPConnectionFault
    /// The client's address, as in ``HTTPAccessRecord/peer``.
    public var peer: String
    /// How many requests it had sent.
    public var requests: Int

    /// An end of those parts.
    public init(fault: HTTPConnectionFault, peer: String, requests: Int) {
        self.fault = fault
        self.peer = peer
        self.requests = requests
    }
}

/// Is told of every finished request: an access log, request metrics.
///
/// There is one per loop, made on that loop's thread and called only there: it needs no locks and may buffer.
public protocol HTTPObserver: AnyObject {
    /// A request is over. Returns at once.
    func record(_ record: HTTPAccessRecord)
    /// A connection was ended for what its peer sent. Returns at once. Does nothing unless implemented.
    func record(_ end: HTTPConnectionEnd)
    /// Writes out what was buffered. Called within about 200 ms after a ``record(_:)`` and when the loop ends.
    func flush()
}

extension HTTPObserver {
    /// Does nothing.
    public func record(_ end: HTTPConnectionEnd) {}
}
