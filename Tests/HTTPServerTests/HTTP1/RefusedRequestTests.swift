import HTTPServer
import Testing

@Suite("What is known of a refused request, HTTP/1.1")
struct RefusedRequestTests {
    @Test(
        "a refusal carries what was read of the head",
        arguments: [
            ("GET /a?q HTTP/1.1\r\nX: y\r\n\r\n", 400, "GET", "/a", 1),
            ("PUT /b HTTP/1.1\r\nHost: a\r\nbad line\r\n", 400, "PUT", "/b", 1),
            ("GET /c HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 70_000))", 431, "GET", "/c", 1),
            ("POST /d HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413, "POST", "/d", 2),
            ("POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx", 400, "POST", "/e", 2),
            ("POST /f HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, "POST", "/f", 2),
            ("GET /\(String(repeating: "x", count: 9_000))", 414, "", "", 0), ("G@T / HTTP/1.1\r\n", 400, "", "", 0),
        ])
    func carried(_ text: String, _ status: Int, _ method: String, _ path: String, _ fields: Int) throws {
        for isTrickled in [false, true] {
            let driver = SessionDriver()
            for piece in isTrickled ? text.utf8.map({ [$0] }) : [Array(text.utf8)] { driver.receive(piece) }
            #expect(driver.replies()?.map(\.status) == [status])
            let head = try #require(driver.refused.first)
            #expect(head.methodText == method)
            #expect(head.path == path)
            #expect(head.fields.count == fields)
        }
    }

    @Test("a late head and a late body are refused with what was read, as of their first byte")
    func late() throws {
        for body in ["", "\r\nabc"] {
            let driver = SessionDriver()
            driver.tick(5)
            driver.receive("POST /late HT")
            driver.tick(7)
            driver.receive("TP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\(body)")
            driver.tick(20)
            driver.timeOut()
            driver.pump()
            #expect(driver.replies()?.map(\.status) == [408])
            let refused = try #require(driver.refused.first)
            #expect(refused.method == .post)
            #expect(refused.path == "/late")
            #expect(driver.records.map(\.since) == [5])
        }
    }

    @Test("a pipelined request counts from when its bytes came, and one after a pause from its own first byte")
    func pipelined() {
        let driver = SessionDriver()
        driver.tick(3)
        driver.receiveOnly("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n".utf8)
        driver.tick(50)
        driver.pump()
        driver.tick(60)
        driver.receive("\r\n")
        driver.tick(70)
        driver.receive("BAD\r\n")
        #expect(driver.records.filter { $0.status >= 400 }.map(\.since) == [3, 70])
    }
}
