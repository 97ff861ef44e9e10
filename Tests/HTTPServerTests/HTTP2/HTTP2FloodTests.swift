import HTTPServer
import Testing

@Suite("HTTP/2 floods")
struct HTTP2FloodTests {
    /// A frame, as a function of its number; how many end the connection; how many do not.
    struct Flood: Sendable, CustomTestStringConvertible {
        var name: String
        var allowed: Int
        var refused: Int
        var frame: @Sendable (Int) -> [UInt8]
        var testDescription: String { name }
    }

    static let floods = [
        Flood(name: "PING", allowed: 100, refused: 101) { _ in Frame.ping },
        // One came with the preface.
        Flood(name: "SETTINGS", allowed: 19, refused: 20) { _ in Frame.settings() },
        Flood(name: "PRIORITY", allowed: 200, refused: 201) { _ in Frame.priority(1) },
        Flood(name: "WINDOW_UPDATE", allowed: 1000, refused: 1001) { _ in Frame.windowUpdate(0) },
        Flood(name: "empty DATA", allowed: 100, refused: 101) {
            ($0 == 0 ? Frame.headers(1) : []) + Frame.data(1)
        },
        Flood(name: "DATA of padding", allowed: 100, refused: 101) {
            ($0 == 0 ? Frame.headers(1) : []) + Frame.data(1, flags: 8, [3, 0, 0, 0])
        },
        Flood(name: "rapid reset", allowed: 100, refused: 101) {
            Frame.headers(UInt32(2 * $0 + 1), flags: 5) + Frame.reset(UInt32(2 * $0 + 1))
        },
        // A window beyond 2³¹ − 1 makes this side reset the stream.
        Flood(name: "MadeYouReset", allowed: 20, refused: 101) {
            Frame.headers(UInt32(2 * $0 + 1)) + Frame.bytes(type: 8, stream: UInt32(2 * $0 + 1), [0x7F, 255, 255, 255])
        },
        // A capital in a field's name makes the request malformed.
        Flood(name: "malformed requests", allowed: 20, refused: 101) {
            Frame.headers(UInt32(2 * $0 + 1), flags: 5, extra: [0, 2, UInt8(ascii: "T"), UInt8(ascii: "E"), 1, 1])
        },
    ]

    @Test("Too many frames of a kind end the connection with ENHANCE_YOUR_CALM; fewer do not", arguments: floods)
    func ends(_ flood: Flood) {
        for (count, isRefused) in [(flood.allowed, false), (flood.refused, true)] {
            let pair = HTTP2Pair()
            pair.receive(Frame.preface)
            for index in 0..<count where !pair.session.isFinished {
                pair.receive(flood.frame(index))
                pair.flush()
            }
            #expect(pair.session.isFinished == isRefused, "\(count)")
            #expect(pair.goaways == (isRefused ? [11] : []), "\(count)")
        }
    }

    @Test("All of a flood in one read ends the connection too", arguments: floods)
    func endsAtOnce(_ flood: Flood) {
        let pair = HTTP2Pair()
        pair.receive(Frame.preface + (0..<flood.refused).flatMap(flood.frame))
        pair.flush()
        #expect(pair.session.isFinished)
        #expect(pair.goaways == [11])
    }

    @Test("At a slow pace the same frames go on for ever", arguments: floods.prefix(3))
    func goesOn(_ flood: Flood) {
        let pair = HTTP2Pair()
        pair.receive(Frame.preface)
        for index in 0..<300 {
            pair.pass(seconds: 1)
            pair.receive(flood.frame(index))
            pair.flush()
        }
        #expect(!pair.session.isFinished)
    }

    @Test("A field section in more than a few frames ends the connection")
    func continuations() {
        let pair = HTTP2Pair()
        let more = Frame.bytes(type: 9, stream: 1, [0, 1, UInt8(ascii: "a"), 1, UInt8(ascii: "b")])
        pair.receive(Frame.preface + Frame.headers(1, flags: 1) + (0..<10).flatMap { _ in more })
        pair.flush()
        #expect(pair.session.isFinished)
        #expect(pair.goaways.count == 1)
    }

    @Test("Acknowledgements that a peer does not read are bounded")
    func unreadAcknowledgements() {
        let pair = HTTP2Pair()
        pair.receive(Frame.preface)
        pair.isStuck = true
        for _ in 0..<99 { pair.receive(Frame.ping) }
        pair.takeEvents()
        #expect(pair.session.output.count < 8 * 1024)
    }

    @Test(
        "Bytes that are no frame end the connection",
        arguments: [
            Frame.bytes(type: 0, stream: 0, [1]), Frame.bytes(type: 6, [1]), Frame.bytes(type: 4, [1, 2, 3]),
            Frame.bytes(type: 1, flags: 5, stream: 2, [0x82]), [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1],
            Frame.bytes(type: 1, flags: 5, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            Frame.bytes(type: 9, flags: 4, stream: 1, [0x82]), Frame.bytes(type: 5, flags: 4, stream: 1, [0, 0, 0, 2]),
        ])
    func garbage(_ bytes: [UInt8]) {
        let pair = HTTP2Pair()
        pair.receive(Frame.preface + bytes)
        pair.flush()
        #expect(pair.session.isFinished)
        #expect(pair.goaways.count == 1)
        #expect(pair.goaways.first != 0)
    }

    @Test("Something other than SETTINGS after the preface ends the connection")
    func badPreface() {
        let pair = HTTP2Pair()
        pair.receive(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Frame.ping)
        pair.flush()
        #expect(pair.session.isFinished)
    }
}
