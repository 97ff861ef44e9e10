// Feeds a connection arbitrary bytes, answers with the whole service, deferred work and streams included, and holds what
// comes out to the contract: known statuses, well-formed replies, JSON where the Content-Type says so.
//
// Of the input's first byte two bits choose what the rest is (see ``Peer/Mode``) and the others how it is delivered; the
// second byte seeds the lengths of the pieces.

import Foundation
import SoftmaxService
import TensorJSON

@testable import HTTPServer

/// libFuzzer's entry point.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHandler(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 3 else { return 0 }
    let input = UnsafeBufferPointer(start: data, count: count)
    var peer = Peer(options: input[0], seed: input[1])
    peer.send(peer.wire(from: Array(input[2...])))
    peer.end()
    return 0
}

/// Numbers that follow from the input.
private final class Chance: Sendable {
    private let state: Locked<UInt32>

    init(seed: UInt8) { state = Locked(UInt32(seed) &* 2_654_435_761 | 1) }

    func random(_ bound: Int) -> Int {
        state.withLock { state in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Int(state >> 16) % bound
        }
    }
}

/// The service, each of whose answers is looked at before the connection has it.
private final class CheckedService: HTTPHandler {
    private let service: Service
    private let chance: Chance?

    /// - Parameter chance: has some of the work found that nobody waits for it.
    init(_ service: Service, _ chance: Chance?) {
        self.service = service
        self.chance = chance
    }

    /// Those of openapi.yaml and of the protocol; 500 is a finding.
    static let statuses: Set<Int> = [
        200, 204, 304, 308, 400, 404, 405, 406, 408, 413, 414, 415, 417, 422, 431, 501, 503, 505,
    ]

    func admit(_ head: borrowing HTTPRequest) -> HTTPAdmission { service.admit(head) }

    func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest) {
        service.complete(&response, for: head)
        Self.check(response)
    }

    func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        let answer = service.respond(to: &request, &reply)
        switch answer {
        case .written:
            precondition(Self.statuses.contains(reply.status), "status \(reply.status)")
            let body = Array(reply.output.bytes.suffix(reply.bodyCount))
            if body.first == UInt8(ascii: "{") { Self.check(body, type: "application/json") }
        case .ready(let response): Self.check(response)
        case .deferred(let cost, let replyBytes, let run):
            precondition(cost > 0, "work without a cost")
            precondition(replyBytes < 1 << 20, "more at once than a connection has room for")
            let chance = chance
            return .deferred(cost: cost, replyBytes: replyBytes) { ticket in
                if chance?.random(4) == 0 { ticket.cancel() }
                let response = run(ticket)
                if ticket.isCancelled { return nil }
                if let response { Self.check(response) }
                return response
            }
        }
        return answer
    }

    private static func check(_ response: HTTPResponse) {
        precondition(statuses.contains(response.status), "status \(response.status)")
        let types = response.fields.filter { $0.name.elementsEqual("content-type".utf8) }
        precondition(types.count <= 1, "of more than one type")
        let type = types.first.map { String(decoding: $0.value, as: UTF8.self) }
        precondition(response.status < 400 || type == "application/problem+json", "an error without a problem")
        if case .bytes(let content) = response.body { check(content, type: type) }
    }

    static func check(_ content: [UInt8], type: String?) {
        guard type == "application/json" || type == "application/problem+json", !content.isEmpty else { return }
        let value = try? JSONSerialization.jsonObject(with: Data(content), options: .fragmentsAllowed)
        precondition(value != nil, "a reply that is no JSON")
    }
}

/// Keeps work until it is asked to run it.
private final class WaitingWork: WorkExecutor {
    private final class Job: WorkJob {
        let work: Locked<(@Sendable () -> LoopMessage?)?>

        init(_ work: @escaping @Sendable () -> LoopMessage?) { self.work = Locked(work) }

        func discard(whenOver: @escaping @Sendable () -> Void) {
            work.withLock { $0 = nil }
            whenOver()
        }
    }

    private let jobs = Locked<[Job]>([])

    func submit(_ work: @escaping @Sendable () -> LoopMessage?) -> any WorkJob {
        let job = Job(work)
        jobs.withLock { $0.append(job) }
        return job
    }

    /// Whether there is any.
    var isEmpty: Bool { jobs.withLock { $0.isEmpty } }

    /// Runs the oldest.
    func runNext() -> LoopMessage? {
        let job = jobs.withLock { $0.removeFirst() }
        return job.work.withLock { $0 }?()
    }
}

/// Notes how requests ended, in order.
private final class Notes: HTTPObserver {
    private(set) var list: [(isHead: Bool, status: Int, isComplete: Bool)] = []

    func record(_ record: borrowing HTTPAccessRecord) {
        precondition(record.status == 0 || CheckedService.statuses.contains(record.status), "status \(record.status)")
        list.append((record.method.equals("HEAD"), record.status, record.isComplete))
    }

    func flush() {}
}

/// A client and its transport.
private struct Peer: ~Copyable {
    /// What the input is.
    enum Mode: UInt8 {
        /// Bytes off the wire.
        case wire
        /// A byte that chooses method and route, then a body: sent twice in HTTP/1.1, and in HTTP/2.
        case http1, http2
        /// Frames, after an upgrade.
        case upgraded
    }

    private static let configuration = { () -> ServiceConfiguration in
        var configuration = ServiceConfiguration()
        configuration.server.limits.body = 4096
        configuration.server.limits.fieldSection = 1024
        configuration.server.limits.fieldCount = 16
        configuration.limits.tensor.depth = 6
        configuration.limits.tensor.elements = 400
        configuration.limits.replyNumbers = 40_000
        configuration.corsOrigins = ["https://a.example"]
        return configuration
    }()
    private static let pool = ComputePool(threads: 1)
    private static let paths = [
        "/softmax", "/jacobian", "/vjp", "/jvp", "/livez", "/readyz", "/metrics", "/version", "/openapi.yaml",
        "/openapi.json", "/problems/not-json", "/docs/", "/.well-known/api-catalog", "/nowhere",
    ]
    private static let methods = ["POST", "POST", "GET", "HEAD", "OPTIONS", "PUT"]

    private let options: UInt8
    private let chance: Chance
    private let executor = WaitingWork()
    private let notes = Notes()
    private let clock = Locked<UInt64>(1)
    private var turn: Turn
    private var connection: Connection
    private let status = HTTPServerStatus()
    /// What has arrived and was not read.
    private var arrived: [UInt8] = []
    private var isEnded = false
    /// What the connection sent.
    private var sent: [UInt8] = []
    private var isClosed = false

    init(options: UInt8, seed: UInt8) {
        self.options = options
        chance = Chance(seed: seed)
        let (clock, pool, notes, status) = (clock, Self.pool, notes, status)
        let context = ServerContext(
            configuration: Self.configuration.server,
            makeHandler: { _ in preconditionFailure("a turn has its handler") }, status: status, pool: pool,
            clock: TransportClock(
                monotonic: { clock.withLock { $0 } }, unixSeconds: { Int(clock.withLock { $0 } / 1_000_000_000) }),
            makeObserver: { _ in preconditionFailure("a turn has its observer") })
        let service = Service(Self.configuration, status: status, pool: pool, heap: HeapKeeping(status))
        turn = Turn(
            context: context, handler: CheckedService(service, options & 32 != 0 ? chance : nil), executor: executor,
            observer: notes, counters: status.makeLoopCounters(), seed: 1)
        connection = Connection(
            id: ConnectionID(slot: 0, generation: 0), peer: "192.0.2.1:5", isReserved: false, turn)
    }

    private var mode: Mode { Mode(rawValue: options & 3) ?? .wire }

    // MARK: Bytes in

    func wire(from input: [UInt8]) -> [UInt8] {
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(4, 0, 0, [])
        switch mode {
        case .wire: return input
        case .upgraded:
            let head =
                "GET /openapi.json HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                + "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
            return Array(head.utf8) + preface + input
        case .http1, .http2: break
        }
        let (method, path) = (
            Self.methods[Int(input[0] >> 4) % Self.methods.count], Self.paths[Int(input[0] & 15) % Self.paths.count]
        )
        let body = Array(input.dropFirst())
        var fields = [("host", "a"), ("content-type", "application/json")]
        if options & 128 != 0 { fields += [("origin", "https://a.example"), ("accept", "application/*;q=0.5")] }
        guard mode == .http2 else {
            let isChunked = options & 64 != 0
            fields.append(isChunked ? ("transfer-encoding", "chunked") : ("content-length", "\(body.count)"))
            var bytes = Array("\(method) \(path) HTTP/1.1\r\n".utf8)
            for (name, value) in fields { bytes += Array("\(name): \(value)\r\n".utf8) }
            bytes += Array("\r\n".utf8)
            if isChunked, !body.isEmpty { bytes += Array("\(String(body.count, radix: 16))\r\n".utf8) }
            bytes += body
            if isChunked { bytes += Array("\(body.isEmpty ? "" : "\r\n")0\r\n\r\n".utf8) }
            return bytes + bytes
        }
        var block: [UInt8] = []
        for (name, value) in [(":method", method), (":path", path), (":scheme", "http")] + fields {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return preface
            + [1, 3].flatMap { Self.frame(1, 4, $0, block) + Self.frame(0, 1, $0, Array(body.prefix(16_384))) }
    }

    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), type, flags, 0, 0, 0, stream] + payload
    }

    mutating func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty, !isClosed {
            let piece = Array(rest.prefix(options & 4 == 0 ? 65_536 : 1 + chance.random(64)))
            rest = rest.dropFirst(piece.count)
            arrived += piece
            serve(isReadable: true)
            if options & 8 != 0, chance.random(16) == 0 { pass(UInt64(chance.random(12)) * 1_000_000_000) }
            if options & 16 != 0, chance.random(32) == 0, !isClosed {
                turn.isDraining = true
                connection.beginDrain(turn)
                serve(isReadable: false)
            }
            if options & 8 == 0 || chance.random(2) == 0 { work() }
        }
    }

    mutating func end() {
        work()
        isEnded = true
        serve(isReadable: true)
        work()
        // Lingering, and whatever a client would have to send yet, ends with time.
        for _ in 0..<100 where !isClosed { pass(100_000_000_000) }
        precondition(isClosed, "a connection stays")
        precondition(status.workCost == 0 && status.bodyBytes == 0, "a connection that is gone costs something")
        if sent.first == UInt8(ascii: "H"), !sent.starts(with: Array("HTTP/1.1 101".utf8)) {
            checkReplies()
        } else {
            checkFrames()
        }
    }

    private mutating func pass(_ time: UInt64) {
        guard !isClosed else { return }
        clock.withLock { $0 += time }
        turn.look()
        guard connection.deadline <= turn.now else { return }
        connection.beginTurn(now: turn.now)
        connection.deadlinePassed(&turn) { 0 }
        carryOut()
    }

    // MARK: The loop

    private mutating func serve(isReadable: Bool) {
        guard !isClosed else { return }
        connection.becameReady(isReadable: isReadable, isWritable: true, isEnding: isEnded)
        connection.beginTurn(now: turn.now)
        carryOut()
    }

    /// Runs the work that waits, and what follows from it.
    private mutating func work() {
        while !executor.isEmpty {
            guard let message = executor.runNext(), !isClosed else { continue }
            connection.beginTurn(now: turn.now)
            switch message {
            case .reply(_, let stream, let response, let piece):
                connection.receive(response, piece, for: stream, &turn)
            case .piece(_, let stream, let piece): connection.receive(piece, for: stream, &turn)
            case .evict, .drain, .stop, .turn: preconditionFailure("work ends with a reply or a piece")
            }
            carryOut()
        }
    }

    /// Carries out what the connection wants done, until it waits.
    private mutating func carryOut() {
        var steps = 0
        var isBlocked = false
        while true {
            steps += 1
            precondition(steps < 1_000_000, "a connection that never waits")
            switch connection.next(&turn, unacknowledged: { 0 }) {
            case .read:
                guard !arrived.isEmpty else {
                    if isEnded { connection.didReadEnd(&turn) } else { connection.didReadNothing() }
                    continue
                }
                let piece = Array(arrived.prefix(65_536))
                arrived.removeFirst(piece.count)
                connection.didRead(piece.span, wasFull: piece.count == 65_536, &turn)
            case .readBody:
                guard !arrived.isEmpty else {
                    if isEnded { connection.didReadEnd(&turn) } else { connection.didReadNothing() }
                    continue
                }
                var wasFull = false
                connection.withBodyRoom(turn) { room in
                    precondition(!room.isEmpty, "a body that is whole is not read")
                    let count = min(room.count, arrived.count)
                    room.copyBytes(from: arrived.prefix(count))
                    arrived.removeFirst(count)
                    wasFull = count == room.count
                    return count
                }
                connection.didReadBody(wasFull: wasFull, &turn)
            case .write:
                var piece: [UInt8] = []
                connection.withOutput(turn) { segments in for segment in segments { piece += segment } }
                precondition(!piece.isEmpty, "nothing is written")
                if options & 4 != 0, chance.random(4) == 0 {
                    connection.didWrite(nil, of: piece.count, &turn)
                    isBlocked = true
                    continue
                }
                let count = options & 4 != 0 ? 1 + chance.random(piece.count) : piece.count
                isBlocked = count < piece.count
                sent += piece.prefix(count)
                connection.didWrite(count, of: piece.count, &turn)
            case .discard(let count):
                precondition(count > 0)
                if !arrived.isEmpty {
                    let dropped = min(count, arrived.count)
                    arrived.removeFirst(dropped)
                    connection.didDiscard(dropped)
                } else if isEnded {
                    connection.fail(&turn)
                } else {
                    connection.didDiscard(nil)
                }
            case .shutDownWriting: break
            case .yield: connection.beginTurn(now: turn.now)
            case .wait:
                guard isBlocked else {
                    precondition(turn.writer.output.isEmpty, "a connection that waits leaves nothing to another")
                    return
                }
                isBlocked = false
                connection.becameReady(isReadable: false, isWritable: true, isEnding: false)
                connection.beginTurn(now: turn.now)
            case .close:
                isClosed = true
                precondition(turn.writer.output.isEmpty, "a connection that is gone leaves nothing to another")
                return
            }
        }
    }

    // MARK: Replies

    /// What was sent in HTTP/1.1 is a reply for each request, in order, and `100 Continue` before some.
    private func checkReplies() {
        var rest = sent[...]
        for note in notes.list where note.status != 0 {
            var reply: Reply?
            repeat {
                reply = Reply.read(&rest, isForHead: note.isHead, isClosed: true)
            } while reply?.status == 100
            // One that was cut is the last.
            if !note.isComplete { return }
            guard let reply, reply.isWhole else { preconditionFailure("what was sent is no response") }
            precondition(reply.status == note.status, "\(reply.status) is not what was told of, \(note.status)")
            CheckedService.check(reply.body, type: reply["content-type"])
        }
        while !rest.isEmpty {
            let reply = Reply.read(&rest, isForHead: false, isClosed: true)
            precondition(reply?.status == 100, "more was sent than replies")
        }
    }

    /// What was sent in HTTP/2 is whole frames, after `101` where the connection was upgraded.
    private func checkFrames() {
        var start = 0
        if sent.starts(with: Array("HTTP/1.1".utf8)) {
            while start + 3 < sent.count, !sent[start...].starts(with: Array("\r\n\r\n".utf8)) { start += 1 }
            start += 4
        }
        while start + 9 <= sent.count {
            start += 9 + (Int(sent[start]) << 16 | Int(sent[start + 1]) << 8 | Int(sent[start + 2]))
        }
        precondition(start == sent.count, "a frame was cut")
    }
}
