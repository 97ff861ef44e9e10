import HTTPServer
import Testing

/// What the conformance file leaves out: the same rules in other places of a message.
@Suite("HTTP/1.1 malformed and unusual messages")
struct MalformedTests {
    private static let chunkedHead = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    /// The statuses that the bytes get, whole and byte by byte: the same; and whether the session is then finished.
    private func outcome(_ text: String) -> ConformanceOutcome {
        let whole = SessionDriver()
        whole.receive(text)
        let trickled = SessionDriver()
        for byte in text.utf8 { trickled.receive(CollectionOfOne(byte)) }
        #expect(whole.log == trickled.log)
        #expect(whole.sent == trickled.sent)
        return ConformanceOutcome(
            statuses: whole.replies()?.map(\.status) ?? [], isClosed: whole.isFinished)
    }

    @Test(
        "a malformed head is refused with 400 and the connection closed",
        arguments: [
            "GET / HTTP/1.1\r\nHost: aa\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1 \nHost: a\r\n\r\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", " / HTTP/1.1\r\nHost: a\r\n\r\n", "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: \r\n\r\n", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: u@a\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1,1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \u{7f}\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\tX: y\r\n\r\n",
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        ])
    func malformedHead(_ text: String) {
        #expect(outcome(text) == ConformanceOutcome(statuses: [400], isClosed: true))
    }

    @Test(
        "a head that is understood but not served gets its own status",
        arguments: [
            ("GET / HTTP/3.0\r\n", 505, true), ("GET / HTTP/0.9\r\n", 505, true),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, false),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\n", 501, true),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n", 417, false),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\nConnection: close\r\n\r\n", 417, true),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, true),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n", 413, true),
        ])
    func notServed(_ text: String, _ status: Int, _ isClosed: Bool) {
        #expect(outcome(text) == ConformanceOutcome(statuses: [status], isClosed: isClosed))
    }

    @Test(
        "a malformed chunked body is refused with 400 and the connection closed",
        arguments: [
            "1\n", "\r\n", "g\r\n", "1\r\rx", "1\r\nx\n", "1\r\nx\r\r", "1\r\nx0\r\n", "1 \r\n", "1\t\r\n", "1 2\r\n",
            "1;\r\n",
            "1;a \r\n", "1;a=\r\n", "1;a=b \r\n", "1;=b\r\n", "1;a=\"\r\n", "1;a=\"b\n\"\r\n", "1;a=\"b\\\n\"\r\n",
            "1;a=\"b\"c\r\n", "1;a=b=c\r\n", "1;a b\r\n", "1;a;\r\n", "1;a=b\"c\"\r\n", "1;a\n", "0\r\n\n",
            "0\r\nX\r\n", "0\r\n: y\r\n",
            "0\r\nX: y\n\r\n", "0\r\nX: \0\r\n", "0\r\n X: y\r\n", "0\r\n\rX", "0\n\n", "-1\r\n",
            "fffffffffffffffff\r\n",
        ])
    func malformedChunks(_ body: String) {
        #expect(outcome(Self.chunkedHead + body) == ConformanceOutcome(statuses: [400], isClosed: true))
    }

    @Test(
        "an unusual but well-formed chunked body is read",
        arguments: [
            ("0\r\n\r\n", 0), ("1;a\r\nx\r\n0;b=c\r\n\r\n", 1),
            ("1 ; a = b ;\tc\t=\t\"d;\\\"\r\\\\\" ;e\r\nx\r\n0\r\n\r\n", -1),
            ("1 ; a = b;\tc\t=\t\"d;\\\"\\\\\t\";e\r\nx\r\n0\r\n\r\n", 1),
            ("000000000000000000001\r\nx\r\n0\r\n\r\n", 1),
            ("2\r\n\r\n\r\n0\r\n\r\n", 2), ("1\r\nx\r\n0\r\nA:\r\nB: \u{e9}\t \r\n\r\n", 1),
        ])
    func unusualChunks(_ body: String, _ count: Int) {
        let driver = SessionDriver()
        driver.receive(Self.chunkedHead + body)
        #expect(driver.requests.map(\.body.count) == (count < 0 ? [] : [count]))
        #expect(driver.isFinished == (count < 0))
    }

    @Test("trailers are dropped, whatever they are called")
    func trailersAreDropped() throws {
        let driver = SessionDriver()
        driver.receive(Self.chunkedHead + "0\r\nHost: evil\r\nContent-Length: 5\r\nConnection: close\r\n\r\n")
        let request = try #require(driver.requests.first)
        #expect(request.fields.count == 2)
        #expect(!driver.isFinished)
    }
}
