import HTTPServer
import Testing

@Suite("Field lines")
struct HTTPFieldsTests {
    private func fields(_ lines: [(StaticString, String)]) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in lines { fields.append(name, value) }
        return fields
    }

    private func text(_ fields: HTTPFields) -> [String] {
        fields.map { "\(String(decoding: $0.name, as: UTF8.self))=\(String(decoding: $0.value, as: UTF8.self))" }
    }

    @Test("lines are gone through in order, as bytes")
    func iteration() {
        #expect(text(fields([("b", "1"), ("a", "2"), ("b", "")])) == ["b=1", "a=2", "b="])
        #expect(Array(HTTPFields()).isEmpty)
    }

    @Test("lists are joined in order")
    func joined() {
        var both = fields([("a", "1"), ("b", "")])
        both.append(fields([("c", "3"), ("a", "4")]))
        both.append(HTTPFields())
        #expect(text(both) == ["a=1", "b=", "c=3", "a=4"])
        #expect(both.count == 4)
    }

    @Test("bytes that are not UTF-8 stay themselves")
    func obsText() {
        var fields = HTTPFields()
        fields.append("x", [0x61, 0xE9])
        #expect(fields.first { _ in true }?.value == [0x61, 0xE9])
    }
}
