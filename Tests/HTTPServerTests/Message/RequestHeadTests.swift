import Testing

@testable import HTTPServer

@Suite("Request heads")
struct RequestHeadTests {
    @Test("a field is found by its whole name only")
    func lookUp() throws {
        let copy = try #require(
            HeadCopy([("Accept", "a"), ("accept-encoding", "b"), ("ORIGIN", ""), ("origin", "2"), ("hosts", "c")]))
        let (head, bytes) = (copy.head, copy.bytes)
        func text(_ slice: HeadSlice?) -> String? { slice.map { String(decoding: bytes[$0.range], as: UTF8.self) } }
        #expect(head.lineCount == 5)
        #expect(text(head.only(.accept)) == "a")
        #expect(head.only(.host) == nil && head.first(.host) == nil && !head.has(.host))
        #expect(head.only(.origin) == nil)
        #expect(text(head.first(.origin)) == "")
        #expect(head.has(.origin))
        var values: [String] = []
        head.forEachValue(of: .origin, in: bytes.span) { values.append(String(decoding: bytes[$0], as: UTF8.self)) }
        #expect(values == ["", "2"])
    }

    @Test("every field whose place is kept is found, in any case, and no other of its length is taken for it")
    func knownFields() throws {
        for field in RequestHead.Field.allCases {
            let name = field.name.description
            for spelling in [name, name.uppercased()] {
                let copy = try #require(HeadCopy([(spelling, " v ")]))
                for other in RequestHead.Field.allCases { #expect(copy.head.has(other) == (other == field)) }
                #expect(copy.head.only(field).map { Array(copy.bytes[$0.range]) } == Array("v".utf8))
            }
            for index in name.indices {
                var changed = name
                changed.replaceSubrange(index...index, with: "~")
                let copy = try #require(HeadCopy([(changed, "v")]))
                #expect(!copy.head.has(field))
            }
        }
    }

    @Test("bytes that are not UTF-8 become U+FFFD in text and stay themselves in bytes")
    func obsText() throws {
        var parser = RequestHeadParser()
        let bytes = Array("GET / HTTP/1.1\r\nOrigin: a".utf8) + [0xE9] + Array("\r\n\r\n".utf8)
        let isComplete = try parser.parse(bytes.span, HTTPLimits())
        #expect(isComplete)
        let slice = try #require(parser.head.only(.origin))
        #expect(Array(bytes[slice.range]) == [0x61, 0xE9])
        #expect(bytes.span.extracting(slice.range).text == "a\u{FFFD}")
    }

    @Test(
        "a token is a member of its list, in either case, and nothing else is",
        arguments: [
            (["close"], true), (["CLOSE"], true), (["foo, Close"], true), (["foo ,\tclose ,"], true),
            ([",,close"], true),
            (["foo", "close"], true), ([""], false), (["closed"], false), (["clos"], false), (["foo close"], false),
            (["\"close\""], false), (["\"a, close\""], false), (["\"a\\\", close\""], false), (["clo\u{17F}e"], false),
        ])
    func tokens(_ values: [String], _ isThere: Bool) throws {
        for (field, isIn) in [("connection", isThere), ("CONNECTION", isThere), ("other", false)] {
            let head = try #require(HeadCopy(values.map { (field, $0) }))
            #expect(head.head.hasToken(.connection, "close", in: head.bytes.span) == isIn)
        }
    }

    @Test(
        "a content type is its essence, whatever its parameters and case",
        arguments: [
            (["application/json"], true), (["Application/JSON"], true), (["application/json;charset=utf-8"], true),
            (["application/json ; charset=\"utf-8\""], true), (["application/json;"], true), ([], false), ([""], false),
            (["application/jsonp"], false), (["application/jso"], false), (["text/json"], false), ([";"], false),
            (["application/json, text/plain"], false), (["application/json", "application/json"], false),
        ])
    func contentType(_ values: [String], _ isJSON: Bool) throws {
        let head = try #require(HeadCopy(values.map { ("Content-Type", $0) }))
        #expect(head.withRequest { $0.contentTypeIs("application/json") } == isJSON)
        #expect(head.withRequest { $0.hasContentType } == !values.isEmpty)
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
    func accept(_ values: [String], _ isAdmitted: Bool) throws {
        let head = try #require(HeadCopy(values.map { ("accept", $0) }))
        #expect(head.withRequest { $0.accepts("application/json") } == isAdmitted)
    }

    @Test(
        "the weight of a media type is that of its most specific range, in thousandths",
        arguments: [
            ([], 1000), ([""], 1000), (["*/*"], 1000), (["text/html"], 1000), (["text/html;q=1"], 1000),
            (["text/html;q=1.000"], 1000), (["text/html;q=0.8"], 800), (["text/html; Q=0.85"], 850),
            (["text/html;q=0.999"], 999), (["text/html;q=0.001"], 1), (["text/html;q=0"], 0),
            (["text/html;q=0.000"], 0), (["text/html;level=1;q=0.5"], 500),
            (["text/html;p=\"q=0.1\";q=0.7"], 700), (["*/*;q=0.1, text/html"], 1000),
            (["text/*;q=0.3, text/html;q=0.2, */*;q=0.9"], 200), (["text/*;q=0.3", "*/*;q=0.9"], 300),
            (["text/html;q=0.2, text/html;q=0.4"], 400), (["application/json"], 0),
            // Not by the grammar, and read with good will.
            (["text/html;q="], 0), (["text/html;q=x"], 0), (["text/html;q=2"], 1000), (["text/html;q=0.0001"], 1),
        ])
    func weight(_ values: [String], _ weight: Int) throws {
        let head = try #require(HeadCopy(values.map { ("accept", $0) }))
        #expect(head.withRequest { $0.weight(of: "text/html") } == weight)
        #expect(head.withRequest { $0.accepts("text/html") } == (weight > 0))
    }
}
