import HTTPServer
import Testing

@Suite("HTTP/2 deadlines and ends")
struct HTTP2DeadlineTests {
    @Test("A body that stalls gets 408, however busy the other streams are")
    func stalledBody() {
        let pair = HTTP2Pair()
        let slow = pair.client.request("POST", "/", body: [1], isLast: false)
        pair.run()
        for _ in 0..<9 {
            pair.client.request()
            pair.pass(seconds: 1)
        }
        #expect(pair.client.answers[slow]?.status == nil)
        pair.pass(seconds: 1.1)
        #expect(pair.client.answers[slow]?.status == 408)
        let next = pair.client.request()
        pair.run()
        #expect(pair.client.answers[next]?.status == 200)
    }

    @Test("A body that comes at the floor rate is waited for")
    func slowBody() {
        let pair = HTTP2Pair()
        let slow = pair.client.request("POST", "/", body: [1], isLast: false)
        pair.run()
        for _ in 0..<30 {
            pair.client.send([UInt8](repeating: 0, count: 600), on: slow, isLast: false)
            pair.pass(seconds: 1)
        }
        pair.client.send([], on: slow, isLast: true)
        pair.run()
        #expect(pair.client.answers[slow]?.status == 200)
    }

    @Test("A body that stalls gets 408 ten seconds after its last byte, however much came before")
    func stalledAfterBurst() {
        let pair = HTTP2Pair()
        let id = pair.client.request("POST", "/", body: [UInt8](repeating: 0, count: 2_000_000), isLast: false)
        pair.run()
        #expect(pair.session.contentHeld == 2_000_000)
        pair.pass(seconds: 9.9)
        #expect(pair.client.answers[id]?.status == nil)
        pair.pass(seconds: 0.2)
        #expect(pair.client.answers[id]?.status == 408)
        #expect(pair.session.contentHeld == 0)
    }

    @Test(
        "A client that sends one body after the other on streams it opened at once is waited for at the joint floor rate",
        arguments: [(1_100, true), (900, false)])
    func fedInTurn(_ rate: Int, _ isFastEnough: Bool) {
        let pair = HTTP2Pair()
        let (fed, waiting) = (
            pair.client.request("POST", "/", body: [1], isLast: false),
            pair.client.request("POST", "/", body: [1], isLast: false)
        )
        pair.run()
        for _ in 0..<200 {
            pair.client.send([UInt8](repeating: 0, count: rate), on: fed, isLast: false)
            pair.pass(seconds: 1)
        }
        #expect(pair.client.answers[fed]?.status == nil)
        #expect(pair.client.answers[waiting]?.status == (isFastEnough ? nil : 408))
    }

    @Test("A window that is opened at the floor rate is waited for; a burst earns ten seconds and no more")
    func slowWindow() {
        let pair = HTTP2Pair(client: HTTP2Client(window: 10, opensWindows: false))
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 60_000))) }
        let id = pair.client.request()
        pair.run()
        for _ in 0..<40 {
            pair.client.open(id, by: 600)
            pair.pass(seconds: 1)
        }
        #expect(pair.client.answers[id]?.closed == nil)
        pair.client.open(id, by: 30_000)
        pair.run()
        pair.pass(seconds: 9.9)
        #expect(pair.client.answers[id]?.closed == nil)
        pair.pass(seconds: 0.2)
        #expect(pair.client.answers[id]?.closed == 8)
    }

    @Test("A field section that stalls ends the connection")
    func stalledHead() {
        let pair = HTTP2Pair()
        pair.receive(Frame.preface + Frame.headers(1, flags: 1))
        #expect(pair.session.phase == .until(pair.now + 10 * HTTP2Pair.second))
        pair.pass(seconds: 10)
        #expect(pair.session.isFinished)
        #expect(pair.goaways == [0])
    }

    @Test("Before the client's SETTINGS the phase is a head's; afterwards the connection is idle")
    func phases() {
        let pair = HTTP2Pair()
        #expect(pair.session.phase == .head)
        pair.receive(Frame.preface)
        #expect(pair.session.phase == .idle)
        pair.receive(Frame.ping)
        #expect(pair.session.phase == .idle)
        pair.session.timeOut()
        pair.flush()
        #expect(pair.session.phase == .finished)
        #expect(pair.goaways == [0])
    }

    @Test("A request in the handler's hands has no deadline")
    func handling() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        pair.client.request()
        pair.run()
        #expect(pair.session.phase == .handling)
    }

    @Test("A stream whose window stays shut is reset after 10 s; the others go on")
    func shutStreamWindow() {
        let pair = HTTP2Pair(client: HTTP2Client(window: 10, opensWindows: false))
        pair.answer = { request in
            HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: request.path == "/long" ? 100 : 1)))
        }
        let id = pair.client.request("GET", "/long")
        pair.run()
        pair.pass(seconds: 9.9)
        #expect(pair.client.answers[id]?.closed == nil)
        pair.pass(seconds: 0.2)
        #expect(pair.client.answers[id]?.closed == 8)
        #expect(pair.log == ["request 1: GET /long 0", "cancelled 1"])
        let next = pair.client.request("GET", "/short")
        pair.run()
        #expect(pair.client.answers[next]?.body == [1])
    }

    @Test("A window opened byte by byte is no open window")
    func dripWindow() {
        let pair = HTTP2Pair(client: HTTP2Client(window: 10, opensWindows: false))
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 10_000))) }
        let id = pair.client.request()
        pair.run()
        for _ in 0..<11 {
            pair.client.open(id, by: 1)
            pair.pass(seconds: 1)
        }
        #expect(pair.client.answers[id]?.closed == 8)
    }

    @Test("A connection window that stays shut ends the connection")
    func shutConnectionWindow() {
        let pair = HTTP2Pair(client: HTTP2Client(window: 1 << 20, opensWindows: false))
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 70_000))) }
        let id = pair.client.request()
        pair.run()
        #expect(pair.client.answers[id]?.body.count == 65_535)
        pair.pass(seconds: 10.1)
        #expect(pair.goaways == [11])
        #expect(pair.session.isFinished)
    }

    @Test("Draining names the last stream after a round trip and finishes what is in flight")
    func drains() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        let first = pair.client.request()
        pair.run()
        pair.session.drain()
        // Sent before the client could know.
        let second = pair.client.request()
        pair.run()
        #expect(pair.client.goaways.map(\.last) == [Int32.max, second])
        #expect(pair.goaways == [0, 0])
        #expect(!pair.session.isFinished)
        pair.respond(HTTPResponse(status: 200), to: Int(first))
        pair.run()
        #expect(!pair.session.isFinished)
        pair.respond(HTTPResponse(status: 200), to: Int(second))
        pair.run()
        #expect(pair.client.answers[second]?.status == 200)
        #expect(pair.session.isFinished)
    }

    @Test("Draining does not wait for a client that answers no PING")
    func drainsWithoutAnswer() {
        let pair = HTTP2Pair()
        pair.receive(Frame.preface)
        pair.session.drain()
        pair.takeEvents()
        #expect(pair.session.phase == .until(pair.now + HTTP2Pair.second))
        pair.session.tick(pair.now + HTTP2Pair.second)
        pair.session.timeOut()
        pair.takeEvents()
        #expect(pair.session.isFinished)
    }

    @Test("A peer that sends no more still gets its answers; what it did not finish is dropped")
    func halfClosed() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        let whole = pair.client.request()
        pair.client.request("POST", "/", body: [1], isLast: false)
        pair.run()
        pair.session.receiveEnd()
        #expect(!pair.session.isFinished)
        pair.respond(HTTPResponse(status: 200), to: Int(whole))
        pair.flush()
        #expect(pair.client.answers[whole]?.status == 200)
        #expect(pair.session.isFinished)
    }
}
