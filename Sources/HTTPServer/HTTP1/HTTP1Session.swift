/// HTTP/1.1 and 1.0 on one connection (RFC 9112), without I/O: requests in order, one in flight.
///
/// The session moves through these states per request:
///
///     head ──▶ announced ──▶ body ──▶ handling ──▶ streaming ──▶ head …
///       └──────────────────────────────▲  └──────────────────────▲
///
/// from any of which it can become finished.
///
/// What was received and not consumed is its owner's, who shows all of it to ``next(_:_:)`` and drops what that has
/// consumed: a request that came whole is read where it was received. Only of a request whose body is still coming the
/// session keeps the head and the body itself.
///
/// **Backpressure.** The socket is read only while the parser is starved: it has looked at every byte that was received
/// and needs more (``wantsInput``). A client that pipelines is held by its own TCP window until its requests are
/// answered. What is held is one read's worth, an incomplete head and the body that is being received, however much the
/// client would send.
///
/// A request that is refused for its form ends the connection: where the next one begins cannot be told. The session
/// answers nothing by itself but `100 Continue`; it says what to refuse a request with (``Event/refused``) and closes
/// afterwards.
///
/// `Upgrade` is ignored (RFC 9110 section 7.8 leaves that to the server) unless the session was made to offer HTTP/2:
/// then a first request that asks for h2c is ``Event/upgrade``. HTTP/2's preface gets 505: whoever wants HTTP/2 on the
/// same port looks at the first bytes before they come here.
package struct HTTP1Session: ~Copyable, Sendable {
    /// What comes next.
    package enum Event: BitwiseCopyable, Sendable {
        /// Nothing before there are more bytes, a reply or room for output.
        case starved
        /// A head that announces a body: to be answered with ``admit(_:)``.
        case announced
        /// A whole request, to be looked at and answered, then ended with ``endRequest()``.
        case request
        /// A request that the protocol layer refuses, with ``takeProblem()``.
        case refused
        /// A request that HTTP/2 is to answer on this connection, with the client's ``upgradeSettings``.
        case upgrade
    }

    private enum State: Sendable {
        /// Between requests, or within a head.
        case head
        /// A head is complete and announces a body; nobody has said yet whether it is wanted.
        case announced
        /// Within a body.
        case body
        /// A request was handed out; its response has not begun.
        case handling
        /// A response's head is out, its body is coming.
        case streaming(chunked: Bool)
        /// Nothing more.
        case finished
    }

    private let offersHTTP2: Bool
    private var state = State.head
    /// The number of the latest request that was handed out or refused: 1, 2, 3 ….
    package private(set) var stream = 0
    private var isDraining = false
    private var inputEnded = false
    /// Bytes that were received and not consumed.
    private var waiting = 0

    private var parser = RequestHeadParser()
    private var chunks = ChunkedDecoder()
    /// The request whose body is coming, or has come, in more than one read, or chunked.
    private var stored = StoredRequest()
    private var isStored = false
    private var body = RequestBody()
    private var route: Int?
    /// Where the request that was handed out has its body, where it is not stored.
    private var bodyRange = 0..<0
    /// The head alone decides the answer: the request is handed out without its body.
    private var dropsBody = false
    /// What the request that is being received is to be refused with.
    private var verdict: HTTPProblem?
    /// The client's SETTINGS, entries of 6 bytes, where HTTP/2 is to answer its request.
    package private(set) var upgradeSettings: [UInt8] = []

    /// Of the request in flight: that it is a HEAD, its version, and that the connection closes after it.
    private var isHead = false
    private var version = HTTPVersion.http1_1
    private var closes = false

    /// When bytes came last.
    private var receivedAt: UInt64 = 0
    /// When the first byte of the request came that is being received.
    private var began: UInt64 = 0
    /// When the first byte came of the request that was handed out.
    package private(set) var since: UInt64 = 0

    /// A session at the beginning of its connection.
    package init(offersHTTP2: Bool = false) { self.offersHTTP2 = offersHTTP2 }

    // MARK: Bytes in

    /// So many bytes came at that time, to be shown to ``next(_:_:)`` behind those that wait.
    package mutating func receive(_ count: Int, now: UInt64) {
        if case .finished = state { return }
        receivedAt = now
        if case .head = state, !hasBegun { began = now }
        waiting += count
    }

    /// Whether any of the next request is here: empty lines before it are none of it.
    private var hasBegun: Bool { parser.hasStarted || waiting > parser.lineStart }

    /// The peer will send no more; requests that are complete are still answered.
    package mutating func receiveEnd() {
        inputEnded = true
        if case .head = state, !hasBegun { finish() }
    }

    /// Whether the session has looked at all that was received, and nothing can happen before there is more.
    private var isStarved: Bool {
        switch state {
        case .head: parser.isStarved(with: waiting)
        case .body: waiting == 0
        case .announced, .handling, .streaming, .finished: false
        }
    }

    /// Whether to read from the socket: while the parser is starved.
    package var wantsInput: Bool { isStarved && !inputEnded }

    // MARK: Events

    /// The next thing that happens.
    ///
    /// - Parameter bytes: all that was received and not consumed.
    /// - Returns: what it is, and how many bytes of `bytes` are consumed. They are the request's that is handed out: to be
    ///   dropped once that was looked at.
    package mutating func next(_ bytes: borrowing Span<UInt8>, _ limits: HTTPLimits) -> (event: Event, consumed: Int) {
        do throws(HTTPProblem) {
            // Looked at before it is bound: binding a problem copies all of it.
            if case .some = verdict, !isHandling, let verdict { throw verdict }
            if case .head = state {
                if waiting == 0 || parser.isStarved(with: waiting) {
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

    /// Makes sense of a complete head.
    private mutating func beginBody(_ bytes: borrowing Span<UInt8>, _ limits: HTTPLimits) throws(HTTPProblem) {
        try parser.head.interpret(bytes, bodyLimit: limits.body)
        if parser.head.method == .connect { throw .notImplemented("CONNECT is not done here.") }
        if parser.head.expectsUnknown { throw .expectationFailed() }
        bodyRange = parser.lineStart..<parser.lineStart
        state = parser.head.framing == .empty ? .body : .announced
    }

    /// What the handler says of the head whose body was announced.
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
        waiting -= consumed
        if inputEnded { finish() }
        return (.starved, consumed)
    }

    /// Keeps the head of a request whose body does not stand whole behind it.
    private mutating func store(_ bytes: borrowing Span<UInt8>) {
        guard !isStored else { return }
        stored.bytes = bytes.extracting(0..<parser.lineStart).array
        isStored = true
    }

    private mutating func deliver(_ bytes: borrowing Span<UInt8>, consumed: Int) -> (event: Event, consumed: Int) {
        handOut(closes: dropsBody || !parser.head.keepsAlive)
        var consumed = consumed
        if dropsBody { consumed = bytes.count }
        waiting -= consumed
        if offersHTTP2, stream == 1, !isDraining, !isStored,
            let settings = HTTP2Upgrade.settings(in: parser.head, bytes)
        {
            finish()
            upgradeSettings = settings
            return (.upgrade, consumed)
        }
        return (.request, consumed)
    }

    /// Hands out a refusal.
    ///
    /// The connection goes on only where the refused request's end is known to be behind it.
    private mutating func refuse(_ problem: HTTPProblem, _ bytes: borrowing Span<UInt8>) -> (
        event: Event, consumed: Int
    ) {
        verdict = problem
        let isBehind = parser.head.framing == .empty && parser.head.keepsAlive
        handOut(closes: !isBehind)
        let consumed = isBehind ? parser.lineStart : bytes.count
        waiting -= consumed
        bodyRange = 0..<0
        _ = body.take()
        return (.refused, consumed)
    }

    private mutating func handOut(closes: Bool) {
        stream += 1
        state = .handling
        isHead = parser.head.method == .head
        version = parser.head.version
        self.closes = closes
        since = began
        // What came after this request began the next one.
        began = receivedAt
    }

    // MARK: The request that was handed out

    /// The head, as far as it was read.
    package var head: RequestHead { parser.head }

    /// How many bytes the head has, as far as it was read.
    package var headLength: Int { parser.lineStart }

    /// Why the request was refused; once.
    package mutating func takeProblem() -> HTTPProblem? { verdict.take() }

    /// The route that the handler named when the body was announced.
    package var admittedRoute: Int? { route }

    /// Whether the request is in storage of its own, to be had by ``takeStored()``; else it is in the bytes that
    /// ``next(_:_:)`` was shown.
    package var hasStoredRequest: Bool { isStored }

    /// Where in those bytes its body is.
    package var bodyPlace: Range<Int> { bodyRange }

    /// The request that was stored.
    package mutating func takeStored() -> StoredRequest {
        var taken = StoredRequest()
        swap(&taken, &stored)
        taken.head = parser.head
        taken.route = route
        taken.body = body.take()
        return taken
    }

    /// The request that was handed out has been looked at: the next head can be read.
    package mutating func endRequest() {
        parser.removeAll()
        if isStored { chunks = ChunkedDecoder() }
        isStored = false
        dropsBody = false
        route = nil
    }

    // MARK: The reply

    /// Begins the answer to the request in flight; says what its head says.
    ///
    /// A streamed body is sent chunked, or to an HTTP/1.0 client until the connection closes.
    ///
    /// - Parameter length: the content's length; `nil` for a streamed one.
    /// - Returns: the head, and whether content follows it: none does with HEAD, 204 and 304.
    package mutating func beginReply(status: Int, length: Int?, date: HTTPDate) -> (
        head: ResponseHead, hasContent: Bool
    ) {
        precondition(isHandling, "a request is answered once")
        // A status that is none would make the status line unreadable; the handler failed, and so says the reply.
        let status = (200...599).contains(status) ? status : 500
        let hasNoContent = status == 204 || status == 304
        var framing: ResponseHead.Framing = version == .http1_0 ? .close : .chunked
        if let length { framing = .length(length) }
        if hasNoContent { framing = .none }
        if framing == .close || isDraining || (inputEnded && waiting == 0) { closes = true }
        let connection: ResponseHead.Connection = closes ? .closed : version == .http1_0 ? .keptAlive : .kept
        let hasContent = !hasNoContent && !isHead
        if length == nil, hasContent {
            state = .streaming(chunked: framing == .chunked)
        } else {
            endReply()
        }
        return (ResponseHead(status: status, framing: framing, connection: connection, date: date.value), hasContent)
    }

    /// Whether a request was handed out whose reply has not begun.
    package var isHandling: Bool { if case .handling = state { true } else { false } }

    /// Whether the streamed body that is being sent is sent in chunks; `nil` where none is.
    package var isStreamingChunked: Bool? { if case .streaming(let chunked) = state { chunked } else { nil } }

    /// The reply is complete.
    package mutating func endReply() {
        if closes || isDraining {
            finish()
        } else {
            state = .head
            if inputEnded, waiting == 0 { finish() }
        }
    }

    /// Cuts the response in flight: the connection closes without the last chunk.
    ///
    /// An HTTP/1.0 client cannot tell a cut body from a whole one (RFC 9112 section 8): the transport should reset
    /// the connection rather than close it.
    package mutating func abort() {
        switch state {
        case .handling, .streaming: finish()
        case .head, .announced, .body, .finished: break
        }
    }

    // MARK: Deadlines and ends

    /// What the peer is being waited for.
    ///
    /// - Parameter isHeldBack: earlier replies wait for the peer, and what it sent is not read because of that: then a
    ///   request is not the peer's to complete, and a body not late.
    package func phase(isHeldBack: Bool) -> HTTPSessionPhase {
        switch state {
        case .head where waiting > 0 && isHeldBack: .handling
        case .head: hasBegun ? .head : .idle
        case .announced, .body: isHeldBack ? .handling : .body(received: body.count)
        case .handling, .streaming: .handling
        case .finished: .finished
        }
    }

    /// The deadline of that phase passed: refused with 408 by the next event, or finished where idle.
    package mutating func timeOut(_ phase: HTTPSessionPhase) {
        switch phase {
        case .idle: finish()
        case .head: verdict = .requestTimeout("The request's head was not complete by its deadline.")
        case .body: verdict = .requestTimeout("The request's body was not complete by its deadline.")
        case .until, .handling, .finished: break
        }
    }

    /// Bytes of the body that is being received.
    package var bodyBytes: Int { body.count }

    /// How many bytes are allocated for the body that is being received.
    package var bodyCapacity: Int { body.capacity }

    /// Refuses the request whose body is being received, with the next event.
    package mutating func refuseBody(_ problem: HTTPProblem) { if case .body = state { verdict = problem } }

    /// Stops after the request that has begun, if any; its response says `Connection: close`.
    package mutating func drain() {
        isDraining = true
        if case .head = state, !hasBegun { finish() }
    }

    /// Nothing more will be read or answered.
    package var isFinished: Bool { if case .finished = state { true } else { false } }

    private mutating func finish() {
        state = .finished
        waiting = 0
        stored = StoredRequest()
        _ = body.take()
    }
}
