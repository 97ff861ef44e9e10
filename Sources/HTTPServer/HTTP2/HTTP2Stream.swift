/// One request of an HTTP/2 connection and its reply; ``InboundWindows`` and ``ReplyRoom`` keep the rest of its state.
struct HTTP2Stream: Sendable {
    /// How far the request has come.
    enum Stage {
        /// Its field section is being received.
        case head
        /// Its content is being received.
        case body
        /// It is complete or refused, and waits to be delivered.
        case ready
        /// It was delivered; its response has not begun.
        case handling
        /// Its response has begun.
        case responding
    }

    private(set) var id: Int32 = 0
    /// When the first of its frames arrived.
    private(set) var since: UInt64 = 0
    var stage = Stage.head
    /// The request's head, once it is complete, and the bytes that its slices refer to.
    var head = RequestHead()
    var headBytes: [UInt8] = []
    /// The route that the handler chose, where a body followed the head.
    var route: Int?
    /// Field lines received, bytes.
    var fieldBytes = 0
    var body = RequestBody()
    /// The limit of ``body``, bytes.
    var length = 0
    var isHead = false
    /// The stream is half-closed (remote): the request has ended.
    var inputEnded = false

    var reply = ReplyBuffer()
    var reservation = ReplyRoom.Reservation()
    /// No more will be added to ``reply``.
    var isReplyMade = false
    /// The stream is half-closed (local): the reply's last frame was written.
    var isReplySent = false
    /// It is reset for a reason other than a fault of the peer's.
    var isResetLocally = false
    /// libnghttp2 waits for `nghttp2_session_resume_data`.
    var isDeferred = false

    /// Storage above this is freed with every stream, bytes.
    private static let largestKept = 4096

    /// Whether the request was delivered.
    var isDelivered: Bool { stage == .handling || stage == .responding }

    /// A blank.
    init() {}

    /// Begins the stream with that identifier.
    mutating func begin(_ id: Int32, now: UInt64) {
        self.id = id
        since = now
    }

    /// The request, to be answered; once.
    ///
    /// A short body's storage is shared with the result, and reused by the next stream once that is gone.
    mutating func takeRequest() -> StoredRequest {
        StoredRequest(
            head, headBytes, body: body.capacity <= Self.largestKept ? body.bytes : body.take(), route: route,
            since: since)
    }

    /// Becomes a blank again, with small storage kept for the next stream.
    mutating func end(keepsStorage: Bool) {
        guard keepsStorage else {
            self = HTTP2Stream()
            return
        }
        if headBytes.capacity > Self.largestKept { headBytes = [] } else { headBytes.removeAll(keepingCapacity: true) }
        if body.capacity > Self.largestKept { body = RequestBody() } else { body.removeAll() }
        reply.removeAll()
        // In place: a new stream copied over this one would be most of a small request's cost here.
        id = 0
        since = 0
        stage = .head
        head.removeAll()
        route = nil
        fieldBytes = 0
        length = 0
        isHead = false
        inputEnded = false
        reservation = ReplyRoom.Reservation()
        isReplyMade = false
        isReplySent = false
        isResetLocally = false
        isDeferred = false
    }
}
