import Testing

@testable import HTTPServer

/// Drives a connection as the event loop does, with a socket, a clock and compute threads that are moved by hand.
///
/// Requests are answered at once by the router, or left open for ``respond(_:to:)`` where they are asked for by
/// ``nextRequest()``. A class, with what tests look at passed through: `#expect` cannot look into a connection, which is
/// never copied.
final class SessionDriver {
    private(set) var connection: Connection
    private var turn: Turn
    let clock: ManualClock
    let executor = ManualExecutor()
    let status = HTTPServerStatus()
    private let handler: TestHandler
    private let observer: RecordingObserver
    private let router: TestRouter

    /// All bytes that went to the peer.
    var sent: [UInt8] = []
    /// What happened, in words that can be compared.
    var log: [String] = []
    /// The requests that came.
    var requests: [RequestCopy] = []
    /// Those that were refused, as far as they were read.
    var refused: [RequestCopy] = []
    /// Answers a request instead of the router.
    var answer: ((RequestCopy) -> HTTPReply)?
    /// Prints the reply to a request, or leaves that to ``answer``.
    var printing: ((RequestCopy, inout ReplyWriter) -> HTTPReply?)?

    /// What the peer has sent that was not read yet.
    private var incoming: [UInt8] = []
    /// The peer sends no more.
    private var hasEnded = false
    /// The most bytes that one read brings, and that one write takes.
    var readSize = 64 * 1024
    var writeSize = Int.max
    /// How many bytes the socket takes in all before it is full.
    private var room = Int.max
    /// The socket takes nothing.
    private var isStuck = false
    /// The socket has refused bytes, and the poller is to tell when it takes more.
    private var wasFull = false
    /// Every other write is refused.
    var refusesWrites = false
    private var refusedLast = false
    /// Of what was written, what the peer's kernel has not acknowledged.
    var unacknowledged = 0
    /// Whether the peer's kernel acknowledges at once what the socket takes.
    var isAcknowledging = true
    /// Nothing more is written.
    private(set) var hasShutDown = false
    /// How the descriptor was given back; `nil` before it is.
    private(set) var closed: (at: UInt64, isReset: Bool)?
    /// Steps of the connection that were carried out.
    private(set) var steps = 0

    /// Requests are left open.
    private var isHolding = false
    /// How often a body was read straight to where it is stored.
    private(set) var bodyReads = 0
    /// Those that are open and that no test has asked for.
    private var held: [(request: RequestCopy, stream: Int)] = []

    static let date = HTTPDate(unixSeconds: 784_111_777)
    private static let pool = ComputePool(threads: 1)

    /// Answers GET and POST on `/`, as the conformance cases want it.
    static let rootRouter: TestRouter = {
        var router = TestRouter()
        let answer: TestRouter.Respond = { request in
            var response = HTTPResponse(status: 200, body: .bytes(Array("ok \(request.body.count)\n".utf8)))
            response.fields.append("content-type", "text/plain")
            return .ready(response)
        }
        router.on(.get, "/", answer)
        router.on(.post, "/", answer)
        return router
    }()

    convenience init(
        limits: HTTPLimits = HTTPLimits(), router: TestRouter = SessionDriver.rootRouter,
        takesBody: @escaping (RequestCopy) -> Bool = { _ in true }
    ) {
        var configuration = HTTPServerConfiguration()
        configuration.limits = limits
        self.init(configuration, router: router, takesBody: takesBody)
    }

    init(
        _ configuration: HTTPServerConfiguration, router: TestRouter = SessionDriver.rootRouter, now: UInt64 = 0,
        isReserved: Bool = false, takesBody: @escaping (RequestCopy) -> Bool = { _ in true }
    ) {
        let clock = ManualClock(now)
        let handler = TestHandler(admit: { HTTPAdmission(takesBody: takesBody($0)) })
        let observer = RecordingObserver(clock)
        let context = ServerContext(
            configuration: configuration, makeHandler: { _ in TestHandler() }, status: status, pool: Self.pool,
            clock: clock.asClock, makeObserver: { _ in IgnoringObserver() })
        let turn = Turn(
            context: context, handler: handler, executor: executor, observer: observer,
            counters: status.makeLoopCounters(), seed: 7)
        connection = Connection(
            id: ConnectionID(slot: 0, generation: 0), peer: "192.0.2.1:5000", isReserved: isReserved, turn)
        self.turn = turn
        self.clock = clock
        self.handler = handler
        self.observer = observer
        self.router = router
        handler.responding = { [unowned self] request, reply in
            let outcome = self.router.outcome(request)
            return self.respond(to: RequestCopy(taking: &request), outcome, &reply)
        }
        handler.completing = { [unowned self] response, head in
            self.refused.append(head)
            let text = if case .bytes(let bytes) = response.body { String(decoding: bytes, as: UTF8.self) } else { "" }
            self.log.append("refused \(self.count): \(response.status) \(text) \(head.fields.count)")
        }
    }

    private var count: Int { requests.count + refused.count }

    private func respond(
        to request: RequestCopy, _ outcome: TestRouter.Outcome, _ reply: inout ReplyWriter
    ) -> HTTPReply {
        requests.append(request)
        log.append("request \(count): \(Self.describe(request))")
        if isHolding {
            held.append((request, count))
            return .deferred(cost: 1, replyBytes: 0, run: { _ in nil })
        }
        return printing?(request, &reply) ?? answer?(request) ?? router.respond(to: request, outcome)
    }

    var phase: HTTPSessionPhase { connection.phase }
    /// Nothing more is read or answered.
    var isFinished: Bool { connection.isFinished || !connection.isOpen }
    var isOpen: Bool { connection.isOpen }
    var wantsInput: Bool { connection.wantsInput(turn) }
    var bodyCapacity: Int { connection.http1.body.capacity }
    var inputCapacity: Int { connection.input.capacity }
    var output: HTTPOutput { connection.output }
    var version: HTTPVersion { connection.http2 == nil ? .http1_1 : .http2 }
    var deadline: UInt64 { connection.deadline }
    var records: [RecordCopy] { observer.records }
    var ends: [HTTPConnectionEnd] { observer.ends }

    /// Whether the next piece of a streamed body is asked for.
    func wantsBody(of stream: Int) -> Bool {
        runHolding()
        return isAsked(stream)
    }

    private func isAsked(_ stream: Int) -> Bool {
        for exchange in connection.exchanges where exchange.stream == stream {
            return exchange.work?.source != nil && exchange.work?.job != nil
        }
        return false
    }

    // MARK: The peer

    /// Hands bytes to the connection; requests among them are left open, and nothing is written.
    func receiveOnly(_ bytes: some Sequence<UInt8>) {
        arrive(bytes)
        runHolding()
    }

    /// Hands bytes to the connection and answers what comes of them.
    func receive(_ bytes: some Sequence<UInt8>) {
        arrive(bytes)
        pump()
    }

    func receive(_ text: String) { receive(text.utf8) }

    /// Bytes arrive; the connection has no turn yet.
    func arrive(_ bytes: some Sequence<UInt8>) {
        incoming += bytes
        connection.becameReady(isReadable: true, isWritable: false, isEnding: false)
    }

    /// The peer sends no more, and the connection reads that.
    func receiveEnd() {
        hasEnded = true
        connection.didReadEnd(&turn)
    }

    // MARK: Requests

    /// Answers all requests that come, and those left open that no test has asked for, and writes everything.
    func pump() {
        isHolding = false
        isStuck = false
        let open = held
        held = []
        for (request, stream) in open {
            let path = Array(request.path.utf8)
            guard let route = router.router.route(request.method, path.span),
                case .ready(let response) = router.respond(to: request, .route(route))
            else { continue }
            respond(response, to: stream)
        }
        run()
    }

    /// The next request, which is left open.
    func nextRequest() throws -> (request: RequestCopy, stream: Int) {
        if held.isEmpty { runHolding() }
        guard !held.isEmpty else { throw NoRequest() }
        return held.removeFirst()
    }

    struct NoRequest: Error {}

    /// Nothing is to happen before the connection has bytes or a response.
    func expectNoEvent(sourceLocation: SourceLocation = #_sourceLocation) {
        let before = log
        runHolding()
        #expect(log == before, sourceLocation: sourceLocation)
        #expect(held.isEmpty, sourceLocation: sourceLocation)
    }

    /// Answers a request that was left open.
    func respond(_ response: HTTPResponse, to stream: Int) {
        connection.beginTurn(now: turn.now)
        connection.receive(response, nil, for: stream, &turn)
    }

    /// Makes the next piece of a streamed body.
    func write(_ piece: [UInt8], to stream: Int, isLast: Bool) {
        receive(BodyPiece([piece], isLast ? .last : .more), to: stream)
    }

    /// The next piece of a streamed body cannot be made.
    func abort(_ stream: Int) { receive(BodyPiece([], .failed), to: stream) }

    private func receive(_ piece: BodyPiece, to stream: Int) {
        runHolding()
        if !isAsked(stream) {
            // A source that had nothing is asked again a little later.
            tick(clock.now + 10_000_000)
            runHolding()
        }
        connection.beginTurn(now: turn.now)
        connection.receive(piece, for: stream, &turn)
    }

    /// Runs what was deferred, and what comes of it, until nothing is left.
    func runJobs() {
        while let job = executor.waiting.first { deliver(job.run()) }
    }

    /// A compute thread's result comes.
    func deliver(_ message: LoopMessage?) {
        connection.beginTurn(now: turn.now)
        switch message {
        case .reply(_, let stream, let response, let piece):
            connection.receive(response, piece, for: stream, &turn)
        case .piece(_, let stream, let piece): connection.receive(piece, for: stream, &turn)
        default: break
        }
        carryOut()
    }

    // MARK: Time and ends

    /// Sets the clock.
    func tick(_ now: UInt64) {
        clock.now = now
        turn.look()
    }

    /// Sets the clock, and tells the connection of the deadline that it noted, where that has passed.
    func pass(to now: UInt64) {
        tick(now)
        guard connection.deadline <= now else { return }
        connection.beginTurn(now: now)
        let unacknowledged = unacknowledged
        connection.deadlinePassed(&turn, unacknowledged: { unacknowledged })
        carryOut()
    }

    /// The deadline of the current phase passed.
    func timeOut() { connection.timeOut() }
    /// The protocol stops taking requests.
    func drain() { connection.drainSession() }
    /// The loop stops taking requests.
    func beginDrain(lastRequestDeadline: UInt64) {
        turn.isDraining = true
        turn.lastRequestDeadline = lastRequestDeadline
        connection.assumeReadable()
        run()
        connection.beginDrain(turn)
        run()
    }
    /// The connection is broken.
    func fail() {
        connection.fail(&turn)
        run()
    }
    /// Evicts the connection as the loop does where it is idle; whether its seat is free at once.
    func evict() -> Bool? {
        let requests = connection.requests
        connection.assumeReadable()
        run()
        guard closed == nil else { return true }
        guard connection.isOpen else { return false }
        guard connection.requests == requests, connection.isIdle else { return nil }
        let unacknowledged = unacknowledged
        let isDelivered = connection.isDelivered(turn, unacknowledged: { unacknowledged })
        connection.timeOut()
        run()
        if isDelivered { fail() }
        return closed != nil
    }

    // MARK: Output

    /// Writes all output to the peer; requests that come are left open.
    func flush() {
        isStuck = false
        run()
        if closed == nil { isStuck = true }
    }

    /// The socket takes so many bytes, then nothing more.
    func take(_ count: Int) {
        isStuck = false
        room = count
        run()
        isStuck = true
        room = .max
    }

    /// The socket takes nothing from here on; no request is left open for that.
    func block() { isStuck = true }
    /// The socket takes everything again.
    func unblock() {
        isStuck = false
        run()
    }

    private func runHolding() {
        isHolding = true
        isStuck = true
        run()
    }

    /// A turn, and more of them while there is something to do.
    func run() {
        guard closed == nil else { return }
        turn.look()
        if wasFull, !isStuck, room > 0 { tellWritable() }
        connection.beginTurn(now: turn.now)
        carryOut()
    }

    private func tellWritable() {
        wasFull = false
        connection.becameReady(isReadable: false, isWritable: true, isEnding: false)
    }

    private func carryOut() {
        guard closed == nil else { return }
        for _ in 0..<10_000_000 {
            steps += 1
            let unacknowledged = unacknowledged
            switch connection.next(&turn, unacknowledged: { unacknowledged }) {
            case .read: read()
            case .readBody: readBody()
            case .write: write()
            case .discard(let count):
                let dropped = min(count, incoming.count, readSize)
                incoming.removeFirst(dropped)
                if dropped > 0 {
                    connection.didDiscard(dropped)
                } else if hasEnded {
                    connection.fail(&turn)
                } else {
                    connection.didDiscard(nil)
                }
            case .shutDownWriting: hasShutDown = true
            case .yield: connection.beginTurn(now: turn.now)
            case .wait:
                guard wasFull, !isStuck, room > 0 else { return }
                tellWritable()
                connection.beginTurn(now: turn.now)
            case .close(let isReset):
                closed = (clock.now, isReset)
                return
            }
        }
        Issue.record("the connection has no end of things to do")
    }

    private func read() {
        if incoming.isEmpty {
            if hasEnded { connection.didReadEnd(&turn) } else { connection.didReadNothing() }
            return
        }
        let bytes = Array(incoming.prefix(readSize))
        incoming.removeFirst(bytes.count)
        connection.didRead(bytes.span, wasFull: bytes.count == readSize, &turn)
    }

    private func readBody() {
        guard !incoming.isEmpty else { return read() }
        var wasFull = false
        connection.withBodyRoom(turn) { room in
            let count = min(room.count, incoming.count, readSize)
            room.copyBytes(from: incoming.prefix(count))
            incoming.removeFirst(count)
            wasFull = count == min(room.count, readSize)
            return count
        }
        bodyReads += 1
        connection.didReadBody(wasFull: wasFull, &turn)
    }

    private func write() {
        var bytes: [UInt8] = []
        connection.withOutput(turn) { segments in for segment in segments { bytes += segment } }
        refusedLast = refusesWrites && !refusedLast
        guard !isStuck, room > 0, !refusedLast else {
            wasFull = true
            connection.didWrite(nil, of: bytes.count, &turn)
            return
        }
        let count = min(bytes.count, writeSize, room)
        if room != .max { room -= count }
        if count < bytes.count { wasFull = true }
        sent += bytes.prefix(count)
        if !isAcknowledging { unacknowledged += count }
        connection.didWrite(count, of: bytes.count, &turn)
    }

    /// What was sent, as responses; `nil` where it is malformed.
    func replies(firstIsForHead: Bool = false) -> [Reply]? {
        Reply.readAll(sent, firstIsForHead: firstIsForHead, isClosed: isFinished)
    }

    static func describe(_ request: RequestCopy) -> String {
        let fields = request.fields.map { "\($0.name):\($0.value)" }.joined(separator: ";")
        return "\(request.methodText) \(request.path) \(request.query ?? "-") \(request.version) \(request.id) "
            + "\(fields) \(request.body)"
    }
}
