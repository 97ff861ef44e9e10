/// Identifies one connection of one event loop.
///
/// Slots are reused; the generation counter tells a slot's connections apart, so that a message or an event for one that
/// has closed is not taken for its successor's.
struct ConnectionID: Sendable, Hashable {
    var slot: UInt32
    var generation: UInt32

    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// Both in one number, as the poller's user data.
    var token: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    init(token: UInt64) {
        slot = UInt32(truncatingIfNeeded: token)
        generation = UInt32(truncatingIfNeeded: token >> 32)
    }
}

/// One client's connection as a state machine: without a socket, a clock or a thread.
///
/// Its inputs are readiness, bytes, the outcome of a write, a job's result and a deadline that passed. Its outputs are the
/// steps of ``next(_:unacknowledged:)``, called until nothing is left to do in this turn. The event loop carries the steps
/// out, and so can a test.
///
/// The first bytes select the protocol: HTTP/2's connection preface (RFC 9113 section 3.4), or else HTTP/1.1, whose first
/// request may still upgrade to HTTP/2 (``HTTP2Upgrade``). An incomplete preface has the deadline of a request head, and is
/// passed to HTTP/1.1 when that ends.
///
/// **Buffers.** A request that arrived whole is answered from the event loop's read buffer. Bytes that a turn did not
/// consume, of an incomplete head or of pipelined requests, are kept in `input`; what the socket did not accept in `output`.
///
/// Methods that do not mutate and run every turn are inlined: passed to a function, a large struct is copied.
struct Connection: ~Copyable {
    /// What the event loop has to do next.
    enum Step: Equatable {
        /// Read once, then call ``didRead(_:wasFull:_:)``.
        case read
        /// Read once into the room of ``withBodyRoom(_:_:)``, then call ``didReadBody(wasFull:_:)``.
        case readBody
        /// Write the bytes of ``withOutput(_:_:)``, then call ``didWrite(_:of:_:)``.
        case write
        /// Discard up to that many bytes of input, then call ``didDiscard(_:)``.
        case discard(Int)
        /// Half-close the socket for writing.
        case shutDownWriting
        /// End this turn; schedule another after those of all other connections.
        case yield
        /// End this turn until an event, or until ``deadline``.
        case wait
        /// Close the socket; with a reset where a truncated reply could be taken for a complete one.
        case close(isReset: Bool)
    }

    /// The connection's life cycle.
    private enum Stage {
        /// Requests are served.
        case open
        /// Half-closed after the last reply: input is discarded until the peer closes, up to a deadline and a size.
        case lingering(until: UInt64, bytes: Int)
        /// The socket is closed.
        case closed(isReset: Bool)
    }

    let id: ConnectionID
    let peer: String
    /// Accepted above the connection limit, into the reserve: for one request of a health probe.
    private(set) var isReserved: Bool
    /// ``HTTPLimits/outputHighWater``.
    private let highWater: Int

    private var stage = Stage.open
    /// How many bytes of HTTP/2's preface were received; `nil` once the protocol is selected.
    private var prefaceMatched: Int? = 0
    private(set) var http1 = HTTP1Session(offersHTTP2: true)
    private(set) var http2: HTTP2Session?
    private var isSessionDraining = false
    /// Received and not consumed, between turns: from ``inputStart`` on.
    private(set) var input: [UInt8] = []
    /// How many bytes at the front of ``input`` are consumed.
    private var inputStart = 0
    /// HTTP/1.1's output that the socket did not accept, and large bodies.
    private(set) var output = HTTPOutput()
    private(set) var exchanges: [Exchange] = []
    /// Requests received so far.
    private(set) var requests = 0
    /// Bytes the socket accepted so far.
    private var written: UInt64 = 0

    /// The socket may be readable: set by an edge-triggered event, cleared by a read that emptied the socket.
    private var isReadable = false
    /// The socket may be writable: cleared by a write that it did not accept in full.
    private var isWritable = true
    /// The peer has half-closed the connection: nothing follows what can be read now.
    private var isEnding = false
    /// While draining, a connection that is new or was used a moment ago may have a request on its way: it serves one more
    /// before it drains.
    private var drainsAfterNext = false

    /// What is left of this turn: a request costs 1 and 1 for each KiB of its reply, a read ``readCost``.
    private var budget = 0
    /// Bytes that may still be written, or discarded, in this turn.
    private var writeBudget = 0
    private var dropBudget = 0
    /// The session has no further event before more bytes, a reply or room for output.
    private var isAnswered = true

    /// The earliest of all deadlines, for the event loop.
    private(set) var deadline = UInt64.max
    private var phaseDeadline = PhaseDeadline()
    private var phaseEnds = UInt64.max
    /// The deadline for the request of a connection of the reserve.
    private var reserveEnds = UInt64.max
    private var hasTimedOut = false
    /// The deadline for the peer to make progress with buffered output.
    ///
    /// Progress is what the peer's TCP acknowledged, not what the local socket buffer accepted: behind a large buffer a
    /// slow but steady reader makes room for a write only every few seconds.
    private var writeDeadline = ProgressDeadline()
    /// Bytes of incomplete bodies that are counted against the server's limit.
    private var countedBodies = 0

    /// HTTP/2's connection preface (RFC 9113 section 3.4).
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// Requests and reads of one turn, in ``budget``.
    private static let turnBudget = 64
    private static let readCost = 8
    private static let bodyReadCost = 32
    /// The most bytes of a body that are read at once.
    private static let bodyReadSize = 128 * 1024
    /// The most bytes discarded in one turn while lingering, and the most that are written: the kernel copies them, and
    /// other connections of the loop wait for that.
    private static let dropPerTurn = 1024 * 1024
    private static let writePerTurn = 1024 * 1024
    /// A stored body up to this size is passed as a view and its storage reused; a larger one is moved to the handler.
    private static let largestBorrowedBody = 4096
    /// Input storage above this is freed once it is consumed: most connections are idle most of the time.
    private static let largestKeptInput = 16 * 1024
    /// How long a connection of the reserve may take for its request, nanoseconds: silent clients must not keep probes out.
    private static let reserveSpan: UInt64 = 1_000_000_000
    /// How long a draining connection waits for one more request where it is new or was idle for less than this.
    static let lastRequestGrace: UInt64 = 1_000_000_000

    /// A connection that was just accepted.
    init(id: ConnectionID, peer: String, isReserved: Bool, _ turn: borrowing Turn) {
        self.id = id
        self.peer = peer
        self.isReserved = isReserved
        highWater = turn.context.configuration.limits.outputHighWater
        if isReserved { reserveEnds = turn.now &+ Self.reserveSpan }
    }

    /// Whether requests are still served: neither lingering nor closed.
    var isOpen: Bool { if case .open = stage { true } else { false } }

    /// Whether the connection is in keep-alive between requests, with every reply written.
    @inline(__always) var isIdle: Bool { isOpen && phase == .idle && outputCount == 0 && exchanges.isEmpty }

    // MARK: Inputs

    /// The poller reported readiness.
    mutating func becameReady(isReadable: Bool, isWritable: Bool, isEnding: Bool) {
        if isEnding { self.isEnding = true }
        if isReadable { self.isReadable = true }
        if isWritable { self.isWritable = true }
    }

    /// Begins a turn; called before any other input of it.
    mutating func beginTurn(now: UInt64) {
        budget = Self.turnBudget
        writeBudget = Self.writePerTurn
        dropBudget = Self.dropPerTurn
        if let http2 {
            http2.tick(now)
            isAnswered = false
        }
    }

    /// Answers what can be answered, then says what the event loop has to do next.
    ///
    /// - Parameter unacknowledged: how many written bytes the peer's TCP has not acknowledged yet.
    mutating func next(_ turn: inout Turn, unacknowledged: () -> Int) -> Step {
        switch stage {
        case .open: return nextOpen(&turn, unacknowledged)
        case .lingering(let until, let left):
            deadline = until
            guard isReadable else { return .wait }
            guard left > 0 else { return close(&turn) }
            return dropBudget > 0 ? .discard(min(left, dropBudget)) : .yield
        case .closed(let isReset): return .close(isReset: isReset)
        }
    }

    private mutating func nextOpen(_ turn: inout Turn, _ unacknowledged: () -> Int) -> Step {
        while true {
            if !isAnswered, budget > 0 { takeEvents(&turn) }
            if isStreaming { askForPieces(&turn) }
            let waiting = outputCount + turn.writer.output.count
            if isWritable, writeBudget > 0, waiting > 0 {
                if outputCount > 0 { keepOutput(&turn) }
                return .write
            }
            finishExchanges(&turn)
            let hasEvents = (!isAnswered || (http2?.hasEvent ?? false)) && isWritable
            let mayRead = isReadable && wantsInput(turn)
            guard budget > 0, writeBudget > 0, mayRead || hasEvents else {
                let isMore = mayRead || hasEvents || (isWritable && waiting > 0)
                return rest(&turn, unacknowledged, isMore: isMore)
            }
            if mayRead {
                // What is missing of a large body is read to where it is stored, which saves a copy and most of the calls.
                let isBody = http2 == nil && http1.bodyRoom > Self.largestBorrowedBody && input.isEmpty
                budget -= isBody ? Self.bodyReadCost : Self.readCost
                return isBody ? .readBody : .read
            }
            isAnswered = false
        }
    }

    /// Ends the turn: keeps the output that the socket did not accept, closes where the session is finished, and updates the
    /// deadline.
    private mutating func rest(_ turn: inout Turn, _ unacknowledged: () -> Int, isMore: Bool) -> Step {
        keepOutput(&turn)
        if isFinished, outputCount == 0 {
            return written == 0 ? close(&turn) : linger(&turn)
        }
        let hasRefused = countBodies(turn.context)
        updateDeadline(&turn, unacknowledged)
        return isMore || hasRefused ? .yield : .wait
    }

    /// A read returned those bytes; `wasFull` where it filled the buffer.
    ///
    /// A read that did not fill the buffer emptied the socket, so that the next bytes cause another event and no second read
    /// is needed. After the peer's half-close there is no further event: then reading goes on to the end.
    mutating func didRead(_ bytes: borrowing Span<UInt8>, wasFull: Bool, _ turn: inout Turn) {
        if isReserved { leaveReserve(turn.context) }
        isReadable = wasFull || isEnding
        receive(bytes, &turn)
        _ = countBodies(turn.context)
    }

    /// Lends `read` the room for what is missing of a large body; it returns how many bytes it read.
    mutating func withBodyRoom(_ turn: borrowing Turn, _ read: (UnsafeMutableRawBufferPointer) -> Int) {
        http1.readBody(upTo: Self.bodyReadSize, now: turn.now, read)
    }

    /// A read put bytes into that room; `wasFull` where it filled it.
    mutating func didReadBody(wasFull: Bool, _ turn: inout Turn) {
        isReadable = wasFull || isEnding
        isAnswered = false
        _ = countBodies(turn.context)
    }

    /// A read found the end of the stream.
    mutating func didReadEnd(_ turn: inout Turn) {
        if isReserved { leaveReserve(turn.context) }
        isReadable = false
        isEnding = true
        isAnswered = false
        chooseHTTP1()
        if let http2 { http2.receiveEnd() } else { http1.receiveEnd() }
    }

    /// A read would have blocked.
    mutating func didReadNothing() { isReadable = false }

    /// The socket accepted `count` of the `offered` bytes; `nil` where the write would have blocked.
    mutating func didWrite(_ count: Int?, of offered: Int, _ turn: inout Turn) {
        guard let count else {
            isWritable = false
            return
        }
        written &+= UInt64(count)
        writeBudget -= count
        // A partial write filled the socket buffer: an event follows once there is room.
        if count < offered { isWritable = false }
        if let http2 {
            http2.didWrite(count)
        } else if !output.isEmpty {
            output.removeFirst(count)
        } else {
            turn.writer.removeFirst(count)
        }
    }

    /// So many bytes of input were discarded; `nil` where there were none.
    mutating func didDiscard(_ count: Int?) {
        guard case .lingering(let until, let left) = stage, let count else {
            isReadable = false
            return
        }
        stage = .lingering(until: until, bytes: left - count)
        dropBudget -= count
    }

    /// The connection failed: closes it and cancels its requests in flight.
    mutating func fail(_ turn: inout Turn) { _ = close(&turn) }

    /// ``deadline`` passed.
    mutating func deadlinePassed(_ turn: inout Turn, unacknowledged: () -> Int) {
        switch stage {
        case .closed: return
        case .lingering(let until, _):
            if until <= turn.now { _ = close(&turn) }
            return
        case .open: break
        }
        creditAcknowledged(turn.now, turn.context.deadlines, unacknowledged)
        if writeDeadline.at <= turn.now {
            _ = close(&turn)
            return
        }
        expireWork(&turn)
        guard isOpen, phaseEnds <= turn.now else { return }
        // The session was timed out before and is still in the same phase.
        if hasTimedOut {
            _ = close(&turn)
            return
        }
        hasTimedOut = true
        timeOut()
    }

    /// Ends the current phase as its deadline does; also how an idle connection is evicted.
    mutating func timeOut() {
        isAnswered = false
        chooseHTTP1()
        if let http2 {
            http2.timeOut()
        } else {
            http1.timeOut(http1.phase(isHeldBack: isHeldBack))
        }
    }

    /// Whether an idle connection may be closed at once when it is evicted, because the peer has its last reply: its TCP has
    /// acknowledged it, or the reply is older than a lingering close would wait.
    func isDelivered(_ turn: borrowing Turn, unacknowledged: () -> Int) -> Bool {
        phaseDeadline.since &+ turn.context.deadlines.linger <= turn.now || unacknowledged() == 0
    }

    /// Has the next turn read the socket without an event, so that requests that have arrived are served first.
    mutating func assumeReadable() { isReadable = true }

    /// Begins a graceful close: requests in flight are finished.
    ///
    /// Called after a turn for what had arrived by then.
    mutating func beginDrain(_ turn: borrowing Turn) {
        guard isOpen else { return }
        // A client that was just answered, or whose reply has begun without `Connection: close`, may have sent its next
        // request, which closing now would lose. In HTTP/2 GOAWAY takes care of that.
        let isRecent = requests == 0 || phaseDeadline.since &+ Self.lastRequestGrace > turn.now
        let hasBegun = exchanges.contains { $0.status != 0 }
        if hasBegun || (isRecent && phase == .idle), http2 == nil {
            drainsAfterNext = true
        } else {
            drainSession()
        }
        isAnswered = false
    }

    // MARK: Bytes in

    /// Whether to read from the socket: not while requests wait for replies, or output is above the high-water mark.
    @inline(__always)
    func wantsInput(_ turn: borrowing Turn) -> Bool {
        if let http2 { return http2.wantsInput }
        return prefaceMatched != nil || (http1.wantsInput && output.count + turn.writer.output.count <= highWater)
    }

    /// Whether output is above the high-water mark, so that no further request of HTTP/1.1 is begun.
    @inline(__always) private var isHeldBack: Bool { output.count > highWater }

    private mutating func receive(_ bytes: borrowing Span<UInt8>, _ turn: inout Turn) {
        isAnswered = false
        if let http2 {
            bytes.withUnsafeBytes { http2.receive($0) }
        } else if prefaceMatched != nil {
            choose(bytes, &turn)
        } else {
            receiveHTTP1(bytes, &turn)
        }
    }

    /// Compares the connection's first bytes with HTTP/2's preface.
    private mutating func choose(_ bytes: borrowing Span<UInt8>, _ turn: inout Turn) {
        guard let matched = prefaceMatched else { return }
        var count = 0
        while matched + count < Self.preface.count, count < bytes.count {
            guard bytes[count] == Self.preface[matched + count] else {
                chooseHTTP1()
                receiveHTTP1(bytes, &turn)
                return
            }
            count += 1
        }
        // Where this turns out to be no preface, the head's deadline counts from its first byte.
        if matched == 0 { prefaceBegan = turn.now }
        prefaceMatched = matched + count
        guard matched + count == Self.preface.count else { return }
        prefaceMatched = nil
        let session = HTTP2Session(
            limits: turn.context.configuration.limits, deadlines: turn.context.deadlines, now: turn.now,
            handler: turn.handler, isProbe: probesOnly(turn))
        Self.preface.withUnsafeBytes { session.receive($0) }
        bytes.extracting(count..<bytes.count).withUnsafeBytes { session.receive($0) }
        begin(session)
    }

    /// When the first byte of an incomplete preface was received.
    private var prefaceBegan: UInt64 = 0

    /// Selects HTTP/1.1, which gets the bytes that matched the preface so far.
    private mutating func chooseHTTP1() {
        guard let matched = prefaceMatched else { return }
        prefaceMatched = nil
        if matched > 0 {
            input = Array(Self.preface[..<matched])
            http1.receive(matched, now: prefaceBegan)
        }
        // A request that begins with those bytes is still answered.
        if isSessionDraining { http1.drain() }
    }

    /// On a connection of the reserve, the predicate for paths whose bodies are read; else `nil`.
    @inline(__always)
    private func probesOnly(_ turn: borrowing Turn) -> (@Sendable (String) -> Bool)? {
        isReserved ? turn.context.configuration.isProbe : nil
    }

    private mutating func begin(_ session: HTTP2Session) {
        if isSessionDraining { session.drain() }
        http2 = session
    }

    private mutating func receiveHTTP1(_ bytes: borrowing Span<UInt8>, _ turn: inout Turn) {
        http1.receive(bytes.count, now: turn.now)
        if input.isEmpty {
            let consumed = serveHTTP1(bytes, &turn)
            if consumed < bytes.count, http2 == nil, !http1.isFinished {
                input.append(bytes.extracting(consumed..<bytes.count))
            }
        } else {
            input.append(bytes)
        }
    }

    /// Serves requests from the kept input.
    private mutating func serveInput(_ turn: inout Turn) {
        var kept: [UInt8] = []
        swap(&kept, &input)
        let consumed = serveHTTP1(kept.span.extracting(droppingFirst: inputStart), &turn)
        inputStart += consumed
        if inputStart == kept.count || http1.isFinished {
            kept.removeAll(keepingCapacity: kept.capacity <= Self.largestKeptInput)
            inputStart = 0
        } else if inputStart > kept.count / 2 {
            // Only once it moves less than was consumed: pipelined requests cost the same however many wait.
            kept.removeSubrange(..<inputStart)
            inputStart = 0
        }
        swap(&kept, &input)
    }

    // MARK: Requests

    /// Answers the session's requests until output reaches the high-water mark or the turn's budget is spent.
    private mutating func takeEvents(_ turn: inout Turn) {
        if let http2 {
            takeHTTP2Events(http2, &turn)
        } else if prefaceMatched == nil {
            serveInput(&turn)
        } else {
            isAnswered = true
        }
    }

    /// Serves requests of HTTP/1.1; returns how many bytes they consumed.
    private mutating func serveHTTP1(_ bytes: borrowing Span<UInt8>, _ turn: inout Turn) -> Int {
        var start = 0
        while budget > 0 {
            let queued = output.count + turn.writer.output.count
            guard queued <= highWater else { return start }
            let rest = bytes.extracting(start..<bytes.count)
            let (event, consumed) = http1.next(rest, turn.limits)
            switch event {
            case .starved:
                isAnswered = true
                return start + consumed
            case .announced:
                let heads = http1.heads
                let request = HTTPRequest(heads.span, copy rest, id: RequestID(bits: 0))
                let admission = turn.handler.admit(request, isProbe: probesOnly(turn))
                if http1.admit(admission) { turn.writer.append("HTTP/1.1 100 Continue\r\n\r\n") }
                continue
            case .request: answerHTTP1(rest, &turn)
            case .refused: refuseHTTP1(rest, &turn)
            case .upgrade:
                upgrade(rest, consumed, &turn)
                return bytes.count
            }
            start += consumed
            budget -= 1 + (output.count + turn.writer.output.count - queued) / 1024
        }
        return start
    }

    private mutating func answerHTTP1(_ bytes: borrowing Span<UInt8>, _ turn: inout Turn) {
        let stream = http1.stream
        if http1.hasStoredRequest {
            var stored = http1.takeStored()
            answer(&stored, stream: stream, &turn)
        } else {
            let heads = http1.heads
            let place = http1.bodyRange
            let headBytes = bytes.extracting(0..<place.lowerBound)
            let id = RequestID(sentIn: heads[0], headBytes) ?? turn.nextRequestID()
            var request = HTTPRequest(heads.span, headBytes, id: id, body: bytes.extracting(place))
            let kept = turn.keep(heads[0], headBytes)
            answer(&request, stream: stream, route: http1.admittedRoute, kept, &turn)
        }
        http1.endRequest()
    }

    /// Answers a stored request, whose body is moved to the handler where it is large.
    private mutating func answer(_ stored: inout StoredRequest, stream: Int, _ turn: inout Turn) {
        let (bytes, route) = (stored.bytes, stored.route)
        let head: [1 of RequestHead] = [stored.head]
        let id = RequestID(sentIn: stored.head, bytes.span) ?? turn.nextRequestID()
        let kept = turn.keep(stored.head, bytes.span)
        if stored.body.count <= Self.largestBorrowedBody {
            let body = stored.body
            var request = HTTPRequest(head.span, bytes.span, id: id, body: body.span)
            answer(&request, stream: stream, route: route, kept, &turn)
        } else {
            var body: [UInt8] = []
            swap(&body, &stored.body)
            var request = HTTPRequest(head.span, bytes.span, id: id, collected: body)
            answer(&request, stream: stream, route: route, kept, &turn)
        }
    }

    private mutating func refuseHTTP1(_ bytes: borrowing Span<UInt8>, _ turn: inout Turn) {
        guard let problem = http1.takeProblem() else { preconditionFailure("a refused request has its problem") }
        var stored = http1.takeStored()
        if stored.bytes.isEmpty { stored.bytes = bytes.extracting(0..<min(bytes.count, http1.headLength)).array }
        refuse(problem, stored, stream: http1.stream, &turn)
        http1.endRequest()
    }

    /// The request is to be answered over HTTP/2 on this connection, after 101.
    private mutating func upgrade(_ bytes: borrowing Span<UInt8>, _ consumed: Int, _ turn: inout Turn) {
        turn.writer.append("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        keepOutput(&turn)
        var stored = http1.takeStored()
        stored.bytes = bytes.extracting(0..<consumed).array
        let session = HTTP2Session(
            limits: turn.context.configuration.limits, deadlines: turn.context.deadlines, now: turn.now,
            handler: turn.handler, isProbe: probesOnly(turn), upgrading: stored, settings: http1.upgradeSettings)
        swap(&session.output, &output)
        bytes.extracting(consumed..<bytes.count).withUnsafeBytes { session.receive($0) }
        begin(session)
    }

    private mutating func takeHTTP2Events(_ session: HTTP2Session, _ turn: inout Turn) {
        while budget > 0, session.output.count < highWater {
            let queued = session.output.count
            guard let event = session.nextEvent() else {
                isAnswered = true
                return
            }
            switch event {
            case .request(let stream):
                var stored = session.takeRequest(of: stream)
                answer(&stored, stream: stream, &turn)
            case .refused(let problem, let stream):
                refuse(problem, session.takeRequest(of: stream), stream: stream, &turn)
            case .cancelled(let stream):
                // A reply that is fully framed is counted as complete; then only the rest of the request is not wanted.
                if let index = exchanges.firstIndex(where: { $0.stream == stream && $0.endsAt == .max }) {
                    cancel(exchanges.remove(at: index), &turn)
                }
            }
            budget -= 1 + max(0, session.output.count - queued) / 1024
        }
    }

    /// Hands a request to the handler and begins its reply, or its work.
    private mutating func answer(
        _ request: inout HTTPRequest, stream: Int, route: Int?, _ kept: KeptHead?, _ turn: inout Turn
    ) {
        requests += 1
        if isReserved || turn.isDraining { drainSession() }
        let requestBytes = request.bodyCount
        var reply: HTTPReply?
        if !isReserved || turn.context.configuration.isProbe(request.pathText) {
            request.route = route ?? turn.handler.admit(request).route
            reply = turn.handler.respond(to: &request, &turn.writer)
            if case .written = reply {
                endWritten(request, stream: stream, requestBytes: requestBytes, kept, &turn)
                return
            }
        }
        var exchange = Exchange(
            stream: stream, request.head, id: request.id, startedAt: turn.now, requestBytes: requestBytes, kept: kept)
        if let reply {
            begin(reply, &exchange, request.head, request.bytes, &turn)
        } else {
            let problem = unavailable("All connections are taken.", turn.context)
            fail(&exchange, problem, request.head, request.bytes, &turn)
        }
        exchanges.append(exchange)
    }

    /// Begins a reply, or the work for it where the budget has room.
    private mutating func begin(
        _ reply: consuming HTTPReply, _ exchange: inout Exchange, _ head: borrowing RequestHead,
        _ bytes: borrowing Span<UInt8>, _ turn: inout Turn
    ) {
        precondition(turn.writer.status == 0, "a reply is written or returned, not both")
        switch consume reply {
        case .written: preconditionFailure("a written reply has no more to begin")
        case .ready(let response): begin(response, &exchange, bytes, &turn)
        case .deferred(let cost, let replyBytes, let run):
            if let ticket = turn.context.status.makeTicket(
                cost: cost, budget: turn.context.configuration.workBudget)
            {
                if exchange.kept == nil { exchange.kept = turn.copy(head, bytes) }
                submit(run, ticket, replyBytes: replyBytes, &exchange, &turn)
            } else {
                fail(&exchange, overBudget(turn.context), head, bytes, &turn)
            }
        }
    }

    /// Answers a request that the session refused.
    private mutating func refuse(
        _ problem: HTTPProblem, _ stored: StoredRequest, stream: Int, _ turn: inout Turn
    ) {
        requests += 1
        let id = RequestID(sentIn: stored.head, stored.bytes.span) ?? turn.nextRequestID()
        var exchange = Exchange(
            stream: stream, stored.head, id: id, startedAt: stored.since, requestBytes: 0,
            kept: turn.keep(stored.head, stored: stored.bytes))
        if isReserved || turn.isDraining { drainSession() }
        fail(&exchange, problem, stored.head, stored.bytes.span, &turn)
        exchanges.append(exchange)
    }

    private func unavailable(_ detail: String, _ context: ServerContext) -> HTTPProblem {
        .serviceUnavailable(detail, retryAfter: context.configuration.retryAfter)
    }

    private func overBudget(_ context: ServerContext) -> HTTPProblem {
        unavailable("The work budget is full.", context)
    }

    private mutating func fail(
        _ exchange: inout Exchange, _ problem: HTTPProblem, _ head: borrowing RequestHead,
        _ bytes: borrowing Span<UInt8>, _ turn: inout Turn
    ) {
        exchange.problem = problem.slug
        let bytes = copy bytes
        let heads: [1 of RequestHead] = [copy head]
        let request = HTTPRequest(heads.span, bytes, id: exchange.id)
        var response = problem.response(
            requestID: request.idText, types: turn.context.configuration.problemTypes)
        turn.handler.complete(&response, for: request)
        begin(response, &exchange, bytes, &turn)
    }

    private mutating func submit(
        _ run: @escaping @Sendable (HTTPWorkTicket) -> HTTPResponse?, _ ticket: HTTPWorkTicket, replyBytes: Int,
        _ exchange: inout Exchange, _ turn: inout Turn
    ) {
        let work = Work(ticket)
        let (id, stream, isHead) = (id, exchange.stream, exchange.isHead)
        let job = turn.executor.submit {
            guard !ticket.isCancelled else { return nil }
            let response = run(ticket)
            var piece: BodyPiece?
            if case .stream(let source)? = response?.body, response?.hasContent(isForHead: isHead) == true {
                guard !ticket.isCancelled else { return nil }
                piece = BodyPiece(of: source)
            }
            return .reply(id, stream: stream, response, piece)
        }
        work.begin(job, deadline: exchange.startedAt &+ turn.context.deadlines.request)
        exchange.work = work
        // Any number above fills the room as well; the sum of those of all streams must not overflow.
        http2?.reserve(replyBytes: min(replyBytes, 1 << 40), for: stream)
    }

    // MARK: Replies

    /// The handler has written the whole reply.
    private mutating func endWritten(
        _ request: borrowing HTTPRequest, stream: Int, requestBytes: Int, _ kept: KeptHead?, _ turn: inout Turn
    ) {
        precondition(turn.writer.status != 0, "a handler that says so has written a reply")
        let length = turn.writer.bodyCount
        var status = turn.writer.status
        let hasContent: Bool
        if let http2 {
            hasContent = HTTPResponse.hasContent(status: status, isForHead: request.method == .head)
            http2.respond(with: turn.writer, to: stream, date: turn.date, id: request.id, request.bytes)
            turn.writer.removeReply()
        } else {
            let head: ResponseHead
            (head, hasContent) = http1.beginReply(status: status, length: length, date: turn.date)
            turn.writer.setHead(head, id: request.id, request.bytes, keepsBody: hasContent)
            status = head.status
        }
        let exchange = Exchange(
            stream: stream, request.head, id: request.id, startedAt: turn.now, requestBytes: requestBytes,
            kept: kept, status: status, responseBytes: hasContent ? length : 0, isMade: true,
            endsAt: outputEnd(of: stream, turn))
        exchanges.append(consume exchange)
    }

    /// Begins the reply: all of it, or its head where the body is made piece by piece.
    private mutating func begin(
        _ response: HTTPResponse, _ exchange: inout Exchange, _ bytes: borrowing Span<UInt8>, _ turn: inout Turn
    ) {
        // As the sessions send it: any other number would make the status line invalid.
        exchange.status = (200...599).contains(response.status) ? response.status : 500
        let length = response.body.length
        let hasContent: Bool
        if let http2 {
            http2.respond(response, to: exchange.stream, date: turn.date, id: exchange.id, bytes)
            hasContent = response.hasContent(isForHead: exchange.isHead)
        } else {
            guard http1.isHandling else { return }
            let head: ResponseHead
            (head, hasContent) = http1.beginReply(status: response.status, length: length, date: turn.date)
            let (id, bytes) = (exchange.id, copy bytes)
            turn.writer.append(atMost: ResponseHead.room + response.fields.room) {
                head.write(response.fields, id: id, bytes, to: &$0)
            }
        }
        if case .stream(let source) = response.body, hasContent {
            let work = exchange.work ?? Work(HTTPWorkTicket())
            work.source = source
            exchange.work = work
            return
        }
        if hasContent {
            exchange.responseBytes = length ?? 0
            if http2 == nil { response.body.forEachPart { append($0, &turn) } }
        }
        end(&exchange, &turn)
    }

    /// Queues content of HTTP/1.1: copied where it is short, else moved.
    private mutating func append(_ content: [UInt8], _ turn: inout Turn) {
        guard content.count > HTTPOutput.copyLimit else {
            turn.writer.append(content)
            return
        }
        keepOutput(&turn)
        output.append(content)
    }

    /// Queues a piece of a streamed body.
    private mutating func write(_ piece: [UInt8], to stream: Int, isLast: Bool, _ turn: inout Turn) {
        if let http2 {
            http2.write(piece, to: stream, isLast: isLast)
            return
        }
        guard let isChunked = http1.isStreamingChunked, stream == http1.stream else { return }
        // An empty chunk would be the last one.
        if !piece.isEmpty {
            if isChunked {
                turn.writer.append(atMost: 18) {
                    $0.appendHexadecimal(UInt64(piece.count))
                    $0.append("\r\n")
                }
            }
            append(piece, &turn)
            if isChunked { turn.writer.append("\r\n") }
        }
        if isLast {
            if isChunked { turn.writer.append("0\r\n\r\n") }
            http1.endReply()
        }
    }

    /// Whether the next piece of a streamed body should be made now.
    @inline(__always)
    private func wantsBody(of stream: Int, _ turn: borrowing Turn) -> Bool {
        if let http2 { return http2.wantsBody(of: stream) }
        return http1.isStreamingChunked != nil && stream == http1.stream
            && output.count + turn.writer.output.count <= highWater
    }

    /// The whole reply is made.
    private mutating func end(_ exchange: inout Exchange, _ turn: inout Turn) {
        exchange.work?.release()
        exchange.work = nil
        exchange.isMade = true
        exchange.endsAt = outputEnd(of: exchange.stream, turn)
    }

    /// The output position at which a reply ends, `UInt64.max` while HTTP/2's flow control holds some of it back.
    @inline(__always)
    private func outputEnd(of stream: Int, _ turn: borrowing Turn) -> UInt64 {
        if let http2, http2.holdsReply(of: stream) { return .max }
        return written &+ UInt64(outputCount + turn.writer.output.count)
    }

    /// Deferred work is done: the response and, where it is streamed, its first piece; no response where the work's true cost
    /// did not fit into the work budget.
    ///
    /// Ignored where the request was cancelled meanwhile.
    mutating func receive(_ response: HTTPResponse?, _ piece: BodyPiece?, for stream: Int, _ turn: inout Turn) {
        guard isOpen, let index = indexOfWork(for: stream), let work = exchanges[index].work else { return }
        isAnswered = false
        var exchange = exchanges[index]
        let (head, bytes) = exchange.keptHead
        guard let response, piece?.progress != .failed else {
            work.release()
            exchange.work = nil
            let problem = response == nil ? overBudget(turn.context) : .internalError()
            fail(&exchange, problem, head, bytes.span, &turn)
            exchanges[index] = exchange
            return
        }
        if piece == nil { work.endJob() }
        begin(response, &exchange, bytes.span, &turn)
        exchanges[index] = exchange
        if let piece { take(piece, at: index, work, &turn) }
    }

    /// The source of a streamed body made a piece, had none yet, or failed.
    mutating func receive(_ piece: BodyPiece, for stream: Int, _ turn: inout Turn) {
        guard isOpen, let index = indexOfWork(for: stream), let work = exchanges[index].work else { return }
        isAnswered = false
        take(piece, at: index, work, &turn)
    }

    /// The exchange of that stream, where the compute pool has a job for it.
    private func indexOfWork(for stream: Int) -> Int? {
        exchanges.firstIndex { $0.stream == stream && $0.work?.job != nil }
    }

    private mutating func take(_ piece: BodyPiece, at index: Int, _ work: Work, _ turn: inout Turn) {
        let stream = exchanges[index].stream
        // The reservation ends with the piece, whatever its size.
        http2?.reserve(replyBytes: 0, for: stream)
        switch piece.progress {
        case .failed:
            work.endJob()
            exchanges[index].problem = HTTPProblemKind.internalError.slug
            truncate(at: index, &turn)
        case .more where piece.parts.allSatisfy(\.isEmpty):
            if !work.endEmptyJob(now: turn.now) {
                work.endJob()
                truncate(at: index, &turn)
            }
        case .more, .last:
            work.endJob()
            for part in piece.parts {
                exchanges[index].responseBytes += part.count
                write(part, to: stream, isLast: false, &turn)
            }
            if piece.progress == .last {
                write([], to: stream, isLast: true, &turn)
                var exchange = exchanges[index]
                end(&exchange, &turn)
                exchanges[index] = exchange
            }
        }
    }

    /// Whether any reply is or may become a streamed one.
    @inline(__always) private var isStreaming: Bool {
        for index in exchanges.indices where exchanges[index].work != nil { return true }
        return false
    }

    /// Has the compute pool make the next piece of every streamed body that backpressure allows: one at a time per stream.
    private mutating func askForPieces(_ turn: inout Turn) {
        for index in exchanges.indices {
            guard let work = exchanges[index].work, let source = work.source, work.isReady(now: turn.now),
                wantsBody(of: exchanges[index].stream, turn)
            else { continue }
            let (id, stream, ticket) = (id, exchanges[index].stream, work.ticket)
            let job = turn.executor.submit {
                ticket.isCancelled ? nil : .piece(id, stream: stream, BodyPiece(of: source))
            }
            work.beginPiece(job, now: turn.now, span: turn.context.deadlines.request)
            http2?.reserve(replyBytes: Work.pieceBytes, for: stream)
        }
    }

    /// The earliest deadline of compute work, or time at which a source that had no piece is asked again.
    @inline(__always) private var workDeadline: UInt64 {
        var earliest = UInt64.max
        for index in exchanges.indices {
            guard let work = exchanges[index].work else { continue }
            earliest = min(earliest, work.deadline, work.resumesAt ?? .max)
        }
        return earliest
    }

    /// Cancels work whose deadline passed: 503, or a truncated reply where it has begun.
    private mutating func expireWork(_ turn: inout Turn) {
        for index in exchanges.indices {
            guard isOpen, let work = exchanges[index].work, work.deadline <= turn.now else { continue }
            isAnswered = false
            if exchanges[index].status == 0 {
                work.cancel()
                var exchange = exchanges[index]
                exchange.work = nil
                let (head, bytes) = exchange.keptHead
                fail(&exchange, unavailable("The request took too long.", turn.context), head, bytes.span, &turn)
                exchanges[index] = exchange
            } else {
                truncate(at: index, &turn)
            }
        }
    }

    /// Truncates a reply that has begun, so that its client can tell: no last chunk, or RST_STREAM.
    ///
    /// To an HTTP/1.0 client the connection's close is the body's end: it gets a reset instead.
    private mutating func truncate(at index: Int, _ turn: inout Turn) {
        exchanges[index].work?.cancel()
        exchanges[index].work = nil
        if exchanges[index].version == .http1_0 {
            _ = close(&turn)
        } else if let http2 {
            http2.abort(exchanges[index].stream)
        } else if exchanges[index].stream == http1.stream {
            http1.abort()
        }
    }

    /// Reports the exchanges whose replies the socket has accepted.
    private mutating func finishExchanges(_ turn: inout Turn) {
        guard !exchanges.isEmpty else { return }
        var index = 0
        while index < exchanges.count {
            if exchanges[index].isMade, exchanges[index].endsAt == .max {
                let end = outputEnd(of: exchanges[index].stream, turn)
                exchanges[index].endsAt = end
            }
            guard exchanges[index].endsAt <= written else {
                index += 1
                continue
            }
            turn.report(exchanges.remove(at: index), peer: peer, isComplete: true)
        }
    }

    private mutating func cancel(_ exchange: consuming Exchange, _ turn: inout Turn) {
        exchange.work?.cancel()
        turn.report(exchange, peer: peer, isComplete: false)
    }

    // MARK: Output

    /// Bytes buffered for the socket, without those of this turn.
    @inline(__always) var outputCount: Int { if let http2 { http2.output.count } else { output.count } }

    /// Calls `body` with the segments to write next, oldest first: at most what is left of this turn's budget.
    func withOutput<R>(_ turn: borrowing Turn, _ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) -> R) -> R {
        if let http2 { return http2.withFirstSegments(atMost: writeBudget, body) }
        if !output.isEmpty { return output.withFirstSegments(atMost: writeBudget, body) }
        return withUnsafePointer(to: turn.writer.output.bytes) { body(UnsafeBufferPointer(start: $0, count: 1)) }
    }

    /// Moves output of this turn that the socket did not accept to ``output``.
    private mutating func keepOutput(_ turn: inout Turn) {
        guard !turn.writer.output.isEmpty else { return }
        output.write { $0.append(contentsOf: turn.writer.output.bytes) }
        turn.writer.removeAll()
    }

    // MARK: Deadlines and ends

    /// What the connection waits for, which selects the deadline.
    @inline(__always) var phase: HTTPSessionPhase {
        if let http2 { return http2.phase }
        if let prefaceMatched, prefaceMatched > 0 { return .head }
        return http1.phase(isHeldBack: isHeldBack)
    }

    /// Nothing more will be read or answered.
    @inline(__always) var isFinished: Bool { if let http2 { http2.isFinished } else { http1.isFinished } }

    /// Has the session finish the requests in flight and take no new ones.
    mutating func drainSession() {
        isSessionDraining = true
        if let http2 {
            http2.drain()
        } else if prefaceMatched ?? 0 == 0 {
            http1.drain()
        }
    }

    private mutating func updateDeadline(_ turn: inout Turn, _ unacknowledged: () -> Int) {
        let limits = turn.context.deadlines
        let phase = phase
        var ends = phaseDeadline.update(phase, requests: requests, now: turn.now, limits: limits)
        if drainsAfterNext, phase == .idle {
            let grace = phaseDeadline.since &+ Self.lastRequestGrace
            ends = min(ends, max(turn.lastRequestDeadline, grace))
        }
        if requests == 0 { ends = min(ends, reserveEnds) }
        if ends != phaseEnds { hasTimedOut = false }
        phaseEnds = ends
        creditAcknowledged(turn.now, limits, unacknowledged)
        deadline = min(phaseEnds, writeDeadline.at, workDeadline)
        if writeDeadline.at != .max {
            // There is no event for the peer's acknowledgements: they are polled, so that its last progress has a time.
            deadline = min(deadline, turn.now &+ limits.write / 8)
        }
    }

    /// Credits the write deadline with the output that the peer has acknowledged.
    private mutating func creditAcknowledged(_ now: UInt64, _ limits: DeadlineLimits, _ unacknowledged: () -> Int) {
        guard outputCount > 0 else {
            writeDeadline.clear()
            return
        }
        guard !isWritable || writeDeadline.at != .max else { return }
        let delivered = written &- UInt64(unacknowledged())
        if writeDeadline.at == .max {
            writeDeadline.start(progress: delivered, now: now, span: limits.write)
        } else {
            writeDeadline.update(progress: delivered, now: now, span: limits.write, rate: limits.rate)
        }
    }

    /// Counts incomplete bodies against the server's limit; where they do not fit, refuses the request with the largest, and
    /// returns `true`.
    ///
    /// The first 64 KiB are not counted: the number of connections bounds them, and small requests are still served.
    private mutating func countBodies(_ context: ServerContext) -> Bool {
        var held = http1.bodyBytes
        if let http2 { held = http2.bodyBytes }
        let counted = max(0, held - 64 * 1024)
        guard counted != countedBodies else { return false }
        if counted < countedBodies {
            context.status.releaseBodies(countedBodies - counted)
            countedBodies = counted
            return false
        }
        if context.status.reserveBodies(counted - countedBodies, limit: context.configuration.bodyMemory) {
            countedBodies = counted
            return false
        }
        let problem = unavailable("The memory for request bodies is full.", context)
        if let http2 { http2.refuseLargestBody(problem) } else { http1.refuseBody(problem) }
        isAnswered = false
        return true
    }

    /// Makes a connection of the reserve an ordinary one if it has sent nothing yet and a seat has become free.
    private mutating func leaveReserve(_ context: ServerContext) {
        guard requests == 0, phase == .idle, !context.status.isFull(context.configuration) else { return }
        isReserved = false
        reserveEnds = .max
        http1 = HTTP1Session(offersHTTP2: true)
        isSessionDraining = false
    }

    private mutating func linger(_ turn: inout Turn) -> Step {
        release(&turn)
        let until = turn.now &+ turn.context.deadlines.linger
        stage = .lingering(until: until, bytes: max(0, turn.context.configuration.lingerBytes))
        deadline = until
        isReadable = true
        return .shutDownWriting
    }

    private mutating func close(_ turn: inout Turn) -> Step {
        if case .closed(let isReset) = stage { return .close(isReset: isReset) }
        // To an HTTP/1.0 client an orderly close would complete a truncated reply; a reset also discards what the socket
        // buffer still holds of it.
        let isReset = exchanges.contains { $0.status != 0 }
        stage = .closed(isReset: isReset)
        release(&turn)
        if let fault = http2?.fault { turn.report(HTTPConnectionEnd(fault: fault, peer: peer, requests: requests)) }
        turn.writer.removeAll()
        return .close(isReset: isReset)
    }

    /// Cancels the requests in flight and releases what is counted for them.
    private mutating func release(_ turn: inout Turn) {
        while let exchange = exchanges.popLast() { cancel(exchange, &turn) }
        turn.context.status.releaseBodies(countedBodies)
        countedBodies = 0
    }
}
