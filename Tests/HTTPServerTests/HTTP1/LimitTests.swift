import HTTPServer
import Testing

@Suite("HTTP/1.1 limits")
struct LimitTests {
    private static let host = "Host: a\r\n"

    /// What comes of the bytes, whole and byte by byte: the same.
    private func reply(_ text: String, _ limits: HTTPLimits) throws -> Reply {
        let whole = SessionDriver(limits: limits)
        whole.receive(text)
        let trickled = SessionDriver(limits: limits)
        for byte in text.utf8 { trickled.receive(CollectionOfOne(byte)) }
        #expect(whole.sent == trickled.sent)
        return try #require(whole.replies()?.first)
    }

    @Test("a request line is read at its limit and refused one byte above", arguments: [64, 65, 8192])
    func requestLine(_ limit: Int) throws {
        var limits = HTTPLimits()
        limits.requestLine = limit
        let query = String(repeating: "q", count: limit - "GET /? HTTP/1.1\r\n".utf8.count)
        let fitting = try reply("GET /?\(query) HTTP/1.1\r\n\(Self.host)\r\n", limits)
        #expect(fitting.status == 200)
        let over = try reply("GET /?\(query)q HTTP/1.1\r\n\(Self.host)\r\n", limits)
        #expect(over.status == 414)
        #expect(over.text.contains("\"limit\":\(limit)"))
    }

    @Test("a request line without an end is refused as soon as it passes its limit")
    func endlessRequestLine() {
        var limits = HTTPLimits()
        limits.requestLine = 100
        let driver = SessionDriver(limits: limits)
        driver.receive("GET /" + String(repeating: "a", count: 94))
        #expect(driver.sent.isEmpty)
        driver.receive("a")
        #expect(driver.replies()?.map(\.status) == [414])
    }

    @Test(
        "a line over the limit is 414 where a target makes it so, and 400 where it is no request line, at every split",
        arguments: [
            ("", "A", 400), ("", " ", 400), ("G@T /", "a", 400), ("GET ", "a", 414), ("GET /", "a", 414),
            ("GET /? ", "a", 414),
        ])
    func overlongLine(_ start: String, _ filling: String, _ status: Int) throws {
        var limits = HTTPLimits()
        limits.requestLine = 64
        let text = start + String(repeating: filling, count: 65 - start.utf8.count) + "\r\n\r\n"
        let bytes = Array(text.utf8)
        for split in 0..<bytes.count {
            let driver = SessionDriver(limits: limits)
            driver.receive(bytes[..<split])
            driver.receive(bytes[split...])
            #expect(driver.replies()?.map(\.status) == [status], "split at \(split)")
        }
        #expect(try reply(text, limits).status == status)
    }

    @Test("8193 letters without a space are no request line")
    func letters() throws {
        #expect(try reply(String(repeating: "A", count: 8193), HTTPLimits()).status == 400)
    }

    @Test("field lines are read at their limit in bytes and refused one above")
    func fieldSection() throws {
        var limits = HTTPLimits()
        limits.fieldSection = 100
        let value = String(repeating: "v", count: 100 - Self.host.utf8.count - "X: \r\n".utf8.count)
        #expect(try reply("GET / HTTP/1.1\r\n\(Self.host)X: \(value)\r\n\r\n", limits).status == 200)
        let over = try reply("GET / HTTP/1.1\r\n\(Self.host)X: \(value)v\r\n\r\n", limits)
        #expect(over.status == 431)
        #expect(over.text.contains("\"limit\":100"))
    }

    @Test("field lines are read at their limit in number and refused one above")
    func fieldCount() throws {
        var limits = HTTPLimits()
        limits.fieldCount = 3
        #expect(try reply("GET / HTTP/1.1\r\n\(Self.host)A:\r\nB:\r\n\r\n", limits).status == 200)
        let over = try reply("GET / HTTP/1.1\r\n\(Self.host)A:\r\nB:\r\nC:\r\n\r\n", limits)
        #expect(over.status == 431)
        #expect(over.text.contains("\"limit\":3"))
    }

    @Test("a body is read at its limit and refused one byte above", arguments: [1, 10])
    func body(_ limit: Int) throws {
        var limits = HTTPLimits()
        limits.body = limit
        let text = String(repeating: "b", count: limit)
        func post(_ body: String) -> String {
            "POST / HTTP/1.1\r\n\(Self.host)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        #expect(try reply(post(text), limits).text == "ok \(limit)\n")
        let over = try reply(post(text + "b"), limits)
        #expect(over.status == 413)
        #expect(over.text.contains("\"limit\":\(limit)"))
    }

    @Test("a chunked body is read at its limit and refused one byte above, in one chunk and in many")
    func chunkedBody() throws {
        var limits = HTTPLimits()
        limits.body = 20
        let head = "POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n"
        func chunk(_ count: Int) -> String {
            String(count, radix: 16) + "\r\n" + String(repeating: "c", count: count) + "\r\n"
        }
        #expect(try reply(head + chunk(20) + "0\r\n\r\n", limits).text == "ok 20\n")
        #expect(try reply(head + chunk(15) + chunk(5) + "0\r\n\r\n", limits).text == "ok 20\n")
        #expect(try reply(head + chunk(21) + "0\r\n\r\n", limits).status == 413)
        #expect(try reply(head + chunk(15) + chunk(6) + "0\r\n\r\n", limits).status == 413)
        #expect(try reply(head + chunk(15) + "7fffffffffffffff\r\n", limits).status == 413)
        #expect(try reply(head + chunk(15) + "8000000000000000\r\n", limits).status == 400)
    }

    @Test(
        "extensions, zeros before sizes and trailers are read at their budget and refused one byte above",
        arguments: [
            ("10;a\r\n0123456789abcdef\r\n0\r\n\r\n", 2), ("10 ;a=\"b\"\r\n0123456789abcdef\r\n0\r\n\r\n", 7),
            ("00010\r\n0123456789abcdef\r\n0\r\n\r\n", 3),
            // The 16 bytes of data before these earn one more.
            ("10\r\n0123456789abcdef\r\n0000\r\n\r\n", 2), ("10\r\n0123456789abcdef\r\n0\r\nT: x\r\n\r\n", 5),
            ("10\r\n0123456789abcdef\r\n0;a\r\nT:\r\nU:\r\n\r\n", 9),
        ])
    func framing(_ body: String, _ overhead: Int) throws {
        var limits = HTTPLimits()
        let head = "POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n"
        limits.framing = overhead
        #expect(try reply(head + body, limits).text == "ok 16\n")
        limits.framing = overhead - 1
        let over = try reply(head + body, limits)
        #expect(over.status == 400)
        #expect(over.text.contains("\"limit\":\(overhead - 1)"))
    }

    @Test("chunks may be as small as a client likes, at every split")
    func smallChunks() throws {
        var limits = HTTPLimits()
        limits.framing = 0
        let chunks = "1\r\na\r\n2\r\nbc\r\n1\r\nd\r\nA\r\n0123456789\r\n0\r\n\r\n"
        let bytes = Array("POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n\(chunks)".utf8)
        for split in 0...bytes.count {
            let driver = SessionDriver(limits: limits)
            driver.receive(bytes[..<split])
            driver.receive(bytes[split...])
            #expect(driver.requests.first?.body == Array("abcd0123456789".utf8), "split at \(split)")
        }
        // One chunk for each token of a long list of numbers, as iterative JSON encoders send it.
        let long = SessionDriver()
        long.receive("POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<50_000 { long.receive("2\r\n0,\r\n") }
        long.receive("0\r\n\r\n")
        #expect(long.requests.first?.body.count == 100_000)
    }

    @Test("a claimed length allocates nothing")
    func claimsAllocateNothing() throws {
        let driver = SessionDriver()
        driver.receive("POST / HTTP/1.1\r\n\(Self.host)Content-Length: 16777216\r\n\r\n")
        for _ in 0..<1000 { driver.receive("0123456789") }
        #expect(driver.phase == .body(received: 10_000))
        #expect(driver.bodyCapacity < 40_000)
    }

    @Test("a whole body's storage does not pass its length by much")
    func storageIsBounded() throws {
        let count = 100_000
        let driver = SessionDriver()
        driver.receive("POST / HTTP/1.1\r\n\(Self.host)Content-Length: \(count)\r\n\r\n")
        for _ in 0..<count / 10 { driver.receive("0123456789") }
        let body = try #require(driver.requests.first?.body)
        #expect(body.count == count)
        #expect(body.capacity < count + 32 * 1024)
    }

    @Test("empty lines before a request are tolerated up to a bound", arguments: [(2, 200), (3, 400)])
    func emptyLines(_ count: Int, _ status: Int) throws {
        let lines = String(repeating: "\r\n", count: count)
        #expect(try reply("\(lines)GET / HTTP/1.1\r\n\(Self.host)\r\n", HTTPLimits()).status == status)
    }
}
