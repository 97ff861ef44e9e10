import Testing

@testable import HTTPServer

@Suite("HTTP/1.1 splits")
struct SplitTests {
    /// A fixed sequence of numbers: a failure can be seen again.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    private static let pieces = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /?q HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
        "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nGET / HTTP/1",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5;x=\"\\\"y\"\r\nhello\r\n1 ; a\r\n!\r\n000\r\nT: r\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://A/x HTTP/1.1\r\nHost: a\r\nX-Request-Id: me\r\n\r\n",
        "DELETE / HTTP/1.1\r\nHost: [::1]:80\r\nX: \u{e9}\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    ]

    @Test("random requests in random splits give identical events and replies", arguments: 0..<60)
    func randomSplits(_ seed: Int) {
        var random = Generator(state: UInt64(seed))
        var text = (0..<6).compactMap { _ in Self.pieces.randomElement(using: &random) }.joined()
        if seed % 3 == 0 { text += "GET / HTTP/1.1\r\nBad line\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" }
        let bytes = Array(text.utf8)
        let whole = SessionDriver()
        whole.receive(bytes)
        #expect(whole.log.count == (seed % 3 == 0 ? 7 : 6))
        for _ in 0..<20 {
            let driver = SessionDriver()
            var rest = bytes[...]
            while !rest.isEmpty {
                let length = Int.random(in: 1...40, using: &random)
                driver.receive(rest.prefix(length))
                rest = rest.dropFirst(length)
            }
            #expect(driver.log == whole.log)
            #expect(driver.sent == whole.sent)
        }
    }

    @Test("a long head that comes byte by byte is not searched again from its start")
    func linearScan() throws {
        var limits = HTTPLimits()
        limits.requestLine = 1 << 20
        let count = 200_000
        for start in ["", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            limits.fieldSection = 1 << 20
            var parser = RequestHeadParser()
            let bytes = Array(start.utf8) + [UInt8](repeating: UInt8(ascii: "A"), count: count)
            for end in 1...bytes.count {
                // The next search begins where this one ended.
                let from = parser.lineStart + parser.scanned
                guard try !parser.parse(bytes.span.extracting(0..<end), limits), from == end - 1,
                    parser.isStarved(with: end), parser.lineStart + parser.scanned == end
                else {
                    Issue.record("looks at bytes from \(from) on when byte \(end) comes")
                    return
                }
            }
            #expect(parser.lineStart == start.utf8.count)
        }
    }
}
