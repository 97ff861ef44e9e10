import HTTPServer
import Testing

@Suite("Field lines")
struct HTTPFieldsTests {
    private func fields(_ lines: [(StaticString, String)]) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in lines { fields.append(name, value) }
        return fields
    }

    @Test("a field is found by its whole name only")
    func lookUp() {
        let fields = fields([("accept", "a"), ("accept-encoding", "b"), ("x", ""), ("x", "2")])
        #expect(fields.count == 4)
        #expect(fields.only("accept") == "a")
        #expect(fields.only("accept-") == nil)
        #expect(fields.only("") == nil)
        #expect(fields.only("x") == nil)
        #expect(fields.first("x") == "")
        #expect(fields.first("y") == nil)
        #expect(fields.count(of: "x") == 2)
        #expect(fields.count(of: "y") == 0)
    }

    @Test("lines are gone through in order, as bytes")
    func iteration() {
        let fields = fields([("b", "1"), ("a", "2"), ("b", "")])
        let lines = fields.map {
            "\(String(decoding: $0.name, as: UTF8.self))=\(String(decoding: $0.value, as: UTF8.self))"
        }
        #expect(lines == ["b=1", "a=2", "b="])
        #expect(Array(HTTPFields()).isEmpty)
    }

    @Test("bytes that are not UTF-8 become U+FFFD in text and stay themselves in bytes")
    func obsText() {
        var fields = HTTPFields()
        fields.append("x", [0x61, 0xE9])
        #expect(fields.only("x") == "a\u{FFFD}")
        #expect(fields.first { _ in true }?.value == [0x61, 0xE9])
    }

    @Test(
        "a token is a member of its list, in either case, and nothing else is",
        arguments: [
            (["close"], true), (["CLOSE"], true), (["foo, Close"], true), (["foo ,\tclose ,"], true),
            ([",,close"], true),
            (["foo", "close"], true), ([""], false), (["closed"], false), (["clos"], false), (["foo close"], false),
            (["\"close\""], false), (["\"a, close\""], false), (["\"a\\\", close\""], false), (["clo\u{17F}e"], false),
        ])
    func tokens(_ values: [String], _ isThere: Bool) {
        #expect(fields(values.map { ("connection", $0) }).hasToken("connection", "close") == isThere)
        #expect(!fields(values.map { ("other", $0) }).hasToken("connection", "close"))
    }

    @Test(
        "a content type is its essence, whatever its parameters and case",
        arguments: [
            (["application/json"], true), (["Application/JSON"], true), (["application/json;charset=utf-8"], true),
            (["application/json ; charset=\"utf-8\""], true), (["application/json;"], true), ([], false), ([""], false),
            (["application/jsonp"], false), (["application/jso"], false), (["text/json"], false), ([";"], false),
            (["application/json, text/plain"], false), (["application/json", "application/json"], false),
        ])
    func contentType(_ values: [String], _ isJSON: Bool) {
        #expect(fields(values.map { ("content-type", $0) }).contentTypeIs("application/json") == isJSON)
    }

    @Test(
        "Accept admits what its most specific range does",
        arguments: [
            ([], true), ([""], true), (["*/*"], true), (["application/*"], true), (["APPLICATION/Json"], true),
            (["text/html, application/json;q=0.9"], true), (["text/html"], false), (["text/*, image/*"], false),
            (["application/json;q=0"], false), (["application/json;q=0.000, */*"], false), (["*/*;q=0"], false),
            (["*/*;q=0, application/json"], true), (["application/*;q=0, */*"], false),
            (["application/*;q=0.001"], true),
            (["application/json;version=1;Q=0"], false), (["application/json;p=\";q=0\""], true),
            (["text/html", "application/json"], true), (["app/*"], false), (["*"], false),
            (["application/json/*"], false),
            (["text/html;x=\"a,application/json\""], false), (["application/"], false),
        ])
    func accept(_ values: [String], _ isAdmitted: Bool) {
        #expect(fields(values.map { ("accept", $0) }).accepts("application/json") == isAdmitted)
    }
}
