import HTTPServer
import Testing

@Suite("HTTP/1.1: the head decides before the body is taken")
struct HeadFirstTests {
    /// Takes bodies on `/` only, and answers 404 elsewhere.
    private func driver() -> SessionDriver { SessionDriver(takesBody: { $0.path == "/" }) }

    private func head(_ path: String, _ fields: String) -> String {
        "POST \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n"
    }

    @Test(
        "a body that is not wanted is neither invited nor kept, and the connection ends with the answer, at every split",
        arguments: [
            "Expect: 100-continue\r\nContent-Length: 16777216", "Content-Length: 65537", "Transfer-Encoding: chunked",
            "Expect: 100-continue\r\nTransfer-Encoding: chunked", "Expect: 100-continue\r\nContent-Length: 2",
        ])
    func refused(_ fields: String) throws {
        let bytes = Array((head("/nope", fields) + "5\r\nhello\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").utf8)
        let headCount = head("/nope", fields).utf8.count
        for split in 0..<bytes.count {
            let driver = driver()
            driver.receive(bytes[..<split])
            #expect(driver.sent.isEmpty == (split < headCount))
            driver.receive(bytes[split...])
            #expect(driver.replies()?.map(\.status) == [404])
            #expect(driver.replies()?.first?["connection"] == "close")
            #expect(driver.requests.map(\.path) == ["/nope"])
            #expect(driver.requests.first?.body == [])
            #expect(driver.isFinished)
            #expect(driver.bodyCapacity == 0)
        }
    }

    @Test("a short body that is not wanted is read all the same, and its connection kept")
    func short() {
        for length in [1, 65_536] {
            let driver = driver()
            driver.receive(head("/nope", "Content-Length: \(length)") + String(repeating: "x", count: length))
            driver.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(driver.replies()?.map(\.status) == [404, 200])
            #expect(!driver.isFinished)
        }
    }

    @Test("a body that is wanted is invited once the handler has agreed")
    func wanted() {
        let driver = driver()
        driver.receive(head("/", "Expect: 100-continue\r\nContent-Length: 70000"))
        #expect(driver.replies()?.map(\.status) == [100])
        driver.receive(String(repeating: "x", count: 70_000))
        #expect(driver.replies()?.map(\.status) == [100, 200])
        #expect(!driver.isFinished)
    }

    @Test("what the protocol refuses is not asked about")
    func protocolFirst() {
        let driver = SessionDriver(takesBody: { _ in
            Issue.record("asked")
            return true
        })
        driver.receive(head("/", "Expect: 100-continue\r\nContent-Length: 99999999999"))
        #expect(driver.replies()?.map(\.status) == [413])
    }
}
