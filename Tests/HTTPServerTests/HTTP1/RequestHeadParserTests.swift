import Testing

@testable import HTTPServer

@Suite("Head parser") struct RequestHeadParserTests {
    private static let heads = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nPOST /a/b?c=%20d HTTP/1.0\r\nHOST:\ta:80 \r\nAccept: */*\r\naccept: x\r\nX-Other:\r\n\r\n",
        "\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\nX-Request-Id: me\r\nUser-Agent: \u{e9}\r\n\r\n",
        "BREW http://a/?q HTTP/1.1\r\nHost: a\r\nTraceparent: 00\r\n\r\n",
    ]

    @Test("a head is the same for every two splits of its bytes, and what follows is left alone", arguments: heads)
    func splits(_ text: String) throws {
        let bytes = Array((text + "GET").utf8)
        var whole = RequestHeadParser()
        let isWhole = try whole.parse(bytes.span, HTTPLimits())
        #expect(isWhole)
        #expect(whole.lineStart == text.utf8.count)
        let expected = RequestCopy(whole.head, bytes.span)
        for first in 0..<text.utf8.count {
            for second in first..<text.utf8.count {
                var parser = RequestHeadParser()
                for end in [first, second] {
                    let isComplete = try parser.parse(bytes.span.extracting(0..<end), HTTPLimits())
                    guard !isComplete, parser.isStarved(with: end) else {
                        Issue.record("complete after \(end) bytes")
                        return
                    }
                }
                let isComplete = try parser.parse(bytes.span, HTTPLimits())
                let copy = RequestCopy(parser.head, bytes.span)
                guard isComplete, copy == expected, parser.lineStart == whole.lineStart else {
                    Issue.record("split at \(first) and \(second)")
                    return
                }
            }
        }
    }

    @Test(
        "a malformed line has the same problem for every two splits of its bytes",
        arguments: [
            "X: a\rb\r\n", "X: a\r\r\n", "X: \r\n\r\n ", "X: \u{0}b\r\n", "X: a\u{7f}\r\n", "X\u{1}: a\r\n",
            "X\t: a\r\n",
            ": a\r\n", "no colon\r\n", "X: a\n", "X: \ta\t\tb \u{e9}\r\nY : b\r\n", "\tX: a\r\n", "\n",
            "Host\u{0}: a\r\n",
        ])
    func malformed(_ line: String) throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\(line)".utf8)
        func problem(_ ends: [Int]) -> String? {
            var parser = RequestHeadParser()
            do throws(HTTPProblem) {
                for end in ends {
                    if try parser.parse(bytes.span.extracting(0..<end), HTTPLimits()) { return "complete" }
                }
                return nil
            } catch {
                return error.detail
            }
        }
        let whole = problem([bytes.count])
        #expect(line.hasPrefix("X: \r\n") ? whole == "complete" : whole?.contains("line") == true)
        for first in 0..<bytes.count {
            for second in first..<bytes.count { #expect(problem([first, second, bytes.count]) == whole) }
        }
    }

    @Test("nothing is looked at twice: after each byte the search goes on where it ended", arguments: heads)
    func linear(_ text: String) throws {
        let bytes = Array(text.utf8)
        var parser = RequestHeadParser()
        for end in 1...bytes.count {
            #expect(parser.lineStart + parser.scanned == end - 1)
            let isComplete = try parser.parse(bytes.span.extracting(0..<end), HTTPLimits())
            #expect(isComplete == (end == bytes.count))
            #expect(parser.lineStart + parser.scanned == end)
        }
    }

    @Test("the slices of a head point at what was sent, and nowhere else")
    func slices() throws {
        let text = "POST /a?b HTTP/1.1\r\nHost:  a \r\nOrigin: o\r\nContent-Length: 5\r\n\r\nbody!"
        let bytes = Array(text.utf8)
        var parser = RequestHeadParser()
        let isComplete = try parser.parse(bytes.span, HTTPLimits())
        #expect(isComplete)
        try parser.head.interpret(bytes.span, bodyLimit: 5)
        let head = parser.head
        func slice(_ slice: HeadSlice?) -> String? { slice.map { String(decoding: bytes[$0.range], as: UTF8.self) } }
        #expect(slice(head.methodToken) == "POST")
        #expect(slice(head.target.path) == "/a" && slice(head.target.query) == "b")
        #expect(slice(head.only(.host)) == "a" && slice(head.only(.origin)) == "o")
        #expect(slice(head.lines) == "Host:  a \r\nOrigin: o\r\nContent-Length: 5\r\n")
        #expect(head.framing == .length(5) && head.keepsAlive && !head.expectsContinue)
        #expect(parser.lineStart == bytes.count - 5)
    }
}
