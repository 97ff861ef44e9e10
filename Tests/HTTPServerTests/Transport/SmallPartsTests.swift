import HTTPServer
import Testing

@Suite("Dates, request ids, trace context")
struct SmallPartsTests {
    @Test(
        "a date is an IMF-fixdate",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ])
    func date(seconds: Int, text: String) {
        #expect(String(decoding: HTTPDate.format(seconds), as: UTF8.self) == text)
    }

    @Test("a date is made anew when the second changes")
    func cachedDate() {
        var date = HTTPDate()
        date.update(unixSeconds: 59)
        date.update(unixSeconds: 59)
        #expect(String(decoding: date.bytes, as: UTF8.self).hasSuffix("00:00:59 GMT"))
        date.update(unixSeconds: 60)
        #expect(String(decoding: date.bytes, as: UTF8.self).hasSuffix("00:01:00 GMT"))
    }

    @Test("request ids are 16 hexadecimal digits and differ")
    func requestIDs() {
        var ids = RequestIDs(seed: 7)
        let made = (0..<10_000).map { _ in ids.next() }
        #expect(Set(made).count == made.count)
        #expect(made.allSatisfy { $0.utf8.count == 16 && $0.allSatisfy { "0123456789abcdef".contains($0) } })
        var others = RequestIDs(seed: 8)
        let other = others.next()
        #expect(!made.contains(other))
    }

    private static let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test(
        "a valid traceparent is taken",
        arguments: [valid, "01" + valid.dropFirst(2), "fe" + valid.dropFirst(2) + "-more"])
    func validTraceparent(value: String) { #expect(Traceparent.isValid(value)) }

    @Test(
        "anything else is not",
        arguments: [
            "", "00", valid + "-more", valid + "0", valid.uppercased(), "ff" + valid.dropFirst(2),
            "01" + valid.dropFirst(2) + "more", "0" + valid, String(valid.dropLast()),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            valid.replacing("-", with: "_"), valid.replacing("4bf9", with: "4bg9"),
            String(repeating: "é", count: 28),
        ])
    func invalidTraceparent(value: String) { #expect(!Traceparent.isValid(value)) }
}
