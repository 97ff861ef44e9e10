import HTTPServer
import Testing

@Suite("ByteWriter")
struct ByteWriterTests {
    private func written(_ room: Int, after start: [UInt8] = [], _ body: (inout ByteWriter) -> Void) -> String {
        var bytes = start
        bytes.write(atMost: room, body)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("pieces stand behind what was there, and the room need not be used up")
    func pieces() {
        let text = written(100, after: Array("> ".utf8)) { writer in
            writer.append("literal ")
            writer.append("string" as String)
            writer.append(UInt8(ascii: " "))
            writer.append(Array("span".utf8).span)
        }
        #expect(text == "> literal string span")
        #expect(written(0) { _ in } == "")
        #expect(written(3) { $0.append("abc") } == "abc")
    }

    @Test(
        "numbers are written in decimal", arguments: [0, 1, 9, 10, 99, 100, 101, 65_535, 1_000_000_007, .max])
    func decimal(number: Int) {
        #expect(written(20) { $0.appendDecimal(number) } == String(number))
    }

    @Test(
        "strings are escaped as RFC 8259 demands, and DEL, which terminals act on",
        arguments: [
            ("", #""""#), ("a/b", #""a/b""#), ("\"\\", #""\"\\""#), ("\n\r\t", #""\n\r\t""#),
            ("\u{0}\u{1F}\u{7F}x", #""\u0000\u001f\u007fx""#), ("é€😀\u{2028}", "\"é€😀\u{2028}\""),
            ("a string that is no small one\n", #""a string that is no small one\n""#),
        ])
    func escapes(text: String, json: String) {
        #expect(written(2 + 6 * text.utf8.count) { $0.appendJSON(text) } == json)
    }
}
