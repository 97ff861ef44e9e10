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

    private(set) var id: Int32 = 0
    /// When the first of its frames came.
    private(set) var since: UInt64 = 0
    var stage = Stage.head
    /// The request's head, once it is complete, and the bytes that it points into.
    var head = RequestHead()
    var headBytes: [UInt8] = []
    /// What the handler said of the head, where it announced a body.
    var route: Int?
    /// Field lines received, bytes.
    var fieldBytes = 0
    var body = RequestBody()
    /// How long ``body`` may become, bytes.
    var length = 0
    var isHead = false
    /// The peer has sent all it will: the stream is half-closed (remote).
    var inputEnded = false

    var reply = ReplyBuffer()
    var reservation = ReplyRoom.Reservation()
    /// No more will be added to ``reply``.
    var isReplyMade = false
    /// The reply's last frame is out: the stream is half-closed (local).
    var isReplySent = false
    /// It is reset for a reason of this side's own, not the peer's.
    var isGivenUp = false
    /// libnghttp2 waits to be told that there is more to send.
    var isDeferred = false

    /// Storage above this is given back with every stream, bytes.
    private static let kept = 4096

    /// Whether the request is in the handler's hands, or was.
    var isHandedOut: Bool { stage == .handling || stage == .responding }

    /// No stream.
    init() {}

    /// Becomes that stream.
    mutating func begin(_ id: Int32, now: UInt64) {
        self.id = id
        since = now
    }

    /// The request, to be answered; once.
    ///
    /// A short body's storage is lent, and comes back once nobody looks at it.
    mutating func takeRequest() -> StoredRequest {
        var request = StoredRequest()
        request.head = head
        request.bytes = headBytes
        request.route = route
        request.body = body.capacity <= Self.kept ? body.bytes : body.take()
        return request
    }

    /// Is no stream any more; what storage is worth it is kept for the next one.
    mutating func end(keepsStorage: Bool) {
        guard keepsStorage else {
            self = HTTP2Stream()
            return
        }
        if headBytes.capacity > Self.kept { headBytes = [] } else { headBytes.removeAll(keepingCapacity: true) }
        if body.capacity > Self.kept { body = RequestBody() } else { body.removeAll() }
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
        isGivenUp = false
        isDeferred = false
    }
}
