// Feeds one HTTP/1.1 session arbitrary bytes, whole and in pieces, and holds it to what must be true of any input.
//
// Built as one module with the folders of Sources/HTTPServer that the session is made of. The input's first byte chooses
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
    /// No body is wanted.
    var refuses = false
    var offersHTTP2 = false

    init(byte: UInt8) {
        streams = byte & 1 != 0
        timesOut = byte & 2 != 0
        drains = byte & 4 != 0
        ends = byte & 8 != 0
        defers = byte & 32 != 0
        refuses = byte & 64 != 0
        offersHTTP2 = byte & 128 != 0
        if byte & 16 != 0 {
            limits.requestLine = 64
            limits.fieldSection = 96
            limits.fieldCount = 4
            limits.body = 24
            limits.framing = 32
        }
    }
}

/// A client and its transport.
struct Peer: ~Copyable {
    let options: Options
    var session: HTTP1Session
    /// Received and not consumed.
    var input: [UInt8] = []
    var events: [String] = []
    var sent: [UInt8] = []
    var headStreams: Set<Int> = []
    /// The body of a request that is answered once the next bytes have come, and what names it.
    var pending: (body: [UInt8], id: String)?
    private var isUpgraded = false
    private var now: UInt64 = 0

    init(_ options: Options) {
        self.options = options
        session = HTTP1Session(offersHTTP2: options.offersHTTP2)
    }

    mutating func receive(_ bytes: ArraySlice<UInt8>) {
        now += 1
        session.receive(bytes.count, now: now)
        input += bytes
        answerPending()
        pump()
    }

    mutating func end() {
        while pending != nil {
            answerPending()
            pump()
        }
        if options.timesOut { session.timeOut(phase) }
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

    private var phase: HTTPSessionPhase { session.phase(isHeldBack: false) }

    private mutating func pump() {
        var isStarved = false
        while !isStarved {
            var bytes: [UInt8] = []
            swap(&bytes, &input)
            let (event, consumed) = session.next(bytes.span, options.limits)
            precondition(consumed <= bytes.count, "no more is consumed than came")
            switch event {
            case .starved: isStarved = true
            case .announced:
                precondition(consumed == 0, "a head stays until its request is handed out")
                let heads: [1 of RequestHead] = [session.head]
                _ = HTTPRequest(heads.span, bytes.span, id: RequestID(bits: 0)).accepts("application/json")
                if session.admit(HTTPAdmission(takesBody: !options.refuses)) {
                    sent += Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
                }
            case .request: takeRequest(bytes)
            case .refused:
                guard let problem = session.takeProblem() else { preconditionFailure("a refusal without a problem") }
                precondition((400...599).contains(problem.status))
                let stored = session.takeStored()
                note(stored.head)
                events.append("\(session.stream) \(problem)")
                session.endRequest()
                reply(status: problem.status, body: Array(problem.detail.utf8), id: "", isStreamed: false)
            case .upgrade:
                let settings = session.upgradeSettings
                precondition(session.stream == 1 && session.isFinished && settings.count % 6 == 0)
                events.append("upgrade \(settings) of \(bytes[..<consumed])")
                isUpgraded = true
                return
            }
            input = session.isFinished ? [] : Array(bytes[consumed...])
        }
        precondition(phase == .finished || !session.isFinished)
        precondition(!session.isFinished || !session.wantsInput)
        precondition((phase == .handling) == (pending != nil), "only an unanswered request is handled")
        if case .body(let received) = phase { precondition(received <= options.limits.body) }
        precondition(session.bodyBytes <= options.limits.body && session.body.capacity <= 2 * options.limits.body + 64)
    }

    private mutating func note(_ head: RequestHead) {
        if head.method == .head { headStreams.insert(session.stream) }
    }

    /// Takes a request that was handed out, of which `bytes` are what was received and not consumed before.
    private mutating func takeRequest(_ bytes: [UInt8]) {
        var body: [UInt8]
        var headBytes: [UInt8]
        let head = session.head
        if session.hasStoredRequest {
            let stored = session.takeStored()
            (body, headBytes) = (stored.body, stored.bytes)
        } else {
            (body, headBytes) = (Array(bytes[session.bodyRange]), Array(bytes[..<session.bodyRange.lowerBound]))
        }
        note(head)
        let id = RequestID(sentIn: head, headBytes.span) ?? RequestID(bits: 7)
        let heads: [1 of RequestHead] = [head]
        let request = HTTPRequest(heads.span, headBytes.span, id: id, body: body.span)
        check(request)
        var fields = ""
        head.forEachLine(in: headBytes.span) { fields += "\($0.extracting($1).array) \($0.extracting($2).array) " }
        let name = request.idText
        events.append(
            "\(session.stream) \(request.method) \(request.pathText) \(Self.query(of: request)) \(name) "
                + "\(fields)\(body)")
        session.endRequest()
        pending = (body, name)
        if !options.defers { answerPending() }
    }

    private static func query(of request: borrowing HTTPRequest) -> String {
        let slice = request.head.target.query ?? HeadSlice()
        return request.bytes.extracting(slice.range).text
    }

    private func check(_ request: borrowing HTTPRequest) {
        let head = request.head
        let path = request.pathText
        precondition(request.bodyCount <= options.limits.body)
        precondition(path.utf8.first == 0x2F || path == "*" && request.method == .options)
        precondition((path + Self.query(of: request)).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 })
        precondition(head.lineCount <= options.limits.fieldCount)
        let token = request.bytes.extracting(head.methodToken.range).array
        precondition(!token.isEmpty && token.allSatisfy { ByteSet.token.contains($0) })
        var names: [String] = []
        head.forEachLine(in: request.bytes) { bytes, name, value in
            let (name, value) = (bytes.extracting(name).array, bytes.extracting(value).array)
            precondition(!name.isEmpty && name.allSatisfy { ByteSet.token.contains($0) })
            precondition(value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 })
            precondition(value.first.map { !$0.isWhitespace } ?? true && value.last.map { !$0.isWhitespace } ?? true)
            names.append(String(decoding: name.map(\.lowercased), as: UTF8.self))
        }
        precondition(names.count == head.lineCount)
        // The fields whose places are kept are those that the lines say.
        for field in RequestHead.Field.allCases {
            let count = names.count { $0 == "\(field.name)" }
            precondition(head.has(field) == (count > 0) && (head.only(field) != nil) == (count == 1))
        }
        precondition(request.version == .http1_0 || head.only(.host) != nil)
        precondition(names.count { $0 == "content-length" || $0 == "transfer-encoding" } <= 1)
        // The look-ups read what a client wrote.
        _ = request.accepts("application/json")
        _ = request.contentTypeIs("application/json")
        _ = request.hasIdentityCoding
        _ = head.hasToken(.connection, "close", in: request.bytes)
    }

    private mutating func answerPending() {
        guard let (body, id) = pending else { return }
        pending = nil
        precondition(!session.wantsInput && session.isHandling)
        reply(status: Int(body.first ?? 44) + 156, body: body, id: id, isStreamed: options.streams)
    }

    /// Reflects the body, unvalidated, into a field, so that the serialiser has something to defend against.
    private mutating func reply(status: Int, body: [UInt8], id: String, isStreamed: Bool) {
        var fields = HTTPFields()
        fields.append("x-echo", body)
        fields.append("x-id", id.utf8)
        let (head, hasContent) = session.beginReply(
            status: status, length: isStreamed ? nil : body.count, date: HTTPDate(unixSeconds: 0))
        sent.write(atMost: ResponseHead.room + fields.room) {
            head.write(fields, id: RequestID(bits: 7), Span(), to: &$0)
        }
        if isStreamed {
            precondition((session.isStreamingChunked != nil) == hasContent)
            if session.isStreamingChunked == true, !body.isEmpty {
                sent += Array("\(String(body.count, radix: 16))\r\n".utf8) + body + Array("\r\n".utf8)
            } else if hasContent {
                sent += body
            }
            if session.isStreamingChunked == true { sent += Array("0\r\n\r\n".utf8) }
            if hasContent { session.endReply() }
        } else if hasContent {
            sent += body
        }
        precondition(session.isStreamingChunked == nil && !session.isHandling)
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
        // One that HTTP/2 answers has no response here.
        precondition(stream + (isUpgraded ? 1 : 0) == session.stream, "\(stream) replies to \(session.stream) requests")
    }
}
