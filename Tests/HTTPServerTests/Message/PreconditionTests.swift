import Testing

@testable import HTTPServer

@Suite struct PreconditionTests {
    private func isNamed(_ tag: String, by fields: [(String, String)]) throws -> Bool {
        try #require(HeadCopy([("Host", "a")] + fields)).withRequest { $0.noneMatch(names: tag) }
    }

    @Test(arguments: [
        (#""abc""#, true), (#"W/"abc""#, true), ("*", true), (#""x", "abc""#, true), (#""x" , , W/"abc" , "y""#, true),
        (#""a,b", "abc""#, true), (#""back\", "abc""#, true),
        ("", false), ("abc", false), (#""abc"#, false), (#"abc""#, false), (#""ABC""#, false), (#""abcd""#, false),
        (#"w/"abc""#, false), (#"W/ "abc""#, false), (#""*""#, false), (#""x", *"#, false), (#""x,abc,y""#, false),
    ])
    func `If-None-Match is a star or a list of tags, compared weakly`(value: String, isNamed expected: Bool) throws {
        #expect(try isNamed(#""abc""#, by: [("If-None-Match", value)]) == expected)
    }

    @Test func `all lines of If-None-Match make one list, its name is in either case`() throws {
        #expect(try isNamed(#""b""#, by: [("if-none-match", #""a""#), ("Accept", "*"), ("IF-NONE-MATCH", #""b""#)]))
        #expect(try !isNamed(#""c""#, by: [("If-None-Match", #""a""#), ("If-None-Match", #""b""#), ("If-Match", "*")]))
        #expect(try !isNamed(#""c""#, by: []))
    }
}
