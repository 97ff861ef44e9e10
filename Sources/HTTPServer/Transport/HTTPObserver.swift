/// The record of a request that is complete or cancelled; valid for the duration of one call.
public struct HTTPAccessRecord: ~Escapable {
    /// The head, as far as it was parsed.
    package let head: RequestHead
    /// The bytes that its slices refer to.
    package let bytes: Span<UInt8>
    /// The request's identifier, as in `X-Request-Id` of its reply.
    package let id: RequestID

    /// The reply's status; 0 where the request was cancelled before its reply began.
    public let status: Int
    /// Content received, transfer coding removed, bytes.
    public let requestBytes: Int
    /// Content sent, before any transfer coding, bytes.
    public let responseBytes: Int
    /// From the end of the request, or from its first byte where the server itself refused it, to the last byte of the
    /// reply being written to the socket, nanoseconds.
    public let duration: UInt64
    /// The client's address, `192.0.2.1:5000` or `[2001:db8::1]:5000`.
    public let peer: String
    /// The client's address from forwarding fields, without a port, where the peer is a trusted one
    /// (``HTTPServerConfiguration/trustedProxies``).
    public let client: String?
    /// ``HTTPProblem/slug`` where the server itself refused the request.
    public let problem: String?
    /// Whether the whole reply was written to the socket.
    ///
    /// `false` where the client left, a deadline passed or the reply was truncated.
    public let isComplete: Bool

    /// The most of `User-Agent` that is recorded, bytes.
    private static let userAgentLimit = 256

    @_lifetime(copy bytes)
    init(
        _ exchange: borrowing Exchange, _ head: RequestHead, _ bytes: Span<UInt8>, duration: UInt64, peer: String,
        client: String?, isComplete: Bool
    ) {
        self.head = head
        self.bytes = bytes
        id = exchange.id
        status = exchange.status
        requestBytes = exchange.requestBytes
        responseBytes = exchange.responseBytes
        self.duration = duration
        self.peer = peer
        self.client = client
        problem = exchange.problem
        self.isComplete = isComplete
    }

    /// The version; HTTP/1.1 where the request was refused before it was known.
    public var version: HTTPVersion { head.version }
    /// The method as sent; empty where the request was refused before it was known.
    public var method: Span<UInt8> { @_lifetime(copy self) get { bytes.extracting(head.methodToken.range) } }
    /// The target's path as sent, without its query; empty where the request was refused before it was known.
    public var path: Span<UInt8> { @_lifetime(copy self) get { head.path(in: bytes) } }

    /// ``path`` as text.
    public var pathText: String { path.text }

    /// Appends the identifier, which needs no escaping in JSON.
    package func appendRequestID(to text: inout ByteWriter) { id.append(to: &text, bytes) }

    /// `User-Agent` as sent, its first 256 bytes.
    public var userAgent: Span<UInt8>? {
        @_lifetime(copy self) get {
            guard let slice = head.first(.userAgent) else { return nil }
            return bytes.extracting(slice.range.prefix(Self.userAgentLimit))
        }
    }

    /// `traceparent` as sent, where it is a valid one (W3C Trace Context).
    public var traceparent: Span<UInt8>? {
        @_lifetime(copy self) get {
            guard let slice = head.only(.traceparent) else { return nil }
            let value = bytes.extracting(slice.range)
            return Traceparent.isValid(value) ? value : nil
        }
    }
}

/// The record of a connection that the server ended because of what its peer sent.
public struct HTTPConnectionEnd: Sendable {
    /// The peer's fault.
    public var fault: HTTPConnectionFault
    /// The client's address, as in ``HTTPAccessRecord/peer``.
    public var peer: String
    /// How many requests the connection had received.
    public var requests: Int

    /// An end of those parts.
    public init(fault: HTTPConnectionFault, peer: String, requests: Int) {
        self.fault = fault
        self.peer = peer
        self.requests = requests
    }
}

/// Receives a record of every finished request: an access log, request metrics.
///
/// There is one per loop, made on that loop's thread and called only there: it needs no locks and may buffer.
public protocol HTTPObserver: AnyObject {
    /// Whether it wants records: otherwise requests are only counted.
    var isObserving: Bool { get }
    /// Receives the record of a request, without blocking the loop.
    func record(_ record: borrowing HTTPAccessRecord)
    /// Receives the record of a connection that was ended because of what its peer sent, without blocking the loop; by
    /// default it does nothing.
    func record(_ end: HTTPConnectionEnd)
    /// Writes out what is buffered: called within about 200 ms after a ``record(_:)`` and when the loop ends.
    func flush()
}

extension HTTPObserver {
    /// True by default.
    public var isObserving: Bool { true }
    /// Does nothing.
    public func record(_ end: HTTPConnectionEnd) {}
}

/// An observer that ignores all records.
public final class IgnoringObserver: HTTPObserver {
    /// Creates an observer.
    public init() {}
    /// Always false.
    public var isObserving: Bool { false }
    /// Does nothing.
    public func record(_ record: borrowing HTTPAccessRecord) {}
    /// Does nothing.
    public func flush() {}
}
