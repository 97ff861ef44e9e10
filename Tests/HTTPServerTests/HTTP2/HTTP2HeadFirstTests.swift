import HTTPServer
import Testing

@Suite("HTTP/2: the head decides before the body is taken")
struct HTTP2HeadFirstTests {
    /// Takes bodies on `/` only, and answers 404 elsewhere.
    private func pair() -> HTTP2Pair {
        let pair = HTTP2Pair(takesBody: { $0.path == "/" })
        pair.answer = { HTTPResponse(status: $0.path == "/" ? 200 : 404) }
        return pair
    }

    @Test("a body that is not wanted is answered at once and dropped; the others go on")
    func refused() {
        let pair = pair()
        let body = [UInt8](repeating: 1, count: 200_000)
        let id = pair.client.request("POST", "/nope", body: body, isLast: false)
        pair.run()
        #expect(pair.client.answers[id]?.statuses == [404])
        #expect(pair.log == ["request 1: POST /nope 0"])
        #expect(pair.session.contentHeld == 0)
        let next = pair.client.request()
        pair.run()
        #expect(pair.client.answers[next]?.status == 200)
        // What still comes of it is dropped for a while, then the stream is closed without a fault.
        #expect(pair.client.answers[id]?.closed == nil)
        pair.pass(seconds: 3)
        #expect(pair.client.answers[id]?.closed == 0)
        #expect(pair.goaways.isEmpty)
    }

    @Test("a body that is wanted, and a short one that is not, is read before its answer")
    func read() {
        let pair = pair()
        let wanted = pair.client.request("POST", "/", body: [UInt8](repeating: 1, count: 70_000), isLast: false)
        let short = pair.client.request("POST", "/nope", [("content-length", "5")], body: [1, 2], isLast: false)
        pair.run()
        #expect(pair.log.isEmpty)
        pair.client.send([3, 4, 5], on: short, isLast: true)
        pair.client.send([], on: wanted, isLast: true)
        pair.run()
        #expect(Set(pair.log) == ["request 1: POST / 70000", "request 3: POST /nope 5"])
        #expect(pair.client.answers[short]?.closed == 0)
    }

    @Test("100 is sent only where the body is wanted", arguments: [("/", [100]), ("/nope", [404])])
    func expectations(_ path: String, _ statuses: [Int]) {
        let pair = pair()
        let id = pair.client.request(
            "POST", path, [("expect", "100-continue"), ("content-length", "5")], body: [], isLast: false)
        pair.run()
        #expect(pair.client.answers[id]?.statuses == statuses)
    }

    @Test("a refusal carries what was read of the head, as of its first frame")
    func carried() throws {
        let pair = pair()
        let begun = pair.now
        pair.client.request("POST", "/", [("content-length", "99999999999")], body: [], isLast: false)
        pair.client.request("PUT", "/", [("x", String(repeating: "x", count: 20_000))])
        pair.client.request("POST", "/", body: [1], isLast: false)
        pair.run()
        pair.pass(seconds: 11)
        #expect(pair.log.map { $0.prefix(14) } == ["refused 1: 413", "refused 3: 431", "refused 5: 408"])
        #expect(pair.refused.map(\.head.methodText) == ["POST", "PUT", "POST"])
        #expect(pair.refused.map(\.head.path) == ["/", "/", "/"])
        #expect(pair.refused.allSatisfy { $0.since == begun })
    }
}
