import HTTPServer
import Testing

@Suite("Request ids, trace context")
struct SmallPartsTests {
    @Test("request ids are 16 hexadecimal digits and differ")
    func requestIDs() {
        var ids = RequestIDs(seed: 7)
        let made = (0..<10_000).map { _ in ids.next().text(Span()) }
        #expect(Set(made).count == made.count)
        #expect(made.allSatisfy { $0.utf8.count == 16 && $0.allSatisfy { "0123456789abcdef".contains($0) } })
        var others = RequestIDs(seed: 8)
        let other = others.next().text(Span())
        #expect(!made.contains(other))
    }

    private static let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test(
        "a valid traceparent is taken",
        arguments: [valid, "01" + valid.dropFirst(2), "fe" + valid.dropFirst(2) + "-more"])
    func validTraceparent(value: String) { #expect(isValid(value)) }

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
    func invalidTraceparent(value: String) { #expect(!isValid(value)) }

    private func isValid(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        return Traceparent.isValid(bytes.span)
    }
}
