/// A response.
///
/// The server adds `Date`, `Content-Length` or `Transfer-Encoding`, `Connection` and `X-Request-Id`.
public struct HTTPResponse: Sendable {
    /// The status code, 200…599.
    public var status: Int
    /// The handler's own field lines.
    public var fields: HTTPFields
    /// The content.
    public var body: HTTPBody

    /// A response of those parts.
    public init(status: Int, fields: HTTPFields = HTTPFields(), body: HTTPBody = .bytes([])) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// Whether it has content (RFC 9110 section 6.4.1): none in reply to HEAD, nor with 204 and 304.
    func hasContent(isForHead: Bool) -> Bool { Self.hasContent(status: status, isForHead: isForHead) }

    /// The same, by status.
    static func hasContent(status: Int, isForHead: Bool) -> Bool { !isForHead && status != 204 && status != 304 }
}

/// A response's content.
public enum HTTPBody: Sendable {
    /// Complete, in one buffer.
    case bytes([UInt8])
    /// Complete, in several buffers, which are not joined.
    case parts([[UInt8]])
    /// Produced piece by piece under backpressure, so that memory does not grow with its length.
    case stream(any HTTPBodySource)
}

extension HTTPBody {
    /// Its length, bytes; `nil` for a streamed one.
    var length: Int? {
        switch self {
        case .bytes(let bytes): bytes.count
        case .parts(let parts): parts.reduce(0) { $0 + $1.count }
        case .stream: nil
        }
    }

    /// Calls `body` with each buffer of a complete body, in order.
    func forEachPart(_ body: ([UInt8]) -> Void) {
        switch self {
        case .bytes(let bytes): body(bytes)
        case .parts(let parts): parts.forEach(body)
        case .stream: break
        }
    }
}

/// The state of a streamed body after a piece.
public enum HTTPBodyProgress: Sendable {
    /// More pieces follow.
    case more
    /// This was the last piece.
    case last
    /// The source failed.
    ///
    /// The piece is dropped and the reply truncated so that the client detects it: HTTP/1.1 closes without the last chunk,
    /// HTTP/1.0 resets the connection, HTTP/2 resets the stream with INTERNAL_ERROR.
    case failed
}

/// Produces a streamed body piece by piece.
public protocol HTTPBodySource: AnyObject, Sendable {
    /// Appends the buffers of the next piece, about 64 KiB…1 MiB together, to `parts`.
    ///
    /// A source that has no data yet appends nothing and returns ``HTTPBodyProgress/more``; it is called again 10 ms later.
    /// A piece must be there within ``HTTPServerConfiguration/requestDeadline``, or the reply is truncated.
    ///
    /// Called on the compute pool, by one thread at a time, while output is below ``HTTPLimits/outputHighWater``. The
    /// first piece of a deferred response is produced by the same job, before the head is sent: if it fails, the reply is
    /// 500. Not called again after another result than ``HTTPBodyProgress/more``, nor once the request is cancelled.
    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress
}

/// A handler's reply to a request.
public enum HTTPReply: Sendable {
    /// The reply is in the ``ReplyWriter``; for work well below a millisecond.
    case written
    /// A response made on the event loop; for work well below a millisecond.
    case ready(HTTPResponse)
    /// Work for the compute pool.
    ///
    /// `cost`, in a unit of the service's own, counts against the server's work budget from now until the last byte of the
    /// response is produced or the request is cancelled; where the budget has no room the server replies 503 and does
    /// not call `run`. Once `run` knows the true cost, say after parsing the body, it raises the ticket; where that fails
    /// it returns `nil`, and the server replies 503.
    ///
    /// `replyBytes` is the most content that `run` buffers: the whole body, or the first piece of a streamed one. An
    /// HTTP/2 connection begins a request only while ``HTTPLimits/replyHighWater`` has room for that; the default fills it.
    case deferred(cost: Int, replyBytes: Int = .max, run: @Sendable (HTTPWorkTicket) -> HTTPResponse?)
}

/// A handler's decision on a request's head.
public struct HTTPAdmission: BitwiseCopyable, Sendable {
    /// The handler's number for the route; returned to it in ``HTTPRequest/route``.
    public var route: Int
    /// Whether the request body is accepted.
    ///
    /// Otherwise the head alone decides the reply: ``HTTPHandler/respond(to:_:)`` is called at once, with an empty body. A
    /// short body is discarded as it arrives, which keeps the connection; with a longer one an HTTP/1.1 connection
    /// closes after the reply.
    public var takesBody: Bool

    /// A decision.
    public init(route: Int = 0, takesBody: Bool = true) {
        self.route = route
        self.takesBody = takesBody
    }
}

/// Answers a server's requests.
///
/// Each event loop has a handler of its own, confined to its thread: a handler needs no locks and may reuse buffers.
public protocol HTTPHandler: AnyObject {
    /// Decides on a request by its head: once, before any of its body is stored and before `100 Continue`.
    func admit(_ head: borrowing HTTPRequest) -> HTTPAdmission
    /// Answers a request without blocking the loop: longer work is ``HTTPReply/deferred(cost:replyBytes:run:)``.
    func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply
    /// Adds fields that every response needs, such as those of CORS, to a response of the server's own (a limit, a
    /// deadline).
    ///
    /// The head may be incomplete: it has what was parsed before the request was refused. By default it does nothing.
    func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest)
}

extension HTTPHandler {
    /// The same on a connection of the reserve, which accepts the bodies of probes only.
    func admit(_ head: borrowing HTTPRequest, isProbe: ((String) -> Bool)?) -> HTTPAdmission {
        var admission = admit(head)
        if let isProbe { admission.takesBody = admission.takesBody && isProbe(head.pathText) }
        return admission
    }

    /// Accepts every body.
    public func admit(_ head: borrowing HTTPRequest) -> HTTPAdmission { HTTPAdmission() }
    /// Does nothing.
    public func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest) {}
}
