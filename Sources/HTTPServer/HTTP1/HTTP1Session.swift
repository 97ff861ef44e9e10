/// HTTP/1.1 and 1.0 on one connection (RFC 9112), without I/O: requests in order, one in flight.
///
/// The session moves through four states per request:
///
///     head ──▶ body ──▶ handling ──▶ streaming ──▶ head …
///       └────────────────▲  └──────────────────────▲
///
/// from any of which it can become finished.
///
/// **Backpressure.** The socket is read only while the parser is starved: it has looked at every byte that was received
/// and needs more (``wantsInput``). A client that pipelines is held by its own TCP window until its requests are
/// answered. What is held is one read's worth, an incomplete line and the body that is being received, however much the
/// client would send.
///
/// A request that is refused for its form ends the connection: where the next one begins cannot be told. The session
/// answers nothing by itself but `100 Continue`; it says what to answer (``HTTPSessionEvent/refused(_:stream:_:)``)
/// and closes afterwards.
///
/// `Upgrade` is ignored (RFC 9110 section 7.8 leaves that to the server) unless the session was made to offer HTTP/2:
/// then a first request that asks for h2c gets 101 and becomes ``takeUpgrade()``. HTTP/2's preface gets 505: whoever
/// wants HTTP/2 on the same port looks at the first bytes before it makes this session.
package struct HTTP1Session: HTTPSession, ~Copyable {
    enum State: Sendable {
        /// Between requests, or within a head.
        case head
        /// Within a body.
        case body
        /// A request was handed out; its response has not begun.
        case handling
        /// A response's head is out, its body is coming.
        case streaming(chunked: Bool)
        /// Nothing more.
        case finished
    }

    /// What of a request matters to its response.
    struct Exchange: Sendable {
        var isHead = false
        var version = HTTPVersion.http1_1
        var closes = false
    }

    let limits: HTTPLimits
    private let offersHTTP2: Bool
    private let takesBody: @Sendable (HTTPRequest) -> Bool
    private var upgrade: HTTP2Upgrade?
    var state = State.head
    /// The number of the latest request that was handed out or refused.
    var stream = 0
    var exchange = Exchange()
    /// A stream whose response takes no body although one is to be made for it.
    var unwantedBody: Int?
    var isDraining = false
    var inputEnded = false

    /// Received and not consumed: `input[inputStart...]`.
    var input: [UInt8] = []
    var inputStart = 0
    /// What the request that is being received is to be refused with.
    private var verdict: HTTPProblem?
    private var parser = RequestHeadParser()
    private var chunks = ChunkedDecoder()
    private var body = RequestBody()
    /// The head alone decides the answer: the request is handed out without its body.
    private var dropsBody = false
    /// The time of the last ``tick(_:)``.
    private var now: UInt64 = 0
    /// When bytes came last.
    private var receivedAt: UInt64 = 0
    /// When the first byte of the request came that is being received.
    private var since: UInt64 = 0

    /// Bytes for the socket, oldest first.
    package var output = HTTPOutput()

    /// A session at the beginning of its connection.
    ///
    /// - Parameter takesBody: as ``HTTPHandler/takesBody(of:)``.
    package init(
        limits: HTTPLimits = HTTPLimits(), offersHTTP2: Bool = false,
        takesBody: @escaping @Sendable (HTTPRequest) -> Bool = { _ in true }
    ) {
        self.limits = limits
        self.offersHTTP2 = offersHTTP2
        self.takesBody = takesBody
    }

    /// Says what time it is.
    package mutating func tick(_ now: UInt64) { self.now = now }

    // MARK: Bytes in

    /// Takes bytes off the wire.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer) {
        if case .finished = state { return }
        receivedAt = now
        if case .head = state, !hasInput, !parser.hasStarted { since = now }
        var bytes = bytes
        if case .body = state, !hasInput, case .length(let length) = parser.head.framing {
            // Straight to where it belongs, without a stop in `input`; the next event sees whether it is whole.
            let taken = min(length - body.count, bytes.count)
            body.append(UnsafeRawBufferPointer(rebasing: bytes[..<taken]), atMost: length)
            bytes = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            if bytes.isEmpty { return }
        }
        if inputStart == input.count {
            input.removeAll(keepingCapacity: true)
            inputStart = 0
        } else if inputStart > 0 {
            input.removeSubrange(..<inputStart)
            inputStart = 0
        }
        input.append(contentsOf: bytes)
    }

    /// Storage for input above this is given back once it is read: most connections are idle most of the time.
    private static let inputKept = 16 * 1024

    private mutating func consume(_ count: Int) {
        inputStart += count
        if inputStart == input.count, input.capacity > Self.inputKept { dropInput() }
    }

    /// The peer will send no more; requests that are complete are still answered.
    package mutating func receiveEnd() {
        inputEnded = true
        if case .head = state, phase == .idle { finish() }
    }

    /// Whether any received bytes are not consumed.
    var hasInput: Bool { inputStart < input.count }

    /// Whether the parser has looked at all that was received, and nothing can happen before there is more.
    private var isStarved: Bool {
        if case .head = state { parser.isStarved(with: input.count - inputStart) } else { !hasInput }
    }

    /// Whether so much output waits that no further request is begun.
    private var isHeldBack: Bool { output.count > limits.outputHighWater }

    // MARK: Events

    /// The next thing that happened.
    ///
    /// To be called after ``receive(_:)``, and, because pipelined requests may wait, after a response is complete and
    /// after ``didWrite(_:)``.
    package mutating func nextEvent() -> HTTPSessionEvent? {
        if let stream = unwantedBody {
            unwantedBody = nil
            return .cancelled(stream: stream)
        }
        do {
            return try readRequest()
        } catch {
            return refuse(error)
        }
    }

    private mutating func readRequest() throws(HTTPProblem) -> HTTPSessionEvent? {
        if case .head = state {
            if let verdict { throw verdict }
            guard !isHeldBack, try readHead() else { return nil }
            try beginBody()
        }
        if case .body = state {
            if let verdict { throw verdict }
            if dropsBody { return deliver() }
            return try readBody() ? deliver() : nil
        }
        return nil
    }

    private mutating func readHead() throws(HTTPProblem) -> Bool {
        guard hasInput else {
            if inputEnded { finish() }
            return false
        }
        // A second reference, not a copy: a span into `self` would keep the rest of it from changing.
        let input = self.input
        let (consumed, isComplete) = try parser.parse(input.span.extracting(inputStart..<input.count), limits: limits)
        consume(consumed)
        if !isComplete, inputEnded { finish() }
        return isComplete
    }

    /// Decides, once a head is complete, whether its body is wanted.
    private mutating func beginBody() throws(HTTPProblem) {
        try parser.interpret(bodyLimit: limits.body)
        let head = parser.head
        if head.method == .connect { throw .notImplemented("CONNECT is not done here.") }
        if head.expectsUnknown { throw .expectationFailed() }
        chunks = ChunkedDecoder()
        state = .body
        guard head.framing != .empty else { return }
        dropsBody = !head.isBodyWorthReading && !takesBody(head.request())
        if head.expectsContinue, !dropsBody {
            output.write { $0.append("HTTP/1.1 100 Continue\r\n\r\n") }
        }
    }

    private mutating func readBody() throws(HTTPProblem) -> Bool {
        let input = self.input
        let bytes = input.span.extracting(inputStart..<input.count)
        var isComplete = true
        switch parser.head.framing {
        case nil, .empty: break
        case .length(let length):
            let taken = min(length - body.count, bytes.count)
            if taken > 0 { body.append(bytes.extracting(0..<taken), atMost: length) }
            consume(taken)
            isComplete = body.count == length
        case .chunked:
            let consumed: Int
            (consumed, isComplete) = try chunks.decode(bytes, into: &body, limits: limits)
            consume(consumed)
        }
        if !isComplete, inputEnded { finish() }
        return isComplete
    }

    private mutating func deliver() -> HTTPSessionEvent? {
        let head = takeHead()
        stream += 1
        state = .handling
        exchange = Exchange(
            isHead: head.method == .head, version: head.version, closes: dropsBody || !head.keepsAlive)
        if dropsBody { dropInput() }
        dropsBody = false
        let mayUpgrade = offersHTTP2 && stream == 1 && !isDraining
        let settings = mayUpgrade ? HTTP2Upgrade.settings(in: head) : nil
        let request = head.request(body: body.take())
        if let settings {
            upgrade = HTTP2Upgrade(request: request, settings: settings, input: Array(input[inputStart...]))
            output.write {
                $0.append("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            }
            finish()
            return nil
        }
        return .request(request, stream: stream)
    }

    /// Hands out a refusal.
    ///
    /// The connection goes on only where the refused request's end is known to be behind it.
    private mutating func refuse(_ problem: HTTPProblem) -> HTTPSessionEvent {
        let since = self.since
        let head = takeHead()
        stream += 1
        state = .handling
        verdict = nil
        exchange = Exchange(
            isHead: head.method == .head, version: head.version,
            closes: head.framing != .empty || !head.keepsAlive)
        if exchange.closes { dropInput() }
        _ = body.take()
        return .refused(problem, stream: stream, HTTPRefusedRequest(head: head.request(), since: since))
    }

    /// The head of the request that is over; what came after it began the next one.
    private mutating func takeHead() -> RequestHead {
        since = receivedAt
        return parser.takeHead()
    }

    /// The request that HTTP/2 is to answer, on this connection, after what is in ``output``; once.
    package mutating func takeUpgrade() -> HTTP2Upgrade? { upgrade.take() }

    // MARK: Deadlines and ends

    /// What the peer is being waited for.
    package var phase: HTTPSessionPhase {
        switch state {
        // Requests that wait for the socket to take output are not the peer's to complete.
        case .head where hasInput && isHeldBack: .handling
        case .head: hasInput || parser.hasStarted ? .head : .idle
        // A body that is not read because earlier replies wait is not late.
        case .body where isHeldBack: .handling
        case .body: .body(received: body.count)
        case .handling, .streaming: .handling
        case .finished: .finished
        }
    }

    /// How many bytes are allocated for input.
    package var inputCapacity: Int { input.capacity }

    /// How many bytes are allocated for the body that is being received.
    package var bodyCapacity: Int { body.capacity }

    /// How many bytes were looked at to find the lines of the head that is being received: no more than it has.
    package var searchedBytes: Int { parser.searched }

    /// Whether to read from the socket: while the parser is starved and replies are taken.
    package var wantsInput: Bool {
        switch state {
        case .head, .body: isStarved && !inputEnded && !isHeldBack
        case .handling, .streaming, .finished: false
        }
    }

    /// The deadline of the current ``phase`` passed: refused with 408 by the next event, or finished where idle.
    package mutating func timeOut() {
        switch phase {
        case .idle: finish()
        case .head: verdict = .requestTimeout("The request's head was not complete by its deadline.")
        case .body: verdict = .requestTimeout("The request's body was not complete by its deadline.")
        case .until, .handling, .finished: break
        }
    }

    /// Bytes of the body that is being received.
    package var bodyBytes: Int { body.count }

    /// Refuses the request whose body is being received, with the next event.
    package mutating func refuseLargestBody(_ problem: HTTPProblem) {
        if case .body = state { verdict = problem }
    }

    /// Stops after the request that has begun, if any; its response says `Connection: close`.
    package mutating func drain() {
        isDraining = true
        if phase == .idle { finish() }
    }

    /// Nothing more will be read or answered.
    package var isFinished: Bool {
        if case .finished = state { true } else { false }
    }

    mutating func finish() {
        state = .finished
        dropInput()
        _ = body.take()
    }

    mutating func dropInput() {
        input = []
        inputStart = 0
    }

    /// The socket took that many bytes of ``output``.
    package mutating func didWrite(_ count: Int) { output.removeFirst(count) }
}
