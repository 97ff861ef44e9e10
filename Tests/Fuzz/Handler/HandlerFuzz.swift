// Feeds a connection's session arbitrary bytes, answers with the whole service, deferred work and streams included, and
// holds what comes out to the contract: known statuses, well-formed replies, JSON where the Content-Type says so.
//
// Of the input's first byte two bits choose what the rest is (see ``Peer/Mode``) and the others how it is delivered; the
// second byte seeds the lengths of the pieces.

import Foundation
import HTTPServer
import SoftmaxService
import TensorJSON

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

    private static let service = { () -> (service: Service, server: HTTPServerConfiguration) in
        var configuration = ServiceConfiguration()
        configuration.server.limits.body = 4096
        configuration.server.limits.fieldSection = 1024
        configuration.server.limits.fieldCount = 16
        configuration.limits.tensor.depth = 6
        configuration.limits.tensor.elements = 400
        configuration.limits.replyNumbers = 40_000
        configuration.corsOrigins = ["https://a.example"]
        return (Service(configuration, status: HTTPServerStatus(), pool: ComputePool(threads: 1)), configuration.server)
    }()
    /// Those of openapi.yaml and of the protocol; 500 is a finding.
    private static let statuses: Set<Int> = [
        200, 204, 400, 404, 405, 406, 408, 413, 414, 415, 417, 422, 431, 501, 503, 505,
    ]
    private static let paths = [
        "/softmax", "/jacobian", "/vjp", "/jvp", "/livez", "/readyz", "/metrics", "/version", "/openapi.yaml",
        "/openapi.json", "/problems/not-json", "/nowhere",
    ]
    private static let methods = ["POST", "POST", "GET", "HEAD", "OPTIONS", "PUT"]

    private let options: UInt8
    private var seed: UInt32
    private var session: ConnectionSession
    private var now: UInt64 = 1
    private var sources: [(stream: Int, source: any HTTPBodySource)] = []
    /// What the session sent since the last reply in HTTP/1.1, or at all in HTTP/2.
    private var sent: [UInt8] = []

    init(options: UInt8, seed: UInt8) {
        self.options = options
        self.seed = UInt32(seed) &* 2_654_435_761 | 1
        let server = Self.service.server
        session = ConnectionSession(limits: server.limits, deadlines: DeadlineLimits(server)) {
            Self.service.service.takesBody(of: $0)
        }
    }

    private var mode: Mode { Mode(rawValue: options & 3) ?? .wire }

    private mutating func random(_ bound: Int) -> Int {
        seed = seed &* 1_664_525 &+ 1_013_904_223
        return Int(seed >> 16) % bound
    }

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
        while !rest.isEmpty {
            let piece = Array(rest.prefix(options & 4 == 0 ? 65_536 : 1 + random(64)))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { session.receive($0) }
            takeEvents()
            if options & 8 != 0, random(16) == 0 { pass(UInt64(random(12)) * 1_000_000_000) }
            if options & 16 != 0, random(32) == 0 { session.drain() }
        }
    }

    private mutating func pass(_ time: UInt64) {
        now += time
        session.tick(now)
        switch session.phase {
        case .until(let deadline) where deadline > now: break
        default: session.timeOut()
        }
        takeEvents()
    }

    mutating func end() {
        session.receiveEnd()
        takeEvents()
        if session.version == .http2 { checkFrames() }
    }

    // MARK: Replies

    private mutating func takeEvents() {
        while let event = session.nextEvent() {
            takeInterim()
            switch event {
            case .request(let request, let stream):
                let isHead = request.method == .head
                guard let response = finish(Self.service.service.respond(to: request)) else {
                    session.abort(stream)
                    continue
                }
                answer(response, stream, isHead: isHead)
            case .refused(let problem, let stream, _):
                answer(problem.response(requestID: "r"), stream, isHead: nil)
            case .cancelled(let stream):
                sources.removeAll { $0.stream == stream }
            }
        }
        writePieces()
        takeInterim()
    }

    /// Runs deferred work; `nil` for some of it, which is given up.
    private mutating func finish(_ reply: HTTPReply) -> HTTPResponse? {
        switch reply {
        case .ready(let response): return response
        case .deferred(let cost, let replyBytes, let run):
            precondition(cost > 0, "work without a cost")
            precondition(replyBytes < 1 << 20, "more at once than a connection has room for")
            let ticket = HTTPWorkTicket()
            if options & 32 != 0, random(4) == 0 { ticket.cancel() }
            let response = run(ticket)
            return ticket.isCancelled ? nil : response
        }
    }

    /// - Parameter isHead: whether the reply is to HEAD, where that is known.
    private mutating func answer(_ response: HTTPResponse, _ stream: Int, isHead: Bool?) {
        precondition(Self.statuses.contains(response.status), "status \(response.status)")
        let type = response.fields.only("content-type")
        precondition(response.status < 400 || type == "application/problem+json", "an error without a problem")
        if case .bytes(let content) = response.body { check(content, type: type) }
        session.respond(response, to: stream, date: Array("Thu, 01 Jan 2026 00:00:00 GMT".utf8), requestID: "r")
        if case .stream(let source) = response.body { sources.append((stream, source)) }
        guard session.version != .http2 else { return }
        writePieces()
        takeOutput()
        var rest = sent[...]
        var reply = isHead == true ? nil : Reply.read(&rest, isForHead: false, isClosed: session.isFinished)
        if reply == nil, isHead != false {
            rest = sent[...]
            reply = Reply.read(&rest, isForHead: true, isClosed: session.isFinished)
        }
        guard let reply, rest.isEmpty, reply.isWhole else { preconditionFailure("what was sent is no response") }
        precondition(reply.status == response.status)
        if !reply.body.isEmpty { check(reply.body, type: reply["content-type"]) }
        sent = []
    }

    private mutating func writePieces() {
        for (stream, source) in sources {
            while session.wantsBody(of: stream) {
                var parts: [[UInt8]] = []
                let isMore = source.next(into: &parts) == .more
                for part in parts { session.write(part, to: stream, isLast: false) }
                if !isMore { session.write([], to: stream, isLast: true) }
                takeOutput()
                if !isMore { sources.removeAll { $0.stream == stream } }
            }
        }
    }

    private mutating func takeOutput() {
        while !session.output.isEmpty {
            var count = 0
            session.output.withFirstSegments { segments in
                for segment in segments {
                    sent += segment
                    count += segment.count
                }
            }
            session.didWrite(count)
        }
    }

    /// What was sent between replies in HTTP/1.1 is `100 Continue`; of `101` HTTP/2 follows.
    private mutating func takeInterim() {
        takeOutput()
        while session.version != .http2, !sent.isEmpty {
            var rest = sent[...]
            guard let reply = Reply.read(&rest, isForHead: false, isClosed: false), reply.status == 100 else {
                preconditionFailure("what was sent is no interim response")
            }
            sent = Array(rest)
        }
    }

    private func isJSON(_ type: String?) -> Bool { type == "application/json" || type == "application/problem+json" }

    private func check(_ content: [UInt8], type: String?) {
        guard isJSON(type) else { return }
        let value = try? JSONSerialization.jsonObject(with: Data(content), options: .fragmentsAllowed)
        precondition(value != nil, "a reply that is no JSON")
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
