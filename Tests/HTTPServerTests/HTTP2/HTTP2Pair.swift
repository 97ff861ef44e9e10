@testable import HTTPServer

/// A client and a session joined back to back, driven as the transport does, on a clock moved by hand.
final class HTTP2Pair {
    let client: HTTP2Client
    var session: HTTP2Session
    /// What happened, in words that can be compared.
    var log: [String] = []
    var requests: [Int: RequestCopy] = [:]
    /// Requests that were refused, as far as they were read, and when their first frames came.
    var refused: [(head: RequestCopy, since: UInt64)] = []
    /// What was read of every request, for the identifiers of their replies.
    private var heads: [Int: StoredRequest] = [:]
    /// Requests left unanswered.
    var open: [Int] = []
    /// Answers a request, or leaves it open.
    var answer: (RequestCopy) -> HTTPResponse? = { request in
        HTTPResponse(status: 200, body: .bytes(Array("ok \(request.body.count)".utf8)))
    }
    /// How many bytes the session gets at once.
    var split = Int.max
    /// Takes nothing of the session's output.
    var isStuck = false

    private var isByHand = false
    /// What the session sent where frames were made by hand.
    private(set) var sent: [UInt8] = []
    /// The error codes of all GOAWAY frames sent.
    var goaways: [UInt32] { isByHand ? Frame.goaways(in: sent) : client.goaways.map(\.code) }

    static let deadlines = DeadlineLimits(HTTPServerConfiguration())
    static let second: UInt64 = 1_000_000_000
    private(set) var now: UInt64 = 1_000 * second

    init(
        client: HTTP2Client = HTTP2Client(), limits: HTTPLimits = HTTPLimits(),
        takesBody: @escaping (RequestCopy) -> Bool = { _ in true }
    ) {
        self.client = client
        let handler = TestHandler(admit: { HTTPAdmission(takesBody: takesBody($0)) })
        session = HTTP2Session(limits: limits, deadlines: Self.deadlines, now: now, handler: handler)
    }

    /// Moves bytes both ways until neither side has any.
    func run() {
        while true {
            let bytes = isByHand ? [] : client.sent()
            deliver(bytes)
            let isMore = flush()
            if bytes.isEmpty, !isMore { return }
        }
    }

    /// Sends frames made by hand; nothing comes from the client any more, and it sees nothing.
    func receive(_ bytes: [UInt8]) {
        isByHand = true
        deliver(bytes)
    }

    /// Hands bytes to the session and answers what it says.
    private func deliver(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(split))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { session.receive($0) }
            takeEvents()
        }
    }

    func takeEvents() {
        while let event = session.nextEvent() {
            switch event {
            case .request(let stream):
                let request = take(stream).request
                log.append("request \(stream): \(request.methodText) \(request.path) \(request.body.count)")
                requests[stream] = request
                if let response = answer(request) { respond(response, to: stream) } else { open.append(stream) }
            case .refused(let problem, let stream):
                let (head, since) = take(stream)
                log.append("refused \(stream): \(problem.status) \(head.fields.count)")
                refused.append((head, since))
                respond(problem.response(requestID: "r", types: ""), to: stream)
            case .cancelled(let stream):
                log.append("cancelled \(stream)")
            }
        }
    }

    private func take(_ stream: Int) -> (request: RequestCopy, since: UInt64) {
        let stored = session.takeRequest(of: stream)
        heads[stream] = stored
        return (RequestCopy(stored), stored.since)
    }

    /// Answers under the request's own identifier, or the stream's number.
    func respond(_ response: HTTPResponse, to stream: Int) {
        let stored = heads[stream] ?? StoredRequest()
        let bytes = stored.bytes
        let id = RequestID(sentIn: stored.head, bytes.span) ?? RequestID(bits: UInt64(stream))
        session.respond(response, to: stream, date: SessionDriver.date, id: id, bytes.span)
    }

    /// Gives the client what the session has for it; whether that was anything.
    @discardableResult
    func flush() -> Bool {
        takeEvents()
        guard !isStuck else { return false }
        var isAny = false
        while !session.output.isEmpty {
            var piece: [UInt8] = []
            session.output.withFirstSegments { segments in for segment in segments { piece += segment } }
            if isByHand { sent += piece } else { client.receive(piece) }
            session.didWrite(piece.count)
            isAny = true
        }
        return isAny
    }

    /// Lets time pass; deadlines that passed are told, as the transport does.
    func pass(seconds: Double) {
        now += UInt64(seconds * Double(Self.second))
        session.tick(now)
        if case .until(let deadline) = session.phase, deadline <= now { session.timeOut() }
        run()
    }
}

/// Frames by hand, for what no client library sends.
enum Frame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings()

    static func bytes(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
            + [UInt8(stream >> 24), UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255), UInt8(stream & 255)] + payload
    }

    /// The error codes of the GOAWAY frames among those bytes.
    static func goaways(in bytes: [UInt8]) -> [UInt32] {
        var codes: [UInt32] = []
        var start = 0
        while start + 9 <= bytes.count {
            let length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            if bytes[start + 3] == 7, start + 17 <= bytes.count {
                codes.append(bytes[start + 13..<start + 17].reduce(0) { $0 << 8 | UInt32($1) })
            }
            start += 9 + length
        }
        return codes
    }

    static func settings(_ payload: [UInt8] = []) -> [UInt8] { bytes(type: 4, payload) }
    static let ping = bytes(type: 6, [UInt8](repeating: 7, count: 8))
    static func priority(_ stream: UInt32) -> [UInt8] { bytes(type: 2, stream: stream, [0, 0, 0, 0, 15]) }
    static func reset(_ stream: UInt32) -> [UInt8] { bytes(type: 3, stream: stream, [0, 0, 0, 8]) }
    static func windowUpdate(_ stream: UInt32) -> [UInt8] { bytes(type: 8, stream: stream, [0, 0, 0, 1]) }
    static func data(_ stream: UInt32, flags: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        bytes(type: 0, flags: flags, stream: stream, payload)
    }
    /// `:method POST, :scheme http, :path /, :authority a`, all of it literal or in the static table.
    static func headers(_ stream: UInt32, flags: UInt8 = 4, extra: [UInt8] = []) -> [UInt8] {
        bytes(type: 1, flags: flags, stream: stream, [0x83, 0x86, 0x84, 0x41, 1, UInt8(ascii: "a")] + extra)
    }
}

extension Frame {
    /// One frame that was sent.
    struct Sent {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]
    }

    /// The whole frames among those bytes.
    static func all(in bytes: [UInt8]) -> [Sent] {
        var frames: [Sent] = []
        var start = 0
        while start + 9 <= bytes.count {
            let length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            guard start + 9 + length <= bytes.count else { break }
            frames.append(
                Sent(
                    type: bytes[start + 3], flags: bytes[start + 4],
                    stream: bytes[start + 5..<start + 9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF,
                    payload: Array(bytes[start + 9..<start + 9 + length])))
            start += 9 + length
        }
        return frames
    }

    /// The streams whose replies ended, in that order.
    static func ended(in bytes: [UInt8]) -> [UInt32] {
        all(in: bytes).compactMap { $0.type <= 1 && $0.flags & 1 != 0 ? $0.stream : nil }
    }

    /// The content of a stream; DATA of this server is never padded.
    static func content(of stream: UInt32, in bytes: [UInt8]) -> [UInt8] {
        all(in: bytes).filter { $0.type == 0 && $0.stream == stream }.flatMap(\.payload)
    }

    /// The error codes of the streams that were reset.
    static func resets(in bytes: [UInt8]) -> [UInt32: UInt32] {
        all(in: bytes).filter { $0.type == 3 }.reduce(into: [:]) { resets, frame in
            resets[frame.stream] = frame.payload.reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// The last streams that the GOAWAY frames named.
    static func lastStreams(in bytes: [UInt8]) -> [UInt32] {
        all(in: bytes).filter { $0.type == 7 }.map { $0.payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    }
}
