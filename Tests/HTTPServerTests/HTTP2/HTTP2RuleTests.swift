import HTTPServer
import Testing

/// What RFC 9113 says a server does with frames that it may not get, section by section, from the bytes on.
@Suite("HTTP/2 by the RFC")
struct HTTP2RuleTests {
    /// What becomes of the connection.
    enum Outcome: Sendable, Equatable {
        /// GOAWAY with that code, and the end.
        case connectionError(UInt32)
        /// RST_STREAM of stream 1 with that code; the connection goes on.
        case streamError(UInt32)
        /// Nothing is said, and the connection goes on.
        case ignored
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var section: String
        var what: String
        /// What comes after the preface and empty SETTINGS.
        var bytes: [UInt8]
        /// By code: NO_ERROR 0, PROTOCOL_ERROR 1, FLOW_CONTROL_ERROR 3, STREAM_CLOSED 5, FRAME_SIZE_ERROR 6,
        /// COMPRESSION_ERROR 9.
        var outcome: Outcome
        var testDescription: String { "\(section) \(what)" }

        init(_ section: String, _ what: String, _ bytes: [UInt8], _ outcome: Outcome) {
            (self.section, self.what, self.bytes, self.outcome) = (section, what, bytes, outcome)
        }
    }

    /// `GET /livez` with the authority `a`, as in the report of a real client's bytes.
    private static func get(_ stream: UInt32) -> [UInt8] {
        Frame.bytes(
            type: 1, flags: 5, stream: stream,
            [0x82, 0x86, 0x04, 0x06, 0x2F, 0x6C, 0x69, 0x76, 0x65, 0x7A, 0x41, 0x01, 0x61])
    }
    private static let open = Frame.headers(1)
    private static let trailers = Frame.bytes(
        type: 1, flags: 5, stream: 1, [0, 1, UInt8(ascii: "x"), 1, UInt8(ascii: "y")])
    private static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        Frame.bytes(type: 8, stream: stream, (0..<4).map { UInt8(increment >> (24 - 8 * $0) & 255) })
    }

    static let cases: [Case] = [
        // Idle streams.
        Case("5.1", "DATA on an idle stream", Frame.data(1, [1]), .connectionError(1)),
        Case("5.1", "RST_STREAM on an idle stream", Frame.reset(1), .connectionError(1)),
        Case("5.1", "WINDOW_UPDATE on an idle stream", windowUpdate(1, 1), .connectionError(1)),
        Case("5.1", "PRIORITY on an idle stream", Frame.priority(1), .ignored),
        // Half closed by the peer, the reply still open.
        Case("5.1", "DATA after END_STREAM", get(1) + Frame.data(1, [1]), .connectionError(5)),
        Case("5.1", "HEADERS after END_STREAM", get(1) + trailers, .connectionError(5)),
        Case("5.1", "WINDOW_UPDATE after END_STREAM", get(1) + windowUpdate(1, 1), .ignored),
        Case("5.1", "PRIORITY after END_STREAM", get(1) + Frame.priority(1), .ignored),
        // Closed by the peer's RST_STREAM.
        Case("5.1", "DATA after RST_STREAM", open + Frame.reset(1) + Frame.data(1, [1]), .connectionError(5)),
        Case("5.1", "HEADERS after RST_STREAM", open + Frame.reset(1) + trailers, .connectionError(5)),
        Case("5.1", "RST_STREAM after RST_STREAM", open + Frame.reset(1) + Frame.reset(1), .ignored),
        Case("5.1", "WINDOW_UPDATE after RST_STREAM", open + Frame.reset(1) + windowUpdate(1, 1), .ignored),
        Case("5.1", "PRIORITY after RST_STREAM", open + Frame.reset(1) + Frame.priority(1), .ignored),
        // Identifiers.
        Case("5.1.1", "an even identifier", get(2), .connectionError(1)),
        Case("5.1.1", "stream 0", get(0), .connectionError(1)),
        Case("5.1.1", "a lower identifier after a higher", get(5) + get(3), .connectionError(1)),
        Case("5.1.1", "a lower one that PRIORITY has named", Frame.priority(3) + get(5) + get(3), .connectionError(1)),
        Case("5.1.1", "the same identifier again", open + Frame.data(1, flags: 1) + get(1), .connectionError(5)),
        Case("5.1.1", "identifiers left out", get(5) + get(9), .ignored),
        // Frames.
        Case("4.1", "a frame of an unknown type", Frame.bytes(type: 0xBA, flags: 255, stream: 7, [1, 2]), .ignored),
        Case(
            "4.2", "a frame over 16 KiB", Frame.bytes(type: 0xBA, [UInt8](repeating: 0, count: 16_385)),
            .connectionError(6)),
        Case(
            "4.3", "a field block that is no HPACK",
            Frame.bytes(type: 1, flags: 5, stream: 1, [0xFF, 255, 255, 255, 255, 255]), .connectionError(9)),
        Case("6.1", "DATA on stream 0", Frame.data(0, [1]), .connectionError(1)),
        Case("6.1", "DATA all padding and more", open + Frame.data(1, flags: 8, [5, 0]), .connectionError(1)),
        Case(
            "6.2", "HEADERS all padding and more", Frame.bytes(type: 1, flags: 13, stream: 1, [9, 0x82]),
            .connectionError(1)),
        Case(
            "6.2", "a frame between HEADERS and CONTINUATION", Frame.headers(1, flags: 0) + Frame.ping,
            .connectionError(1)),
        Case("6.3", "PRIORITY on stream 0", Frame.bytes(type: 2, [0, 0, 0, 0, 0x10]), .connectionError(1)),
        Case(
            "6.3", "that after SETTINGS_NO_RFC7540_PRIORITIES", Frame.bytes(type: 2, [0, 0, 0, 0, 0x10]),
            .connectionError(1)),
        Case(
            "6.3", "PRIORITY of another length", open + Frame.bytes(type: 2, stream: 1, [0, 0, 0, 0]),
            .connectionError(6)),
        Case("6.4", "RST_STREAM on stream 0", Frame.reset(0), .connectionError(1)),
        Case(
            "6.4", "RST_STREAM of another length", open + Frame.bytes(type: 3, stream: 1, [0, 0, 8]),
            .connectionError(6)),
        Case("6.5", "SETTINGS on a stream", Frame.bytes(type: 4, stream: 1), .connectionError(1)),
        Case("6.5", "SETTINGS of an odd length", Frame.settings([0, 4, 0]), .connectionError(6)),
        Case(
            "6.5", "an acknowledgement with a payload", Frame.bytes(type: 4, flags: 1, [0, 4, 0, 0, 0, 0]),
            .connectionError(6)),
        Case("6.5.2", "ENABLE_PUSH of 2", Frame.settings([0, 2, 0, 0, 0, 2]), .connectionError(1)),
        Case("6.5.2", "INITIAL_WINDOW_SIZE over 2^31-1", Frame.settings([0, 4, 0x80, 0, 0, 0]), .connectionError(3)),
        Case("6.5.2", "MAX_FRAME_SIZE under 16 KiB", Frame.settings([0, 5, 0, 0, 0x3F, 255]), .connectionError(1)),
        Case("6.5.2", "MAX_FRAME_SIZE over 2^24-1", Frame.settings([0, 5, 1, 0, 0, 0]), .connectionError(1)),
        Case("6.5.2", "a setting that nobody knows", Frame.settings([0xBA, 0xBA, 1, 2, 3, 4]), .ignored),
        Case(
            "6.6", "PUSH_PROMISE from a client", open + Frame.bytes(type: 5, flags: 4, stream: 1, [0, 0, 0, 2, 0x82]),
            .connectionError(1)),
        Case(
            "6.7", "PING on a stream", Frame.bytes(type: 6, stream: 1, [UInt8](repeating: 0, count: 8)),
            .connectionError(1)),
        Case("6.7", "PING of another length", Frame.bytes(type: 6, [0]), .connectionError(6)),
        Case(
            "6.8", "GOAWAY on a stream", Frame.bytes(type: 7, stream: 1, [UInt8](repeating: 0, count: 8)),
            .connectionError(1)),
        Case("6.9", "an increment of 0 on the connection", windowUpdate(0, 0), .connectionError(1)),
        // A stream error, which RFC 9113 section 5.4.2 lets a server take for one of the connection, as libnghttp2 does.
        Case("6.9", "an increment of 0 on a stream", open + windowUpdate(1, 0), .connectionError(1)),
        Case("6.9", "WINDOW_UPDATE of another length", Frame.bytes(type: 8, [0, 0, 1]), .connectionError(6)),
        Case("6.9.1", "a connection window over 2^31-1", windowUpdate(0, 0x7FFF_FFFF), .connectionError(3)),
        Case("6.9.1", "a stream window over 2^31-1", open + windowUpdate(1, 0x7FFF_FFFF), .streamError(3)),
        // Section 6.9.2 wants a connection error; libnghttp2 1.52 resets each stream whose window it is.
        Case(
            "6.9.2", "SETTINGS that put a stream window over 2^31-1",
            open + windowUpdate(1, 0x7FFF_0000) + Frame.settings([0, 4, 0x7F, 255, 255, 255]), .streamError(3)),
        Case(
            "6.10", "CONTINUATION after nothing", Frame.bytes(type: 9, flags: 4, stream: 1, [0x82]), .connectionError(1)
        ),
        Case(
            "6.10", "CONTINUATION on stream 0", Frame.headers(1, flags: 1) + Frame.bytes(type: 9, flags: 4, [0x82]),
            .connectionError(1)),
        Case(
            "6.10", "CONTINUATION of another stream",
            Frame.headers(1, flags: 1) + Frame.bytes(type: 9, flags: 4, stream: 3), .connectionError(1)),
        Case(
            "8.1", "trailers that do not end the stream",
            open + Frame.bytes(type: 1, flags: 4, stream: 1, [0, 1, 120, 1, 121]), .streamError(1)),
        Case(
            "8.1.1", "less content than announced",
            Frame.headers(1, extra: [0x0F, 13, 1, UInt8(ascii: "5")]) + Frame.data(1, flags: 1, [1]), .streamError(1)),
        Case(
            "8.2.1", "a capital in a name", Frame.headers(1, flags: 5, extra: [0, 1, UInt8(ascii: "X"), 1, 120]),
            .streamError(1)),
    ]

    @Test("Frames that may not come", arguments: cases, [Int.max, 1])
    func rules(_ rule: Case, split: Int) {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        pair.split = split
        let hasOption = rule.what == "that after SETTINGS_NO_RFC7540_PRIORITIES"
        let preface = Array(Frame.preface.prefix(24)) + Frame.settings(hasOption ? [0, 9, 0, 0, 0, 1] : [])
        pair.receive(preface + rule.bytes)
        pair.flush()
        switch rule.outcome {
        case .connectionError(let code):
            #expect(pair.goaways == [code])
            #expect(pair.session.isFinished)
            #expect(pair.session.fault == .protocolError)
        case .streamError(let code):
            #expect(Frame.resets(in: pair.sent) == [1: code])
            fallthrough
        case .ignored:
            #expect(pair.goaways.isEmpty)
            let before = Frame.all(in: pair.sent).count
            pair.receive(Frame.ping)
            pair.flush()
            #expect(Frame.all(in: pair.sent).dropFirst(before).map(\.type) == [6])
        }
        if rule.outcome == .ignored { #expect(Frame.resets(in: pair.sent).isEmpty) }
    }

    @Test("Trailers that cross the server's own RST_STREAM are no error of the client's")
    func crossingTrailers() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        pair.receive(Frame.preface + Self.open + Frame.bytes(type: 8, stream: 1, [0x7F, 255, 255, 255]))
        pair.flush()
        #expect(Frame.resets(in: pair.sent) == [1: 3])
        pair.receive(Frame.data(1, [1]) + Self.trailers + Self.get(3))
        pair.flush()
        #expect(pair.goaways.isEmpty)
        #expect(pair.log.last == "request 3: GET /livez 0")
    }

    @Test(
        "A field section over its limit gets 431; one far over it ENHANCE_YOUR_CALM",
        arguments: [(5, true), (20, false)])
    func largeSection(times: Int, isAnswered: Bool) {
        let pair = HTTP2Pair()
        // A line of 3900 bytes into the table, and that many references to it of one byte each.
        let line: [UInt8] = [0x40, 1, UInt8(ascii: "x"), 0x7F, 0xBD, 0x1D] + [UInt8](repeating: 97, count: 3900)
        let references = [UInt8](repeating: 0xBE, count: times)
        pair.receive(Frame.preface + Frame.headers(1, flags: 5, extra: line + references))
        pair.flush()
        #expect(pair.log == (isAnswered ? ["refused 1: 431 5"] : []))
        #expect(Frame.ended(in: pair.sent) == (isAnswered ? [1] : []))
        #expect(Frame.resets(in: pair.sent) == (isAnswered ? [:] : [1: 11]))
        pair.receive(Self.get(3))
        pair.flush()
        #expect(pair.requests.keys.sorted() == [3])
        #expect(pair.goaways.isEmpty)
    }

    @Test("Replies take turns whatever the client asks for: exclusive dependencies, weights, PRIORITY later on")
    func turns() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        // Each stream is put above all that came before, and the last one is moved to the top once more.
        let settings = Frame.settings([0, 4, 0, 16, 0, 0]) + Frame.bytes(type: 8, [0, 16, 0, 0])
        pair.receive(Array(Frame.preface.prefix(24)) + settings)
        for stream in [1, 3, 5] as [UInt32] {
            let priority: [UInt8] = [0x80, 0, 0, 0, 255]
            pair.receive(
                Frame.bytes(
                    type: 1, flags: 0x25, stream: stream, priority + [0x82, 0x86, 0x84, 0x41, 1, UInt8(ascii: "a")]))
        }
        pair.receive(Frame.bytes(type: 2, stream: 5, [0x80, 0, 0, 0, 255]))
        for stream in [1, 3, 5] {
            pair.respond(HTTPResponse(status: 200, body: .bytes(HTTP2FlowTests.bytes(200_000))), to: stream)
        }
        pair.flush()
        let order = Frame.all(in: pair.sent).filter { $0.type == 0 && $0.payload.count == 16_384 }.map(\.stream)
        #expect(order.count == 36)
        for turn in stride(from: 0, to: order.count, by: 3) { #expect(Set(order[turn..<turn + 3]) == [1, 3, 5]) }
    }
}
