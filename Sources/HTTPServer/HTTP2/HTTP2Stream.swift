/// One request of an HTTP/2 connection and its reply.
///
/// Confined to its session.
final class HTTP2Stream {
    /// How far the request has come.
    enum Stage {
        /// Its field section is coming.
        case head
        /// Its content is coming.
        case body
        /// It is complete, or refused, and waits to be taken as an event.
        case ready
        /// It was handed out; its response has not begun.
        case handling
        /// Its response has begun.
        case responding
    }

    let id: Int32
    var stage = Stage.head
    /// When the first of its frames came.
    let since: UInt64
    /// Until when more of the request's content has to come, in ``Stage/body``.
    var arrival = ProgressDeadline()
    /// Content of its own that came since the session's last look, bytes.
    var arrived: UInt64 = 0
    /// The progress that ``arrival`` has been told of, bytes.
    var credited: UInt64 = 0
    var section = HTTP2FieldSection()
    /// What the handler said of the head, where it announced a body.
    var route: Int?
    var takesBody = true
    /// The whole request, where it came over HTTP/1.1 and is answered here.
    var upgraded: StoredRequest?
    /// The request is refused for that.
    var problem: HTTPProblem?
    var isHead = false
    /// The peer has sent all it will on this stream.
    var inputEnded = false

    var body = RequestBody()
    /// Content held for this request, by this stream or by its handler.
    var held = 0
    /// When the peer's window was kept shut, as too much content is held on the connection already.
    var withheldSince: UInt64?
    /// Content received whose window was not given back yet.
    var unconsumed = 0
    /// Its window is as wide as it gets.
    var isWide = false

    var reply = ReplyBuffer()
    /// Content that is being made for ``reply``, bytes, as far as is known.
    var expected = 0
    /// No more will be added to ``reply``.
    var isReplyMade = false
    /// The reply's last frame is out.
    var isReplySent = false
    /// It is reset for a reason of this side's own, not the peer's.
    var isGivenUp = false
    /// libnghttp2 waits to be told that there is more to send.
    var isDeferred = false
    /// Content that went out, framed.
    var sent: UInt64 = 0
    /// Answered before the request's end: until when what still comes of it is dropped.
    var lingersUntil = UInt64.max
    /// Content dropped so far.
    var dropped = 0
    /// Until when the peer has to open its window.
    var stall = ProgressDeadline()

    /// Whether the request is held here: on its way, or until there is room for its reply.
    var isWaiting: Bool { (stage == .body || stage == .ready) && problem == nil }
    /// Whether the request is in the handler's hands, or was.
    var isHandedOut: Bool { stage == .handling || stage == .responding }

    init(id: Int32, now: UInt64) {
        self.id = id
        since = now
    }
}
