// Feeds an HTTP/2 session frames made of arbitrary bytes, in pieces, answers in all ways there are, lets time pass, and
// holds the session to what must be true of any input.
//
// The input's first byte chooses how requests are answered, the second seeds the lengths of the pieces; the rest comes
// after the preface: as raw bytes, or as frames of a type, flags, a stream and a length, a byte each, and payload.

/// libFuzzer's entry point.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP2Session(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 2 else { return 0 }
    let input = UnsafeBufferPointer(start: data, count: count)
    var peer = FuzzPeer(options: input[0], seed: input[1])
    peer.send(preface)
    peer.send(input[0] & 128 == 0 ? frames(from: input[2...]) : Array(input[2...]))
    peer.end()
    return 0
}

private let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

/// Puts frame headers around the input, so that most of it is read as frames.
private func frames(from input: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8] {
    var wire: [UInt8] = []
    var rest = Array(input)[...]
    while rest.count >= 4 {
        let (type, flags, stream) = (rest.removeFirst() % 11, rest.removeFirst(), rest.removeFirst() % 16)
        let length = min(Int(rest.removeFirst()), rest.count)
        wire += [0, UInt8(length >> 8), UInt8(length & 255), type, flags, 0, 0, 0, stream]
        wire += rest.prefix(length)
        rest = rest.dropFirst(length)
    }
    return wire
}

/// The transport of one session.
private struct FuzzPeer {
    private let options: UInt8
    private var seed: UInt32
    private var session: HTTP2Session
    private let handler = TakingHandler()
    private var limits = HTTPLimits()
    private var now: UInt64 = 1
    /// Streams whose requests were handed out and not answered.
    private var open: [Int] = []
    private var streaming: [Int] = []
    private var sent: [UInt8] = []

    init(options: UInt8, seed: UInt8) {
        self.options = options
        self.seed = UInt32(seed) &* 2_654_435_761 | 1
        limits.body = 200
        limits.fieldSection = 300
        limits.fieldCount = 6
        limits.requestLine = 64
        session = HTTP2Session(
            limits: limits, deadlines: DeadlineLimits(HTTPServerConfiguration()), now: now, handler: handler)
    }

    private mutating func random(_ bound: Int) -> Int {
        seed = seed &* 1_664_525 &+ 1_013_904_223
        return Int(seed >> 16) % bound
    }

    mutating func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(1 + random(options & 1 == 0 ? 8 : 4096)))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { session.receive($0) }
            takeEvents()
            if options & 2 == 0 || random(4) == 0 { write() }
            if options & 4 != 0, random(8) == 0 { answerOpen() }
            if options & 8 != 0, random(16) == 0 { pass(UInt64(random(8)) * 1_000_000_000) }
            if options & 64 != 0, random(64) == 0 { session.drain() }
            check()
        }
    }

    private mutating func takeEvents() {
        while let event = session.nextEvent() {
            switch event {
            case .request(let stream):
                let request = session.takeRequest(of: stream)
                precondition(request.body.count <= limits.body && request.since <= now)
                check(request)
                precondition(!open.contains(stream) && !streaming.contains(stream))
                open.append(stream)
                if options & 4 == 0 { answerOpen() }
            case .refused(let problem, let stream):
                _ = session.takeRequest(of: stream)
                respond(problem.response(requestID: "r", types: ""), to: stream)
            case .cancelled(let stream):
                open.removeAll { $0 == stream }
                streaming.removeAll { $0 == stream }
            }
        }
    }

    private func check(_ request: StoredRequest) {
        let head = request.head
        let path = head.path(in: request.bytes.span).text
        precondition(path == "*" || path.utf8.first == UInt8(ascii: "/"))
        precondition(head.lineCount <= limits.fieldCount + 1 && head.only(.host) != nil)
        var count = 0
        head.forEachLine(in: request.bytes.span) { bytes, name, value in
            count += 1
            precondition(!name.isEmpty && bytes.extracting(value).isFieldValue)
        }
        precondition(count == head.lineCount)
    }

    private func respond(_ response: HTTPResponse, to stream: Int) {
        session.respond(response, to: stream, date: HTTPDate(unixSeconds: 0), id: RequestID(bits: 7), Span())
    }

    private mutating func answerOpen() {
        for stream in open {
            if options & 16 != 0 {
                respond(HTTPResponse(status: 200, body: .stream(NoBody())), to: stream)
                streaming.append(stream)
            } else {
                let body = [UInt8](repeating: 1, count: random(100_000))
                respond(HTTPResponse(status: 200, body: .bytes(body)), to: stream)
            }
        }
        open = []
        for stream in streaming {
            let isLast = random(4) == 0
            if random(32) == 0 {
                session.abort(stream)
            } else if session.wantsBody(of: stream) || isLast {
                session.write([UInt8](repeating: 2, count: random(1000)), to: stream, isLast: isLast)
            }
            if isLast { streaming.removeAll { $0 == stream } }
        }
    }

    /// The socket takes some or all of the output.
    private mutating func write() {
        var turns = 0
        while !session.output.isEmpty, turns < 100 {
            turns += 1
            var piece: [UInt8] = []
            session.output.withFirstSegments { segments in for segment in segments { piece += segment } }
            let count = options & 32 == 0 ? piece.count : 1 + random(piece.count)
            sent += piece[..<count]
            session.didWrite(count)
        }
    }

    private mutating func pass(_ time: UInt64) {
        now += time
        session.tick(now)
        switch session.phase {
        case .until(let deadline) where deadline <= now:
            session.timeOut()
            if case .until(let next) = session.phase, !session.isFinished {
                precondition(next > now || next != deadline, "a deadline stays where it was")
            }
        default: break
        }
        takeEvents()
    }

    private func check() {
        precondition(session.output.count < 600 * 1024, "output is not bounded")
        precondition(
            session.contentHeld >= 0 && session.contentHeld <= 100 * (limits.body + 1), "content is not bounded")
    }

    mutating func end() {
        options & 8 != 0 ? session.timeOut() : session.receiveEnd()
        takeEvents()
        write()
        // Whatever was sent is whole frames, once all of it is out.
        guard session.output.isEmpty else { return }
        var start = 0
        while start + 9 <= sent.count {
            start += 9 + (Int(sent[start]) << 16 | Int(sent[start + 1]) << 8 | Int(sent[start + 2]))
        }
        precondition(start == sent.count, "a frame was cut")
    }
}

/// Never asked: the fuzzer writes the pieces itself.
private final class NoBody: HTTPBodySource {
    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress { .last }
}

/// Takes every body; is asked for nothing else, as the fuzzer answers by itself.
private final class TakingHandler: HTTPHandler {
    func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        .ready(HTTPResponse(status: 200))
    }
}
