/// One request of an HTTP/2 connection and its reply, but for what of it the owners of windows and room keep.
struct HTTP2Stream: Sendable {
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
    /// When the first of its frames came.
    let since: UInt64
    var stage = Stage.head
    /// The request's head, once it is complete and until it is handed out.
    var head: RequestHead?
    /// Field lines received, bytes.
    var fieldBytes = 0
    var body = RequestBody()
    /// How long ``body`` may become, bytes.
    var length = 0
    var isHead = false
    /// The peer has sent all it will: the stream is half-closed (remote).
    var inputEnded = false

    var reply = ReplyBuffer()
    var expectation = ReplyRoom.Expectation()
    /// No more will be added to ``reply``.
    var isReplyMade = false
    /// The reply's last frame is out: the stream is half-closed (local).
    var isReplySent = false
    /// It is reset for a reason of this side's own, not the peer's.
    var isGivenUp = false
    /// libnghttp2 waits to be told that there is more to send.
    var isDeferred = false

    /// Whether the request is in the handler's hands, or was.
    var isHandedOut: Bool { stage == .handling || stage == .responding }

    init(id: Int32, now: UInt64) {
        self.id = id
        since = now
    }
}
