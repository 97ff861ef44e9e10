import Testing

@testable import HTTPServer

@Suite("HTTP/1.1 session")
struct SessionTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static func ok(_ text: String) -> HTTPResponse { HTTPResponse(status: 200, body: .bytes(Array(text.utf8))) }

    @Test("a request arrives with all its parts")
    func parts() throws {
        let driver = SessionDriver()
        driver.receive("POST /?x=%20&y HTTP/1.1\r\nHOST: a:80\r\nX-Request-Id: abc-1\r\nX-A:  b c\t\r\n")
        #expect(driver.requests.isEmpty)
        driver.receive("Content-Length: 5\r\n\r\nhello")
        let request = try #require(driver.requests.first)
        #expect(request.method == .post)
        #expect(request.path == "/")
        #expect(request.query == "x=%20&y")
        #expect(request.version == .http1_1)
        #expect(request.id == "abc-1")
        #expect(request.only("x-a") == "b c")
        #expect(request.only("host") == "a:80")
        #expect(request.body == Array("hello".utf8))
    }

    @Test(
        "an unusable X-Request-Id is as if not sent",
        arguments: ["", "a b", "a\"b", "a\\b", "a\u{e9}", String(repeating: "x", count: 129)])
    func unusableRequestID(_ id: String) throws {
        let driver = SessionDriver()
        driver.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(id)\r\n\r\n")
        #expect(try #require(driver.requests.first).id == "")
    }

    @Test("two X-Request-Ids are as if not sent, and 128 characters are usable")
    func requestIDs() throws {
        let longest = String(repeating: "x", count: 128)
        let driver = SessionDriver()
        driver.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\nX-Request-Id: b\r\n\r\n")
        driver.receive("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(longest)\r\n\r\n")
        #expect(driver.requests.map(\.id) == ["", longest])
    }

    @Test("the phase follows the request, and input is wanted only where it can be used")
    func phases() throws {
        let driver = SessionDriver()
        #expect(driver.phase == .idle)
        driver.receive("\r\n")
        #expect(driver.phase == .idle)
        driver.receive("PO")
        #expect(driver.phase == .head)
        driver.receive("ST / HTTP/1.1\r\nHost: a\r\n")
        #expect(driver.phase == .head)
        driver.receive("Content-Length: 5\r\n\r\n")
        #expect(driver.phase == .body(received: 0))
        driver.receive("hel")
        #expect(driver.phase == .body(received: 3))
        #expect(driver.wantsInput)
        driver.receiveOnly("lo".utf8)
        let (_, stream) = try driver.nextRequest()
        #expect(driver.phase == .handling)
        #expect(!driver.wantsInput)
        driver.expectNoEvent()
        driver.respond(Self.ok("x"), to: stream)
        #expect(driver.phase == .idle)
        #expect(driver.wantsInput)
    }

    @Test("pipelined requests are answered in order, one at a time, and kept bytes are not lost")
    func pipelining() throws {
        let driver = SessionDriver()
        driver.receiveOnly((Self.get + Self.get).utf8)
        let first = try driver.nextRequest()
        driver.expectNoEvent()
        driver.receiveOnly("GET / HTTP/1.1\r\nHo".utf8)
        driver.respond(Self.ok("1"), to: first.stream)
        let second = try driver.nextRequest()
        #expect(second.stream == first.stream + 1)
        driver.respond(Self.ok("late"), to: first.stream)
        driver.respond(Self.ok("2"), to: second.stream)
        driver.expectNoEvent()
        #expect(driver.phase == .head)
        driver.receive("st: a\r\n\r\n")
        #expect(driver.replies()?.map(\.text) == ["1", "2", "ok 0\n"])
    }

    @Test("no further request is begun while too much output waits, and the peer is not blamed for it")
    func heldBackByOutput() throws {
        var limits = HTTPLimits()
        limits.outputHighWater = 1000
        let driver = SessionDriver(limits: limits)
        driver.receiveOnly((Self.get + Self.get).utf8)
        let first = try driver.nextRequest()
        driver.respond(HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 2000))), to: first.stream)
        driver.expectNoEvent()
        #expect(!driver.wantsInput)
        #expect(driver.phase == .handling)
        driver.timeOut()
        driver.flush()
        // The second request is there already, and comes first.
        #expect(!driver.wantsInput)
        _ = try driver.nextRequest()
    }

    @Test("a head that is late gets 408 and is closed")
    func lateHead() {
        let driver = SessionDriver()
        driver.receive("GET / HT")
        driver.timeOut()
        driver.pump()
        #expect(driver.replies()?.map(\.status) == [408])
        #expect(driver.isFinished)
    }

    @Test("a body that is late gets 408 and is closed")
    func lateBody() {
        let driver = SessionDriver()
        driver.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
        driver.timeOut()
        driver.pump()
        #expect(driver.replies()?.map(\.status) == [408])
        #expect(driver.isFinished)
    }

    @Test("an idle connection that is late is closed without a word")
    func lateIdle() {
        let driver = SessionDriver()
        driver.receive(Self.get)
        driver.sent = []
        driver.timeOut()
        driver.pump()
        #expect(driver.sent.isEmpty)
        #expect(driver.isFinished)
        #expect(driver.phase == .finished)
    }

    @Test("a deadline that passes while the handler works is not the peer's")
    func lateHandler() throws {
        let driver = SessionDriver()
        driver.receiveOnly(Self.get.utf8)
        let (_, stream) = try driver.nextRequest()
        driver.timeOut()
        driver.respond(Self.ok("x"), to: stream)
        driver.pump()
        #expect(driver.replies()?.map(\.status) == [200])
        #expect(!driver.isFinished)
    }

    @Test("draining ends an idle connection at once")
    func drainIdle() {
        let driver = SessionDriver()
        driver.drain()
        #expect(driver.isFinished)
        #expect(driver.output.isEmpty)
    }

    @Test(
        "draining finishes the request that has begun, says so and drops what is behind it",
        arguments: ["", "GE", "GET / HTTP/1.1\r\nHost", String(get.dropLast(2)), get])
    func drainInFlight(_ begun: String) {
        let driver = SessionDriver()
        driver.receiveOnly(begun.utf8)
        guard !begun.isEmpty else { return }
        driver.drain()
        driver.receive(Self.get.dropFirst(begun.count) + Self.get)
        #expect(driver.replies()?.map(\.status) == [200])
        #expect(driver.replies()?.last?["connection"] == "close")
        #expect(driver.isFinished)
    }

    @Test("draining during a streamed body closes after its end")
    func drainWhileStreaming() throws {
        let driver = SessionDriver()
        driver.receiveOnly(Self.get.utf8)
        let (_, stream) = try driver.nextRequest()
        driver.respond(HTTPResponse(status: 200, body: .stream(NoSource())), to: stream)
        driver.drain()
        #expect(!driver.isFinished)
        driver.write([1], to: stream, isLast: true)
        driver.flush()
        #expect(driver.isFinished)
        #expect(driver.replies()?.first?.body == [1])
    }

    @Test("a half-closed client gets its answers", arguments: [1, 3])
    func halfClosed(_ count: Int) {
        let driver = SessionDriver()
        driver.receiveOnly(String(repeating: Self.get, count: count).utf8)
        driver.receiveEnd()
        driver.pump()
        #expect(driver.replies()?.map(\.status) == [Int](repeating: 200, count: count))
        #expect(driver.replies()?.last?["connection"] == "close")
        #expect(driver.isFinished)
    }

    @Test("a client that half-closes while its request is handled gets its answer")
    func halfClosedWhileHandling() throws {
        let driver = SessionDriver()
        driver.receiveOnly(Self.get.utf8)
        let (_, stream) = try driver.nextRequest()
        driver.receiveEnd()
        #expect(!driver.isFinished)
        driver.respond(Self.ok("x"), to: stream)
        #expect(driver.isFinished)
        driver.flush()
        #expect(driver.replies()?.map(\.text) == ["x"])
    }

    @Test(
        "a client that goes away within a request is let go",
        arguments: [
            "", "\r", "GET", "GET / HTTP/1.1\r\nHost: a\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        ])
    func endWithinRequest(_ begun: String) {
        let driver = SessionDriver()
        driver.receive(begun)
        driver.receiveEnd()
        driver.pump()
        #expect(driver.isFinished)
        #expect(driver.sent.isEmpty)
        driver.expectNoEvent()
    }

    @Test("after a refusal nothing more is read")
    func refusalEndsInput() {
        let driver = SessionDriver()
        driver.receive("GET / HTTP/1.1\r\nHost : a\r\n\r\n" + Self.get)
        driver.receive(Self.get)
        #expect(driver.replies()?.map(\.status) == [400])
        #expect(!driver.wantsInput)
        #expect(driver.isFinished)
    }

    @Test("HTTP/2's preface gets one clean refusal")
    func http2Preface() {
        // A connection speaks HTTP/2 after it; the session of HTTP/1.1 by itself does not.
        let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".utf8)
        var session = HTTP1Session()
        session.receive(bytes.count, now: 0)
        let (event, consumed) = session.next(bytes.span, HTTPLimits())
        let problem = session.takeProblem()
        #expect(event == .refused)
        #expect(problem?.status == 505)
        #expect(consumed == bytes.count)
        session.endRequest()
        let (head, _) = session.beginReply(status: problem?.status ?? 0, length: 0, date: SessionDriver.date)
        #expect(head.connection == .closed)
        let isFinished = session.isFinished
        #expect(isFinished)
    }

    @Test("100 is sent as soon as the head is there, and once")
    func expectContinue() {
        let driver = SessionDriver()
        driver.receive("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
        #expect(driver.replies()?.map(\.status) == [100])
        driver.receive("{}")
        #expect(driver.replies()?.map(\.status) == [100, 200])
    }

    @Test(
        "100 is not sent where no body is wanted",
        arguments: [
            ("1.1", "Content-Length: 0", 200), ("1.1", "X: y", 200), ("1.0", "Content-Length: 99999999999", 413),
            ("1.1", "Content-Length: 99999999999", 413), ("1.1", "Content-Length: x", 400),
            ("1.1", "Expect: foo\r\nContent-Length: 2", 417),
        ])
    func noContinue(_ version: String, _ field: String, _ status: Int) {
        let driver = SessionDriver()
        driver.receive("POST / HTTP/\(version)\r\nHost: a\r\nExpect: 100-continue\r\n\(field)\r\n\r\n")
        #expect(driver.replies()?.map(\.status) == [status])
    }

    @Test(
        "the connection is kept as the versions have it",
        arguments: [
            ("1.1", "", true), ("1.1", "close", false), ("1.1", "keep-alive, Close", false), ("1.1", "closed", true),
            ("1.0", "", false), ("1.0", "Keep-Alive", true), ("1.0", "keep-alive, close", false), ("1.9", "", true),
        ])
    func keepAlive(_ version: String, _ connection: String, _ isKept: Bool) throws {
        let driver = SessionDriver()
        driver.receive("GET / HTTP/\(version)\r\nHost: a\r\nConnection: \(connection)\r\n\r\n")
        #expect(driver.isFinished == !isKept)
        let reply = try #require(driver.replies()?.first)
        #expect(reply["connection"] == (isKept ? (version == "1.0" ? "keep-alive" : nil) : "close"))
    }
}

/// A source that the tests never ask: they write its pieces themselves.
final class NoSource: HTTPBodySource {
    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress { .last }
}
