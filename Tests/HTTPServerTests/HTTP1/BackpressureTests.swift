import HTTPServer
import Testing

@Suite("HTTP/1.1 backpressure")
struct BackpressureTests {
    private static let get = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    private static let post = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".utf8)
    private static let chunked = Array(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".utf8)

    @Test(
        "a client that pipelines without end and reads its replies is held to one read at a time",
        arguments: [get, post, chunked, get + post + chunked])
    func pipelining(_ requests: [UInt8]) {
        let readSize = 64 * 1024
        let driver = SessionDriver()
        // As much as is read at once, over and over, cut where it happens to be.
        let wire = Array((0..<2 * readSize / requests.count + 1).map { _ in requests }.joined())
        let perPattern = requests == Self.get + Self.post + Self.chunked ? 3 : 1
        var received = 0
        var answered = 0
        var most = 0
        for _ in 0..<20_000 {
            // A turn of the transport: a read where the session wants one, then one request.
            if driver.wantsInput {
                let start = received % requests.count
                driver.receiveOnly(wire[start..<start + readSize])
                received += readSize
            }
            guard let request = try? driver.nextRequest() else { continue }
            driver.respond(HTTPResponse(status: 200), to: request.stream)
            driver.flush()
            answered += 1
            most = max(most, received - answered / perPattern * requests.count)
        }
        #expect(answered > 19_000)
        #expect(most <= readSize + 2 * requests.count)
    }

    @Test("the socket is read only when all that was received is used up")
    func starved() throws {
        let driver = SessionDriver()
        #expect(driver.wantsInput)
        driver.receiveOnly(Self.get + Self.post + Self.get.dropLast())
        #expect(!driver.wantsInput)
        for _ in 0..<2 {
            let (_, stream) = try driver.nextRequest()
            #expect(!driver.wantsInput)
            driver.respond(HTTPResponse(status: 200), to: stream)
            #expect(!driver.wantsInput)
        }
        // An incomplete head: looked at, and short of a byte.
        driver.expectNoEvent()
        #expect(driver.wantsInput)
        driver.receiveOnly("\n".utf8)
        #expect(!driver.wantsInput)
        let (_, last) = try driver.nextRequest()
        driver.respond(HTTPResponse(status: 200), to: last)
        #expect(driver.wantsInput)
    }

    @Test("an idle connection keeps little storage, whatever it received at once")
    func idleStorage() {
        let wire = Array((0..<2_000).map { _ in Self.get }.joined())
        let driver = SessionDriver()
        driver.receive(wire)
        #expect(driver.replies()?.count == 2_000)
        #expect(driver.inputCapacity <= 16 * 1024)
        driver.receive(Array((0..<2_000).map { _ in Self.chunked }.joined()))
        let capacity = driver.inputCapacity
        #expect(capacity <= 16 * 1024)
    }

    @Test("a body that is not read because earlier replies wait is not late")
    func heldBackBody() throws {
        var limits = HTTPLimits()
        limits.outputHighWater = 1_000
        func respond(_ count: Int, _ driver: SessionDriver) throws {
            let (_, stream) = try driver.nextRequest()
            driver.respond(HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: count))), to: stream)
            driver.expectNoEvent()
        }
        let probe = SessionDriver()
        probe.receiveOnly(Self.get)
        try respond(500, probe)
        let driver = SessionDriver(limits: limits)
        let post = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{"
        driver.receiveOnly(Self.get + Array(post.utf8))
        // All that may wait before the next request is begun, whose 100 goes above it.
        try respond(1_000 - (probe.output.count - 500), driver)
        #expect(driver.output.count > 1_000)
        #expect(!driver.wantsInput)
        #expect(driver.phase == .handling)
        driver.flush()
        #expect(driver.wantsInput)
        #expect(driver.phase == .body(received: 1))
    }
}
