import HTTPServer
import Testing

@Suite("HTTP/2 replies that the peer does not take")
struct HTTP2ReplyRoomTests {
    /// A client that opens no window, and a handler whose replies are a bit over a third of what may be held.
    private func shut(requests: Int) -> (pair: HTTP2Pair, streams: [Int32]) {
        let pair = HTTP2Pair(client: HTTP2Client(window: 0, opensWindows: false))
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 300_000))) }
        pair.run()
        let streams = (0..<requests).map { _ in pair.client.request() }
        pair.run()
        return (pair, streams)
    }

    @Test("Requests wait while replies do, and what makes room is read")
    func gate() {
        let (pair, _) = shut(requests: 50)
        #expect(pair.requests.count == 3)
        #expect(pair.session.repliesHeld == 900_000)
        #expect(pair.session.wantsInput)
    }

    @Test("An open window makes room, down to the last request")
    func opens() {
        let (pair, streams) = shut(requests: 50)
        pair.client.open(0, by: 50 * 300_000)
        for stream in streams {
            pair.client.open(stream, by: 300_000)
            pair.run()
        }
        #expect(pair.requests.count == 50)
        #expect(pair.session.repliesHeld == 0)
        for stream in streams { #expect(pair.client.answers[stream]?.body.count == 300_000) }
    }

    @Test("So does a stream that its client gives up, and one that is reset for its shut window")
    func resets() {
        let (pair, streams) = shut(requests: 7)
        pair.client.cancel(streams[1])
        pair.run()
        #expect(pair.requests.count == 4)
        // One that nobody has seen yet.
        pair.client.cancel(streams[5])
        pair.run()
        pair.pass(seconds: 10.1)
        pair.pass(seconds: 10.1)
        #expect(pair.requests.keys.sorted() == [0, 1, 2, 3, 4, 6].map { Int(streams[$0]) })
        #expect(streams.prefix(5).allSatisfy { pair.client.answers[$0]?.closed != nil })
    }

    @Test("What is being made counts until it is made")
    func expected() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        pair.client.request()
        pair.run()
        pair.session.reserve(replyBytes: 1_000_000, for: 1)
        pair.client.request()
        pair.run()
        #expect(pair.open == [1])
        pair.respond(HTTPResponse(status: 200, body: .bytes([1])), to: 1)
        pair.run()
        #expect(pair.open == [1, 3])
        pair.session.reserve(replyBytes: 1_000_000, for: 3)
        pair.client.request()
        pair.client.cancel(3)
        pair.run()
        #expect(pair.open == [1, 3, 5])
    }

    @Test("Streamed bodies are made side by side below the bound, and do not wait for replies that are being made")
    func pieces() {
        let pair = HTTP2Pair()
        let source = CountingSource(pieces: 1, size: 1)
        pair.answer = { $0.path == "/" ? nil : HTTPResponse(status: 200, body: .stream(source)) }
        let streams = ["/a", "/b", "/"].map { pair.client.request("GET", $0) }
        pair.run()
        pair.session.reserve(replyBytes: 1_000_000, for: Int(streams[2]))
        #expect(pair.session.wantsBody(of: 1) && pair.session.wantsBody(of: 3))
        pair.session.reserve(replyBytes: 1000, for: 1)
        #expect(pair.session.wantsBody(of: 3))
        pair.session.reserve(replyBytes: 768 * 1024, for: 1)
        #expect(!pair.session.wantsBody(of: 3))
        pair.session.write([1], to: 1, isLast: false)
        #expect(pair.session.wantsBody(of: 3))
        pair.session.reserve(replyBytes: 768 * 1024, for: 3)
        #expect(!pair.session.wantsBody(of: 1))
        pair.session.abort(3)
        pair.run()
        #expect(pair.session.wantsBody(of: 1))
    }

    @Test("Refusals do not wait; the content of requests that do counts, and the largest can be refused")
    func refusals() {
        let (pair, _) = shut(requests: 3)
        let small = pair.client.request("POST", "/", body: [UInt8](repeating: 2, count: 1000))
        let large = pair.client.request("POST", "/", body: [UInt8](repeating: 2, count: 2000))
        let bad = pair.client.request("GET", "/", [("host", "b")])
        pair.run()
        #expect(pair.log.last == "refused \(bad): 400 1")
        #expect((3000..<4000).contains(pair.session.bodyBytes))
        pair.session.refuseLargestBody(.serviceUnavailable("full", retryAfter: 1))
        pair.run()
        #expect(pair.log.last == "refused \(large): 503 1")
        #expect((1000..<2000).contains(pair.session.bodyBytes))
        pair.session.refuseLargestBody(.serviceUnavailable("full", retryAfter: 1))
        pair.session.refuseLargestBody(.serviceUnavailable("full", retryAfter: 1))
        pair.run()
        #expect(pair.log.last == "refused \(small): 503 1")
        #expect(pair.session.bodyBytes == 0)
    }
}
