import HTTPServer
import Testing

@Suite("HTTP/2 uploads side by side")
struct HTTP2UploadTests {
    /// A client that has begun so many uploads of that length and sent what windows allow, ending none of them.
    private func uploads(_ count: Int, of length: Int, body: Int, room: Int) -> (pair: HTTP2Pair, streams: [Int32]) {
        var limits = HTTPLimits()
        limits.body = body
        limits.connectionBodies = room
        let pair = HTTP2Pair(limits: limits)
        pair.run()
        let streams = (0..<count).map { _ in
            pair.client.request(
                "POST", "/", [("content-length", "\(length)")], body: HTTP2FlowTests.bytes(length - 1), isLast: false)
        }
        pair.run()
        return (pair, streams)
    }

    @Test("What is held is not bounded by the length of one body: every upload goes on, in any order")
    func sideBySide() {
        let (pair, streams) = uploads(30, of: 300_000, body: 1_000_000, room: 1 << 28)
        #expect(pair.session.contentHeld == 30 * 299_999)
        // The newest ends first.
        for stream in streams.reversed() {
            pair.client.send([1], on: stream, isLast: true)
            pair.run()
            #expect(pair.client.answers[stream]?.status == 200)
        }
    }

    @Test("Where there is no room for all, the newest that do not fit are refused after a second, and the rest goes on")
    func refusesNewest() {
        let (pair, streams) = uploads(10, of: 300_000, body: 1_000_000, room: 1_000_000)
        #expect(pair.log.isEmpty)
        #expect(pair.session.phase == .until(pair.now + HTTP2Pair.second))
        pair.pass(seconds: 0.9)
        #expect(pair.log.isEmpty)
        pair.pass(seconds: 0.2)
        // Three of 300 000 bytes fit into a million.
        for stream in streams.dropFirst(3) { #expect(pair.client.answers[stream]?.status == 503) }
        for stream in streams.prefix(3) {
            #expect(pair.client.answers[stream]?.status == nil)
            pair.client.send([1], on: stream, isLast: true)
        }
        pair.run()
        for stream in streams.prefix(3) { #expect(pair.client.answers[stream]?.status == 200) }
        #expect(pair.session.contentHeld == 0)
        #expect(pair.goaways.isEmpty)
    }

    @Test("One body that is larger than the room alone is let in, and none is refused for it")
    func oneAlone() {
        let (pair, streams) = uploads(1, of: 900_000, body: 1_000_000, room: 100_000)
        pair.pass(seconds: 1.1)
        pair.client.send([1], on: streams[0], isLast: true)
        pair.run()
        #expect(pair.client.answers[streams[0]]?.status == 200)
    }

    @Test("No deadline is left once windows are open again")
    func clears() {
        let (pair, streams) = uploads(2, of: 300_000, body: 1_000_000, room: 100_000)
        pair.client.send([1], on: streams[0], isLast: true)
        pair.run()
        #expect(pair.client.answers[streams[0]]?.status == 200)
        pair.pass(seconds: 1.1)
        pair.client.send([1], on: streams[1], isLast: true)
        pair.run()
        #expect(pair.client.answers[streams[1]]?.status == 200)
    }
}
