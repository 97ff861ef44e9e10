/// HTTP/1.1 and 1.0 on one connection (RFC 9112), without I/O: requests in order, one in flight.
///
/// The session moves through these states per request:
///
///     head ──▶ announced ──▶ body ──▶ handling ──▶ streaming ──▶ head …
///       └──────────────────────────────▲  └──────────────────────▲
///
/// from any of which it can become finished.
///
/// The owner keeps the bytes that were received and not consumed, passes all of them to ``next(_:_:)`` and drops as many as
/// that consumed. A request that arrived whole is parsed in place; only where its body arrives later, or chunked, does the
/// session store head and body.
///
/// **Backpressure.** The socket is read only while the parser is starved: it has scanned every byte received and needs
/// more (``wantsInput``). A client that pipelines fills its TCP send window until its requests are answered. Memory is
/// bounded by one read, an incomplete head and the body in progress.
///
/// A malformed request ends the connection, since the start of the next one is unknown (RFC 9112 section 6.3). The session
/// names the problem to answer with (``Event/refused``), and closes after the reply.
///
/// `Upgrade` is ignored, as RFC 9110 section 7.8 allows, unless the session offers HTTP/2: then a first request for h2c is
/// ``Event/upgrade``. HTTP/2's connection preface gets 505; the connection detects it before bytes reach this session.
package struct HTTP1Session: ~Copyable, Sendable {
    /// What comes next.
    package enum Event: BitwiseCopyable, Sendable {
        /// Nothing can be done before more bytes arrive or the request in flight is answered.
        case starved
        /// A head with a body to follow; the owner calls ``admit(_:)``.
        case announced
        /// A complete request; the owner reads and answers it, then calls ``endRequest()``.
        case request
        /// A request that the protocol layer refuses with ``takeProblem()``.
        case refused
        /// A request to switch to HTTP/2, with the client's ``upgradeSettings``.
        case upgrade
    }

    private enum State: Sendable {
        /// Between requests, or within a head.
        case head
        /// A head with a body to follow is complete and waits for ``admit(_:)``.
        case announced
        /// Within a body.
        case body
        /// A request was delivered; its response has not begun.
        case handling
        /// A response's head was sent, its body is being streamed.
        case streaming(chunked: Bool)
        /// Nothing more is read or answered.
        case finished
    }

    private let offersHTTP2: Bool
    private var state = State.head
    /// The number of the latest request that was delivered or refused: 1, 2, 3 ….
    package private(set) var stream = 0
    private var isDraining = false
    private var inputEnded = false
    /// Bytes received and not consumed.
    private var unconsumed = 0

    private var parser = RequestHeadParser()
    private var chunks = ChunkedDecoder()
    /// The request in progress, where its body did not arrive whole behind its head, or is chunked.
    private var stored = StoredRequest()
    private var isStored = false
    private(set) var body = RequestBody()
    private var route: Int?
    /// The body's place in the bytes that ``next(_:_:)`` was given, unless ``hasStoredRequest``.
    package private(set) var bodyRange = 0..<0
    /// The request is delivered without its body, which the handler does not want.
    private var dropsBody = false
    /// The problem to refuse the current request with.
    private var refusal: HTTPProblem?
    /// The decoded HTTP2-Settings of a request that is upgraded, entries of 6 bytes.
    package private(set) var upgradeSettings: [UInt8] = []

    // Of the request in flight: whether it is a HEAD, its version, and whether the connection closes after its reply.
    private var isHead = false
    private var version = HTTPVersion.http1_1
    private var closes = false

    /// When bytes were last received.
    private var receivedAt: UInt64 = 0
    /// When the first byte of the request being received arrived.
    private var began: UInt64 = 0
    /// When the first byte of the request in flight arrived.
    package private(set) var since: UInt64 = 0

    /// A session at the beginning of its connection.
    package init(offersHTTP2: Bool = false) { self.offersHTTP2 = offersHTTP2 }

    // MARK: Bytes in

    /// Notes that `count` bytes were received, which ``next(_:_:)`` gets behind the unconsumed ones.
    package mutating func receive(_ count: Int, now: UInt64) {
        if case .finished = state { return }
        receivedAt = now
        if case .head = state, !hasBegun { began = now }
        unconsumed += count
    }

    /// How much is still to come of a stored body of a declared length, which can be read straight to where it is stored;
    /// 0 where that is not so.
    package var bodyRoom: Int {
        guard case .body = state, isStored, unconsumed == 0, case .length(let length) = parser.head.framing else {
            return 0
        }
        // Matched, as in next(_:_:). Nothing more is read of a request that is refused.
        return if case .some = refusal { 0 } else { length - body.count }
    }

    /// Reads a part of that body: up to `count` bytes into the room that `read` is lent, which returns how many it read.
    package mutating func readBody(
        upTo count: Int, now: UInt64, _ read: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        guard case .length(let length) = parser.head.framing else { return }
        receivedAt = now
        body.append(upTo: min(count, length - body.count), atMost: length, read)
    }

    /// Whether any of the next request was received; empty lines before it do not count.
    private var hasBegun: Bool { parser.hasStarted || unconsumed > parser.lineStart }

    /// The peer will send no more; requests that are complete are still answered.
    package mutating func receiveEnd() {
        inputEnded = true
        if case .head = state, !hasBegun { finish() }
    }

    /// Whether all that was received is scanned and the next event needs more bytes.
    private var isStarved: Bool {
        switch state {
        case .head: parser.isStarved(with: unconsumed)
        case .body: unconsumed == 0
        case .announced, .handling, .streaming, .finished: false
        }
    }

    /// Whether to read from the socket: while the parser is starved.
    package var wantsInput: Bool { isStarved && !inputEnded }

    // MARK: Events

    /// The next event.
    ///
    /// - Parameter bytes: all that was received and not consumed.
    /// - Returns: the event, and how many of `bytes` it consumed. A delivered request points into them: they are dropped
    ///   after it was answered.
    package mutating func next(_ bytes: borrowing Span<UInt8>, _ limits: HTTPLimits) -> (event: Event, consumed: Int) {
        do throws(HTTPProblem) {
            // Matched before it is bound: binding copies the whole problem.
            if case .some = refusal, !isHandling, let refusal { throw refusal }
            if case .head = state {
                if unconsumed == 0 || parser.isStarved(with: unconsumed) {
                    if inputEnded { finish() }
                    return (.starved, 0)
                }
                guard try parser.parse(bytes, limits) else {
                    if inputEnded { finish() }
                    return (.starved, 0)
                }
                try beginBody(bytes, limits)
                if case .announced = state { return (.announced, 0) }
                return deliver(bytes, consumed: parser.lineStart)
            }
            if case .body = state { return try readBody(bytes, limits) }
            return (.starved, 0)
        } catch {
            return refuse(error, bytes)
        }
    }

    /// Interprets a complete head.
    @inline(__always)
    private mutating func beginBody(_ bytes: borrowing Span<UInt8>, _ limits: HTTPLimits) throws(HTTPProblem) {
        try parser.head.interpret(bytes, bodyLimit: limits.body)
        if parser.head.method == .connect { throw .notImplemented("CONNECT is not done here.") }
        if parser.head.expectsUnknown { throw .expectationFailed() }
        bodyRange = parser.lineStart..<parser.lineStart
        state = parser.head.framing == .empty ? .body : .announced
    }

    /// Applies the handler's decision on a head with a body to follow.
    ///
    /// - Returns: whether to send `100 Continue`.
    package mutating func admit(_ admission: HTTPAdmission) -> Bool {
        guard case .announced = state else { return false }
        state = .body
        route = admission.route
        dropsBody = !admission.takesBody && !parser.head.isBodyWorthReading
        return parser.head.expectsContinue && !dropsBody
    }

    private mutating func readBody(
        _ bytes: borrowing Span<UInt8>, _ limits: HTTPLimits
    ) throws(HTTPProblem) -> (event: Event, consumed: Int) {
        let headCount = isStored ? 0 : parser.lineStart
        if dropsBody { return deliver(bytes, consumed: bytes.count) }
        let rest = bytes.extracting(headCount..<bytes.count)
        var consumed = headCount
        var isComplete = true
        switch parser.head.framing {
        case nil, .empty: break
        case .length(let length):
            if !isStored, rest.count >= length {
                bodyRange = headCount..<headCount + length
                return deliver(bytes, consumed: headCount + length)
            }
            store(bytes)
            let taken = min(length - body.count, rest.count)
            body.append(rest.extracting(0..<taken), atMost: length)
            consumed += taken
            isComplete = body.count == length
        case .chunked:
            store(bytes)
            let (taken, isEnd) = try chunks.decode(rest, into: &body, limits: limits)
            consumed += taken
            isComplete = isEnd
        }
        if isComplete { return deliver(bytes, consumed: consumed) }
        unconsumed -= consumed
        if inputEnded { finish() }
        return (.starved, consumed)
    }

    /// Stores the head of a request whose body is not yet complete behind it.
    private mutating func store(_ bytes: borrowing Span<UInt8>) {
        guard !isStored else { return }
        stored.bytes = bytes.extracting(0..<parser.lineStart).array
        isStored = true
    }

    @inline(__always)
    private mutating func deliver(_ bytes: borrowing Span<UInt8>, consumed: Int) -> (event: Event, consumed: Int) {
        beginHandling(closes: dropsBody || !parser.head.keepsAlive)
        let consumed = dropsBody ? bytes.count : consumed
        unconsumed -= consumed
        if offersHTTP2, stream == 1, !isDraining, !isStored,
            let settings = HTTP2Upgrade.settings(in: parser.head, bytes)
        {
            finish()
            upgradeSettings = settings
            return (.upgrade, consumed)
        }
        return (.request, consumed)
    }

    /// Delivers a refusal.
    ///
    /// The connection is kept only where the end of the refused request is known: it has no body.
    private mutating func refuse(_ problem: HTTPProblem, _ bytes: borrowing Span<UInt8>) -> (
        event: Event, consumed: Int
    ) {
        refusal = problem
        let isKept = parser.head.framing == .empty && parser.head.keepsAlive
        beginHandling(closes: !isKept)
        let consumed = isKept ? parser.lineStart : bytes.count
        unconsumed -= consumed
        bodyRange = 0..<0
        _ = body.take()
        return (.refused, consumed)
    }

    @inline(__always)
    private mutating func beginHandling(closes: Bool) {
        stream += 1
        state = .handling
        isHead = parser.head.method == .head
        version = parser.head.version
        self.closes = closes
        since = began
        // Bytes behind this request are the start of the next one.
        began = receivedAt
    }

    // MARK: The request in flight

    /// The head, as far as it was parsed; to be lent as a span.
    package var heads: [1 of RequestHead] { parser.heads }
    package var head: RequestHead { parser.head }

    /// The head's length as far as it was parsed, bytes.
    package var headLength: Int { parser.lineStart }

    /// Why the request was refused; `nil` once it was taken.
    package mutating func takeProblem() -> HTTPProblem? { refusal.take() }

    /// The route that the handler named when the body was announced.
    package var admittedRoute: Int? { route }

    /// Whether the request is stored, for ``takeStored()``; else it is in the bytes that ``next(_:_:)`` was given.
    package var hasStoredRequest: Bool { isStored }

    /// Moves the stored request out.
    package mutating func takeStored() -> StoredRequest {
        var taken = StoredRequest()
        swap(&taken, &stored)
        taken.head = parser.head
        taken.route = route
        taken.body = body.take()
        taken.since = since
        return taken
    }

    /// The delivered request was read: parsing of the next head may begin.
    package mutating func endRequest() {
        parser.removeAll()
        if isStored { chunks = ChunkedDecoder() }
        isStored = false
        dropsBody = false
        route = nil
    }

    // MARK: The reply

    /// Begins the reply to the request in flight.
    ///
    /// A streamed body is chunked; to an HTTP/1.0 client it is delimited by the connection's close.
    ///
    /// - Parameter length: the content's length; `nil` for a streamed one.
    /// - Returns: the head, and whether content follows it: none does with HEAD, 204 and 304.
    package mutating func beginReply(status: Int, length: Int?, date: HTTPDate) -> (
        head: ResponseHead, hasContent: Bool
    ) {
        precondition(isHandling, "a request is answered once")
        // Any other number would make the status line invalid: the handler failed.
        let status = (200...599).contains(status) ? status : 500
        let hasNoContent = status == 204 || status == 304
        var framing: ResponseHead.Framing = version == .http1_0 ? .close : .chunked
        if let length { framing = .length(length) }
        if hasNoContent { framing = .none }
        if framing == .close || isDraining || (inputEnded && unconsumed == 0) { closes = true }
        let connection: ResponseHead.Connection = closes ? .closed : version == .http1_0 ? .keptAlive : .kept
        let hasContent = !hasNoContent && !isHead
        if length == nil, hasContent {
            state = .streaming(chunked: framing == .chunked)
        } else {
            endReply()
        }
        return (ResponseHead(status: status, framing: framing, connection: connection, date: date.value), hasContent)
    }

    /// Whether a request was delivered whose reply has not begun.
    package var isHandling: Bool { if case .handling = state { true } else { false } }

    /// Whether the body being streamed is chunked; `nil` where none is being streamed.
    package var isStreamingChunked: Bool? { if case .streaming(let chunked) = state { chunked } else { nil } }

    /// The reply is complete.
    package mutating func endReply() {
        if closes || isDraining {
            finish()
        } else {
            state = .head
            if inputEnded, unconsumed == 0 { finish() }
        }
    }

    /// Truncates the response in flight: the connection closes without the last chunk.
    ///
    /// An HTTP/1.0 client takes a truncated body for a complete one (RFC 9112 section 8): the transport should reset the
    /// connection instead of closing it.
    package mutating func abort() {
        switch state {
        case .handling, .streaming: finish()
        case .head, .announced, .body, .finished: break
        }
    }

    // MARK: Deadlines and ends

    /// What the session waits for, which selects the deadline.
    ///
    /// - Parameter isHeldBack: output is above the high-water mark, so that input is not read: then the peer cannot complete
    ///   its request, and no deadline for that applies.
    package func phase(isHeldBack: Bool) -> HTTPSessionPhase {
        switch state {
        case .head where unconsumed > 0 && isHeldBack: .handling
        case .head: hasBegun ? .head : .idle
        case .announced, .body: isHeldBack ? .handling : .body(received: body.count)
        case .handling, .streaming: .handling
        case .finished: .finished
        }
    }

    /// The deadline of that phase passed: the next event is a 408, or an idle session finishes.
    package mutating func timeOut(_ phase: HTTPSessionPhase) {
        switch phase {
        case .idle: finish()
        case .head: refusal = .requestTimeout("The request's head was not complete by its deadline.")
        case .body: refusal = .requestTimeout("The request's body was not complete by its deadline.")
        case .until, .handling, .finished: break
        }
    }

    /// Bytes of the body that is being received.
    package var bodyBytes: Int { body.count }

    /// Refuses the request whose body is being received, with the next event.
    package mutating func refuseBody(_ problem: HTTPProblem) { if case .body = state { refusal = problem } }

    /// Stops after the request that has begun, if any; its response says `Connection: close`.
    package mutating func drain() {
        isDraining = true
        if case .head = state, !hasBegun { finish() }
    }

    /// Nothing more will be read or answered.
    package var isFinished: Bool { if case .finished = state { true } else { false } }

    private mutating func finish() {
        state = .finished
        unconsumed = 0
        stored = StoredRequest()
        _ = body.take()
    }
}
