import HTTPServer
import Testing

@Suite("HTTP/2 flow control and replies")
struct HTTP2FlowTests {
    /// Bytes that differ from their neighbours.
    static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) } }

    @Test("A reply arrives whole through a tiny window", arguments: [1, 2, 9, 100, 16_384] as [UInt32])
    func tinyWindows(_ window: UInt32) {
        let pair = HTTP2Pair(client: HTTP2Client(window: window, opensWindows: true))
        let body = Self.bytes(window < 100 ? 500 : 50_000)
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes(body)) }
        let id = pair.client.request()
        pair.run()
        #expect(pair.client.answers[id]?.body == body)
        #expect(pair.client.answers[id]?.closed == 0)
        #expect(pair.client.longestData <= Int(window))
    }

    @Test("DATA frames are at most 16 KiB, and replies take turns")
    func turns() {
        let pair = HTTP2Pair(client: HTTP2Client(window: 1 << 20))
        pair.client.open(0, by: 1 << 20)
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes(Self.bytes(200_000))) }
        pair.client.request()
        pair.client.request()
        pair.client.request()
        pair.run()
        #expect(pair.client.longestData == 16_384)
        #expect(Set(pair.client.dataOrder.prefix(3)) == [1, 3, 5])
        #expect(Set(pair.client.dataOrder.suffix(3)) == [1, 3, 5])
    }

    @Test("Output stays near its target however wide the windows are")
    func boundedOutput() {
        let pair = HTTP2Pair(client: HTTP2Client(window: 1 << 30))
        pair.client.open(0, by: 1 << 30)
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes(Self.bytes(4_000_000))) }
        let id = pair.client.request()
        pair.isStuck = true
        pair.run()
        #expect(pair.session.output.count > 32 * 1024)
        #expect(pair.session.output.count < 100 * 1024)
        #expect(pair.session.holdsReply(of: Int(id)))
        pair.isStuck = false
        pair.run()
        #expect(pair.client.answers[id]?.body == Self.bytes(4_000_000))
        #expect(!pair.session.holdsReply(of: Int(id)))
    }

    @Test("A streamed body is asked for while little of it waits and the window is open")
    func streams() {
        let pair = HTTP2Pair(client: HTTP2Client(window: 10, opensWindows: false))
        pair.answer = { _ in HTTPResponse(status: 200, body: .stream(CountingSource(pieces: 1, size: 1))) }
        let id = pair.client.request()
        pair.run()
        #expect(pair.client.answers[id]?.status == 200)
        #expect(pair.session.wantsBody(of: 1))
        pair.session.write([1, 2, 3], to: 1, isLast: false)
        pair.run()
        #expect(pair.client.answers[id]?.body == [1, 2, 3])
        #expect(pair.session.wantsBody(of: 1))
        pair.session.write([UInt8](repeating: 4, count: 20), to: 1, isLast: false)
        pair.run()
        #expect(pair.client.answers[id]?.body.count == 10)
        #expect(!pair.session.wantsBody(of: 1))
        #expect(pair.session.holdsReply(of: 1))
        pair.client.open(id, by: 14)
        pair.run()
        #expect(pair.client.answers[id]?.body.count == 23)
        #expect(pair.session.wantsBody(of: 1))
        pair.session.write([], to: 1, isLast: true)
        pair.run()
        #expect(pair.client.answers[id]?.isEnded == true)
        #expect(!pair.session.holdsReply(of: 1))
        #expect(pair.session.phase == .idle)
    }

    @Test("A streamed body that breaks off is reset with INTERNAL_ERROR; the others go on")
    func aborts() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        let broken = pair.client.request()
        let whole = pair.client.request()
        pair.run()
        pair.respond(HTTPResponse(status: 200, body: .stream(CountingSource(pieces: 1, size: 1))), to: Int(broken))
        pair.session.write([1], to: Int(broken), isLast: false)
        pair.run()
        pair.session.abort(Int(broken))
        pair.respond(HTTPResponse(status: 200, body: .bytes([2])), to: Int(whole))
        pair.run()
        #expect(pair.client.answers[broken]?.closed == 2)
        #expect(pair.client.answers[broken]?.isEnded == false)
        #expect(pair.client.answers[whole]?.body == [2])
        #expect(pair.log.last == "cancelled \(broken)")
    }

    @Test("A request that is given up is told, and its answer goes nowhere")
    func cancels() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        let id = pair.client.request()
        pair.run()
        pair.client.cancel(id)
        pair.run()
        #expect(pair.log == ["request 1: GET / 0", "cancelled 1"])
        pair.respond(HTTPResponse(status: 200), to: 1)
        pair.session.write([1], to: 1, isLast: true)
        pair.run()
        #expect(pair.client.answers[id]?.status == nil)
        #expect(pair.session.phase == .idle)
    }

    @Test("A request given up in the same read is never seen")
    func cancelsUnseen() {
        let pair = HTTP2Pair()
        pair.receive(Frame.preface + Frame.headers(1, flags: 5) + Frame.reset(1) + Frame.headers(3, flags: 5))
        #expect(pair.log == ["request 3: POST / 0"])
    }

    @Test("One stalled upload does not hold up another")
    func stalledUpload() {
        var limits = HTTPLimits()
        limits.body = 300_000
        let pair = HTTP2Pair(limits: limits)
        pair.client.request("POST", "/slow", body: Self.bytes(60_000), isLast: false)
        pair.run()
        let other = pair.client.request("POST", "/fast", body: Self.bytes(300_000))
        pair.run()
        #expect(pair.client.answers[other]?.status == 200)
        #expect(pair.requests[Int(other)]?.body == Self.bytes(300_000))
    }

    @Test("Content held for unfinished requests is bounded, and all of them come through in the end")
    func boundedContent() {
        var limits = HTTPLimits()
        limits.body = 200_000
        limits.connectionBodies = 400_000
        let pair = HTTP2Pair(limits: limits)
        let ids = (0..<8).map { _ in pair.client.request("POST", "/", body: Self.bytes(190_000), isLast: false) }
        pair.run()
        #expect(pair.log.isEmpty)
        // Nobody finished, so what is here is what the session let in: the limit, the oldest body, and of each other up to
        // 64 KiB and a window.
        #expect(pair.session.contentHeld <= 400_000 + 200_000 + 7 * 2 * 65_535)
        #expect(pair.session.contentHeld >= 400_000)
        for id in ids { pair.client.send([], on: id, isLast: true) }
        pair.run()
        for id in ids { #expect(pair.client.answers[id]?.status == 200) }
        #expect(pair.session.contentHeld == 0)
    }

    @Test("Content is counted until its answer begins")
    func heldContent() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        pair.client.request("POST", "/", body: Self.bytes(1000))
        pair.run()
        #expect(pair.session.contentHeld == 1000)
        pair.respond(HTTPResponse(status: 200), to: 1)
        #expect(pair.session.contentHeld == 0)
    }

    @Test("Beyond so many streams at once requests are refused, to be sent again", arguments: [1, 100, 1000])
    func concurrency(streams: Int) {
        var limits = HTTPLimits()
        limits.streams = streams
        let pair = HTTP2Pair(limits: limits)
        pair.answer = { _ in nil }
        pair.receive(Frame.preface)
        for index in 0...streams { pair.receive(Frame.headers(UInt32(2 * index + 1), flags: 5)) }
        pair.flush()
        #expect(pair.requests.count == streams)
        #expect(pair.requests[2 * streams + 1] == nil)
    }

    @Test("A response's own fields cannot frame it, nor break a line")
    func responseFields() {
        let pair = HTTP2Pair()
        pair.answer = { _ in
            var response = HTTPResponse(status: 200, body: .bytes([1]))
            response.fields.append("content-length", "7")
            response.fields.append("connection", "close")
            response.fields.append("x-bad", "a\r\nb: c")
            response.fields.append("x-good", "yes")
            return response
        }
        let id = pair.client.request()
        pair.run()
        let fields = pair.client.answers[id]?.fields
        #expect(fields?["content-length"] == "1")
        #expect(fields?["connection"] == nil && fields?["x-bad"] == nil)
        #expect(fields?["x-good"] == "yes")
    }
}
