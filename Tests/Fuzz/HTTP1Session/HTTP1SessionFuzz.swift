// Feeds one HTTP/1.1 session arbitrary bytes, whole and in pieces, and holds it to what must be true of any input.
//
// Built as one module with Sources/HTTPServer/Message and Sources/HTTPServer/HTTP1. The input's first byte chooses
// limits and how requests are answered, the second seeds the lengths of the pieces; the rest goes over the wire.

/// libFuzzer's entry point.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP1Session(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 2 else { return 0 }
    let input = UnsafeBufferPointer(start: data, count: count)
    let options = Options(byte: input[0])
    let wire = Array(input[2...])

    var whole = Peer(options)
    whole.receive(wire[...])
    whole.end()

    var split = Peer(options)
    var seed = UInt32(input[1]) &* 2_654_435_761 | 1
    var rest = wire[...]
    while !rest.isEmpty {
        seed = seed &* 1_664_525 &+ 1_013_904_223
        let length = min(rest.count, Int(seed >> 24) % (input[1] < 128 ? 4 : 64) + 1)
        split.receive(rest.prefix(length))
        rest = rest.dropFirst(length)
    }
    split.end()

    precondition(whole.events == split.events, "events depend on how the bytes were split")
    precondition(whole.sent == split.sent, "replies depend on how the bytes were split")
    return 0
}

struct Options {
    var limits = HTTPLimits()
    var streams = false
    var timesOut = false
    var drains = false
    var ends = false
    var defers = false

    init(byte: UInt8) {
        streams = byte & 1 != 0
        timesOut = byte & 2 != 0
        drains = byte & 4 != 0
        ends = byte & 8 != 0
        defers = byte & 32 != 0
        if byte & 16 != 0 {
            limits.requestLine = 64
            limits.fieldSection = 96
            limits.fieldCount = 4
            limits.body = 24
            limits.framing = 32
        }
        // Nothing is held back: when the peer takes its output is not what is compared here.
        limits.outputHighWater = .max
    }
}

/// A client and its transport.
struct Peer: ~Copyable {
    let options: Options
    var session: HTTP1Session
    var events: [String] = []
    var sent: [UInt8] = []
    var headStreams: Set<Int> = []
    /// A request that is answered once the next bytes have come.
    var pending: (request: HTTPRequest, stream: Int)?

    init(_ options: Options) {
        self.options = options
        session = HTTP1Session(limits: options.limits)
    }

    mutating func receive(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { session.receive($0) }
        answerPending()
        pump()
    }

    mutating func end() {
        while pending != nil {
            answerPending()
            pump()
        }
        if options.timesOut { session.timeOut() }
        if options.drains { session.drain() }
        if options.ends { session.receiveEnd() }
        pump()
        while pending != nil {
            answerPending()
            pump()
        }
        if options.ends || options.drains && options.timesOut { precondition(session.isFinished) }
        checkReplies()
    }

    private mutating func pump() {
        while let event = session.nextEvent() {
            if session.exchange.isHead { headStreams.insert(session.stream) }
            switch event {
            case .request(let request, let stream):
                check(request)
                events.append(
                    "\(stream) \(request.method) \(request.path) \(request.query ?? "") \(request.id) "
                        + "\(request.fields.storage) \(request.body)")
                if options.defers { pending = (request, stream) } else { answer(request, stream) }
            case .refused(let problem, let stream, _):
                precondition((400...599).contains(problem.status))
                events.append("\(stream) \(problem)")
                session.respond(problem.response(requestID: "", types: ""), to: stream, date: [], requestID: "")
            case .cancelled(let stream):
                events.append("\(stream) cancelled")
            }
        }
        precondition(session.phase == .finished || !session.isFinished)
        precondition(!session.isFinished || !session.wantsInput)
        precondition((session.phase == .handling) == (pending != nil), "only an unanswered request is handled")
        if case .body(let received) = session.phase { precondition(received <= options.limits.body) }
        while !session.output.isEmpty {
            var piece: [UInt8] = []
            session.output.withFirstSegments { for segment in $0 { piece += segment } }
            precondition(!piece.isEmpty)
            // Any prefix may be taken.
            let taken = piece.count > 3 ? piece.count - piece.count / 3 : piece.count
            sent += piece.prefix(taken)
            session.didWrite(taken)
        }
    }

    private mutating func answerPending() {
        guard let (request, stream) = pending else { return }
        pending = nil
        precondition(!session.wantsInput)
        answer(request, stream)
    }

    private func check(_ request: HTTPRequest) {
        precondition(request.body.count <= options.limits.body)
        precondition(request.body.capacity >= request.body.count + HTTPRequest.bodyPadding)
        precondition(request.path.utf8.first == 0x2F || request.path == "*" && request.method == .options)
        precondition((request.path + (request.query ?? "")).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 })
        precondition(request.fields.count <= options.limits.fieldCount)
        precondition(request.version == .http1_0 || request.fields.count(of: "host") == 1)
        precondition(request.fields.count(of: "content-length") + request.fields.count(of: "transfer-encoding") <= 1)
        precondition(request.method.rawValue.utf8.allSatisfy { ByteSet.token.contains($0) })
        for (name, value) in request.fields {
            precondition(!name.isEmpty && name.allSatisfy { ByteSet.token.contains($0) && !(0x41...0x5A).contains($0) })
            precondition(value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
        }
        // The look-ups read what a client wrote.
        _ = request.fields.accepts("application/json")
        _ = request.fields.contentTypeIs("application/json")
        _ = request.fields.hasToken("connection", "close")
    }

    /// Reflects the body, unvalidated, into a field, so that the serialiser has something to defend against.
    private mutating func answer(_ request: HTTPRequest, _ stream: Int) {
        var response = HTTPResponse(status: Int(request.body.first ?? 44) + 156, body: .bytes(request.body))
        response.fields.append("x-echo", request.body)
        if options.streams { response.body = .stream(Nothing()) }
        session.respond(response, to: stream, date: request.body, requestID: request.id)
        if options.streams {
            if session.wantsBody(of: stream) { session.write(request.body, to: stream, isLast: false) }
            session.write(request.body, to: stream, isLast: true)
        }
        precondition(!session.wantsBody(of: stream))
    }

    /// What was sent is responses, in order, one per event that wanted one.
    private func checkReplies() {
        var rest = sent[...]
        var stream = 0
        while !rest.isEmpty {
            let isForHead = headStreams.contains(stream + 1)
            guard let reply = Reply.read(&rest, isForHead: isForHead, isClosed: session.isFinished) else {
                preconditionFailure("what was sent is no response")
            }
            if reply.status >= 200 { stream += 1 }
            precondition(reply.isWhole)
        }
        precondition(stream == session.stream, "\(stream) replies to \(session.stream) requests")
    }
}

final class Nothing: HTTPBodySource {
    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress { .last }
}
