/// A response.
///
/// The server adds `Date`, `Content-Length` or `Transfer-Encoding`, `Connection` and `X-Request-Id`.
public struct HTTPResponse: Sendable {
    /// The status code, 200…599.
    public var status: Int
    /// The field lines other than those the server adds.
    public var fields: HTTPFields
    /// The content.
    public var body: HTTPBody

    /// A response of those parts.
    public init(status: Int, fields: HTTPFields = HTTPFields(), body: HTTPBody = .bytes([])) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// Whether it may have content (RFC 9110 section 6.4.1), in answer to HEAD or to another method.
    func hasContent(isForHead: Bool) -> Bool { Self.hasContent(status: status, isForHead: isForHead) }

    /// The same of a status.
    static func hasContent(status: Int, isForHead: Bool) -> Bool { !isForHead && status != 204 && status != 304 }
}

/// A response's content.
public enum HTTPBody: Sendable {
    /// All of it, already there.
    case bytes([UInt8])
    /// All of it, in the parts in which it was made, which are sent from where they are.
    case parts([[UInt8]])
    /// Made piece by piece as the client takes it, so that memory does not grow with its length.
    case stream(any HTTPBodySource)
}

extension HTTPBody {
    /// How many bytes it has; `nil` where that is not known yet.
    var length: Int? {
        switch self {
        case .bytes(let bytes): bytes.count
        case .parts(let parts): parts.reduce(0) { $0 + $1.count }
        case .stream: nil
        }
    }

    /// Calls `body` with what is there, in order.
    func forEachPart(_ body: ([UInt8]) -> Void) {
        switch self {
        case .bytes(let bytes): body(bytes)
        case .parts(let parts): parts.forEach(body)
        case .stream: break
        }
    }
}

/// How far a streamed body has come with a piece.
public enum HTTPBodyProgress: Sendable {
    /// More comes after this piece.
    case more
    /// The body ends with this piece.
    case last
    /// The rest cannot be made.
    ///
    /// This piece is dropped and the reply is cut, so that the client sees that it is not whole: HTTP/1.1 closes without
    /// the last chunk, HTTP/1.0 resets the connection, HTTP/2 resets the stream with INTERNAL_ERROR.
    case failed
}

/// Makes a long body piece by piece.
public protocol HTTPBodySource: AnyObject, Sendable {
    /// Appends the next piece (about 64 KiB…1 MiB) to `parts`, in as many as it was made in.
    ///
    /// A source that has nothing yet appends nothing and returns ``HTTPBodyProgress/more``: it is asked again 10 ms later.
    /// All in all a piece may take ``HTTPServerConfiguration/requestDeadline``; then the reply is cut.
    ///
    /// Called on the compute pool, by one thread at a time, and only once the client has taken most of what went
    /// before. A deferred response's first piece is made by the job that made the response, before its head is sent, and
    /// within the request's time: where it fails, the request is answered with 500. Not called again after another result
    /// than ``HTTPBodyProgress/more``, or once the request is cancelled.
    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress
}

/// What a handler answers.
public enum HTTPReply: Sendable {
    /// The reply was printed into the ``ReplyWriter``: for work well under a millisecond.
    case written
    /// A response made at once, on the event loop: for work well under a millisecond.
    case ready(HTTPResponse)
    /// Work for the compute pool. `cost`, in a unit of the service's own, is held against the server's work budget from
    /// the moment it is accepted until the last byte of its response is made or the request is cancelled; over the
    /// budget the server answers 503 by itself and never calls `run`. When `run` has learnt the true cost, say by reading
    /// the body, it raises the ticket; where that cannot be, it returns `nil`, and the server answers 503 by itself.
    ///
    /// `replyBytes` is the most content that `run` makes at once: all of it, or a streamed one's first piece. HTTP/2
    /// connections begin no more requests than they have room for the replies of, should the client not take them; one
    /// that does not say takes all the room.
    case deferred(cost: Int, replyBytes: Int = .max, run: @Sendable (HTTPWorkTicket) -> HTTPResponse?)
}

/// What a handler says of a request's head.
public struct HTTPAdmission: BitwiseCopyable, Sendable {
    /// The handler's own name for what the head leads to: handed back as ``HTTPRequest/route``.
    public var route: Int
    /// Whether the body that the head announces is wanted.
    ///
    /// Where it is not, because the head alone decides the answer, the request goes to ``HTTPHandler/respond(to:_:)`` at
    /// once, with an empty body. What the client sends of the body is dropped, and in HTTP/1.1 the connection ends with
    /// the reply; but for a short body, which is read all the same so that the connection can be kept.
    public var takesBody: Bool

    /// What the head leads to, and whether with its body.
    public init(route: Int = 0, takesBody: Bool = true) {
        self.route = route
        self.takesBody = takesBody
    }
}

/// The one thing a server is built around.
///
/// There is one per event loop, made on that loop's thread and called only there: it needs no locks and may keep buffers
/// from one request to the next.
public protocol HTTPHandler: AnyObject {
    /// Looks at a complete head, once, before any of a body is taken and before `100 Continue`.
    func admit(_ head: borrowing HTTPRequest) -> HTTPAdmission
    /// Answers one request. Returns at once: long work is
    /// ``HTTPReply/deferred(cost:replyBytes:run:)``.
    func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply
    /// Adds to a response that the server made by itself, to a request that is over a limit or too late, what every
    /// response to such a request should have.
    ///
    /// The head is what was read of it: of a request that was refused in its midst not all. Does nothing unless
    /// implemented.
    func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest)
}

extension HTTPHandler {
    /// The same where only the bodies of some paths are taken.
    func admit(_ head: borrowing HTTPRequest, isProbe: ((String) -> Bool)?) -> HTTPAdmission {
        var admission = admit(head)
        if let isProbe { admission.takesBody = admission.takesBody && isProbe(head.pathText) }
        return admission
    }

    /// Takes every body.
    public func admit(_ head: borrowing HTTPRequest) -> HTTPAdmission { HTTPAdmission() }
    /// Does nothing.
    public func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest) {}
}
