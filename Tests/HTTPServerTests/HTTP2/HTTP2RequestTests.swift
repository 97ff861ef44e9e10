import HTTPServer
import Testing

@Suite("HTTP/2 requests")
struct HTTP2RequestTests {
    @Test("A request is answered")
    func answers() {
        let pair = HTTP2Pair()
        let id = pair.client.request("GET", "/a?b=c", [("x-request-id", "mine"), ("accept", "*/*")])
        pair.run()
        #expect(pair.log == ["request 1: GET /a 0"])
        #expect(pair.requests[1]?.query == "b=c")
        #expect(pair.requests[1]?.version == .http2)
        #expect(pair.requests[1]?.id == "mine")
        #expect(pair.requests[1]?.only("host") == "a")
        let answer = pair.client.answers[id]
        #expect(answer?.status == 200)
        #expect(answer?.body == Array("ok 0".utf8))
        #expect(answer?.closed == 0)
        #expect(answer?.fields["content-length"] == "4")
        #expect(answer?.fields["x-request-id"] == "mine")
        #expect(answer?.fields["date"] == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(pair.session.phase == .idle)
        #expect(pair.client.settings == [3: 100, 6: 16 * 1024])
    }

    @Test("Every split of the bytes gives the same requests and answers")
    func splits() {
        var logs: Set<[String]> = []
        var answers: [[HTTP2Client.Answer?]] = []
        for split in 1...120 {
            let pair = HTTP2Pair()
            pair.split = split
            let first = pair.client.request("POST", "/x", body: Array("0123456789".utf8))
            let second = pair.client.request("GET", "/y", [("x-long", String(repeating: "v", count: 300))])
            pair.run()
            logs.insert(pair.log)
            answers.append([pair.client.answers[first], pair.client.answers[second]])
        }
        #expect(logs == [["request 3: GET /y 0", "request 1: POST /x 10"]])
        #expect(answers.allSatisfy { $0 == answers[0] && $0[0]?.status == 200 && $0[1]?.status == 200 })
    }

    /// Lines, and the status they are refused with; 0 for a reset.
    static let refused: [(String, [(String, String)], Int)] = [
        (
            "Host differs",
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("host", "b")], 400
        ),
        ("userinfo", [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "u@a")], 400),
        (
            "eight bits in the path",
            [(":method", "GET"), (":scheme", "http"), (":path", "/\u{e9}"), (":authority", "a")], 400
        ),
        ("space in the path", [(":method", "GET"), (":scheme", "http"), (":path", "/a b"), (":authority", "a")], 0),
        ("absolute path", [(":method", "GET"), (":scheme", "http"), (":path", "http://a/"), (":authority", "a")], 0),
        ("asterisk with GET", [(":method", "GET"), (":scheme", "http"), (":path", "*"), (":authority", "a")], 0),
        ("unknown scheme", [(":method", "GET"), (":scheme", "ftp"), (":path", "/"), (":authority", "a")], 400),
        ("CONNECT", [(":method", "CONNECT"), (":authority", "a:1")], 501),
        (
            "unknown expectation",
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("expect", "tea")], 417
        ),
        (
            "bad field name",
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("a b", "c")], 400
        ),
        (
            "line feed in a value",
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("b", "c\nd")], 400
        ),
        ("no path", [(":method", "GET"), (":scheme", "http"), (":authority", "a")], 0),
        ("no authority", [(":method", "GET"), (":scheme", "http"), (":path", "/")], 0),
        (
            "connection",
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("connection", "close")], 0
        ),
        (
            "transfer-encoding",
            [
                (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"),
                ("transfer-encoding", "chunked"),
            ], 0
        ),
        ("TE", [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("te", "gzip")], 0),
        (
            "content-length with a sign",
            [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("content-length", "+0")], 0
        ),
        (
            "content-length too long for no content",
            [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("content-length", "5")], 0
        ),
        (
            "late pseudo-field",
            [(":method", "GET"), (":scheme", "http"), ("b", "c"), (":path", "/"), (":authority", "a")], 0
        ),
    ]

    @Test("A request that is not valid is refused or reset, and the connection goes on", arguments: refused)
    func refuses(_ name: String, _ lines: [(String, String)], _ status: Int) {
        let pair = HTTP2Pair()
        let id = pair.client.request(lines: lines)
        pair.run()
        let answer = pair.client.answers[id]
        #expect(answer?.status ?? 0 == status, "\(name)")
        #expect(status != 0 || answer?.closed == 1, "PROTOCOL_ERROR")
        #expect(pair.requests.isEmpty)
        let next = pair.client.request()
        pair.run()
        #expect(pair.client.answers[next]?.status == 200)
        #expect(pair.goaways.isEmpty)
    }

    @Test("A Host that is the authority is one Host")
    func hosts() {
        let pair = HTTP2Pair()
        pair.client.request("GET", "/", authority: "A.b:80", [("host", "a.B:80")])
        pair.client.request("GET", "/", authority: nil, [("host", "c")])
        pair.run()
        #expect(pair.requests[1]?.only("host") == "A.b:80")
        #expect(pair.requests[3]?.only("host") == "c")
    }

    @Test("OPTIONS takes an asterisk, HEAD gets no content")
    func methods() {
        let pair = HTTP2Pair()
        let options = pair.client.request("OPTIONS", "*")
        let head = pair.client.request("HEAD", "/")
        pair.run()
        #expect(pair.requests[Int(options)]?.path == "*")
        #expect(pair.client.answers[head]?.fields["content-length"] == "4")
        #expect(pair.client.answers[head]?.body == [])
        #expect(pair.client.answers[head]?.isEnded == true)
    }

    @Test("Expect: 100-continue gets its 100 before the answer")
    func continues() {
        let pair = HTTP2Pair()
        let id = pair.client.request("POST", "/", [("expect", "100-continue")], body: [], isLast: false)
        pair.run()
        #expect(pair.client.answers[id]?.statuses == [100])
        pair.client.send([1, 2, 3], on: id, isLast: true)
        pair.run()
        #expect(pair.client.answers[id]?.statuses == [100, 200])
        #expect(pair.client.answers[id]?.body == Array("ok 3".utf8))
    }

    @Test("Trailers are dropped, and end the request")
    func trailers() {
        let pair = HTTP2Pair()
        pair.receive(Frame.preface + Frame.headers(1) + Frame.data(1, [1, 2]))
        #expect(pair.log.isEmpty)
        pair.receive(Frame.bytes(type: 1, flags: 5, stream: 1, [0x00, 1, UInt8(ascii: "t"), 1, UInt8(ascii: "v")]))
        #expect(pair.log == ["request 1: POST / 2"])
        #expect(pair.requests[1]?.fields.map(\.name) == ["host"])
    }

    @Test("A body arrives whole, in storage of its own, and a request without one has none")
    func bodies() {
        let pair = HTTP2Pair()
        pair.client.request("POST", "/", body: [UInt8](repeating: 1, count: 100_000))
        pair.client.request()
        pair.run()
        #expect(pair.requests[1]?.body == [UInt8](repeating: 1, count: 100_000))
        #expect(pair.requests[3]?.body == [])
    }

    @Test("A body at its limit is taken, one over it gets 413", arguments: [(1000, 200), (1001, 413)], [true, false])
    func bodyLimit(_ expected: (count: Int, status: Int), declares: Bool) {
        var limits = HTTPLimits()
        limits.body = 1000
        let pair = HTTP2Pair(limits: limits)
        let fields = declares ? [("content-length", "\(expected.count)")] : []
        let id = pair.client.request("POST", "/", fields, body: [UInt8](repeating: 0, count: expected.count))
        pair.run()
        #expect(pair.client.answers[id]?.status == expected.status)
    }

    @Test("An early answer leaves the stream open for a while, then resets it without an error")
    func lingers() {
        var limits = HTTPLimits()
        limits.body = 10
        let pair = HTTP2Pair(limits: limits)
        let id = pair.client.request("POST", "/", body: [UInt8](repeating: 0, count: 11), isLast: false)
        pair.run()
        #expect(pair.client.answers[id]?.status == 413)
        #expect(pair.client.answers[id]?.isEnded == true)
        #expect(pair.client.answers[id]?.closed == nil)
        pair.pass(seconds: 1.9)
        #expect(pair.client.answers[id]?.closed == nil)
        pair.pass(seconds: 0.2)
        #expect(pair.client.answers[id]?.closed == 0)
        #expect(pair.session.phase == .idle)
    }

    @Test(
        "A field section over the limit gets 431, one far over it a reset",
        arguments: [
            (16_384, 16_384, 200), (16_384, 16_385, 431), (16_384, 65_536, 431), (16_384, 65_537, 0),
            (1024, 1025, 431), (1024, 65_536, 431), (65_536, 65_536, 200), (65_536, 65_537, 431),
        ])
    func fieldSectionLimit(_ limit: Int, _ size: Int, _ status: Int) {
        var limits = HTTPLimits()
        limits.fieldSection = limit
        let pair = HTTP2Pair(limits: limits)
        // The pseudo-fields count 166; a line of one letter's name counts 33 beyond its value.
        var left = size - 166
        var fields: [(String, String)] = []
        while left > 0 {
            let line = left > 16_000 ? 8000 : left
            fields.append(("x", String(repeating: "v", count: line - 33)))
            left -= line
        }
        let id = pair.client.request("GET", "/", fields)
        pair.run()
        #expect(pair.client.answers[id]?.status ?? 0 == status)
        let next = pair.client.request()
        pair.run()
        #expect(pair.client.answers[next]?.status == 200)
    }

    @Test(
        "Too many fields get 431, too long a path 414",
        arguments: [(98, 10, 200), (99, 10, 200), (100, 10, 431), (1, 8177, 200), (1, 8178, 414)])
    func counts(_ fields: Int, _ path: Int, _ status: Int) {
        let pair = HTTP2Pair()
        let id = pair.client.request(
            "GET", "/" + String(repeating: "p", count: path - 1), (0..<fields).map { ("x-\($0)", "v") })
        pair.run()
        #expect(pair.client.answers[id]?.status == status)
    }

    @Test("A line indexed over and over is refused before it is stored over and over")
    func bomb() {
        let pair = HTTP2Pair()
        // One literal of 3000 bytes into the table, then 5000 references to it, a byte each.
        let literal: [UInt8] = [0x40, 1, UInt8(ascii: "b"), 0x7F, 0xB9, 0x16] + [UInt8](repeating: 97, count: 3000)
        let block = literal + [UInt8](repeating: 0xBE, count: 5000)
        pair.receive(Frame.preface + Frame.headers(1, flags: 5, extra: block))
        pair.receive(Frame.headers(3, flags: 5))
        pair.flush()
        #expect(pair.log == ["request 3: POST / 0"])
        #expect(pair.goaways.isEmpty)
    }
}
