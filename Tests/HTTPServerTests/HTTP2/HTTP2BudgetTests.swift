import HTTPServer
import Testing

@Suite("HTTP/2 frames in and out of proportion to requests")
struct HTTP2BudgetTests {
    /// What a client sends with each request, as a function of the request's stream.
    struct Habit: Sendable, CustomTestStringConvertible {
        var name: String
        /// What it is called where there is too much of it.
        var fault: HTTPConnectionFault
        var frames: @Sendable (UInt32) -> [UInt8]
        var testDescription: String { name }
    }

    static let honest = [
        Habit(name: "two WINDOW_UPDATEs, as HAProxy", fault: .windowUpdates) {
            Frame.windowUpdate(0) + Frame.windowUpdate($0)
        },
        Habit(name: "a PING", fault: .pings) { _ in Frame.ping },
        Habit(name: "SETTINGS", fault: .settings) { _ in Frame.settings() },
        Habit(name: "PRIORITY for this request and the next", fault: .priorities) {
            Frame.priority($0) + Frame.priority($0 + 2)
        },
        Habit(name: "RST_STREAM once the reply is complete", fault: .resets) { Frame.reset($0) },
        Habit(name: "an empty DATA frame", fault: .emptyData) { Frame.data($0) + Frame.data($0, flags: 1) },
    ]

    /// A client that has sent so many requests, each with its frames so many times, and read every reply, in no time.
    private func pair(_ habit: Habit, requests: Int, times: Int) -> HTTP2Pair {
        let pair = HTTP2Pair()
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes([1])) }
        pair.receive(Frame.preface)
        let endsByData = habit.fault == .emptyData
        for index in 0..<requests where !pair.session.isFinished {
            let stream = UInt32(2 * index + 1)
            pair.receive(Frame.headers(stream, flags: endsByData ? 4 : 5))
            pair.flush()
            for _ in 1..<max(times, 1) where endsByData { pair.receive(Frame.data(stream)) }
            for _ in 0..<(endsByData ? 1 : times) { pair.receive(habit.frames(stream)) }
            pair.flush()
        }
        return pair
    }

    @Test("What goes with requests may go on at any speed", arguments: honest)
    func proportionate(_ habit: Habit) {
        let pair = pair(habit, requests: 5000, times: 1)
        #expect(pair.requests.count == 5000)
        #expect(pair.goaways.isEmpty)
        #expect(pair.session.fault == nil)
    }

    @Test("Ten times as much ends the connection, and is called by its name", arguments: honest)
    func disproportionate(_ habit: Habit) {
        let pair = pair(habit, requests: 5000, times: 10)
        #expect(pair.requests.count < 1000)
        #expect(pair.goaways == [11])
        #expect(pair.session.isFinished)
        #expect(pair.session.fault == habit.fault)
    }

    @Test("Requests given up before their replies earn nothing")
    func rapidReset() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        pair.receive(Frame.preface)
        for index in 0..<1000 where !pair.session.isFinished {
            let stream = UInt32(2 * index + 1)
            pair.receive(Frame.headers(stream, flags: 5) + Frame.reset(stream))
            pair.flush()
        }
        #expect(pair.goaways == [11])
        #expect(pair.session.fault == .resets)
    }

    @Test("Streams that this side gives up for reasons of its own are not held against the peer")
    func ownResets() {
        let pair = HTTP2Pair()
        pair.answer = { _ in HTTPResponse(status: 200, body: .stream(NoSource())) }
        pair.receive(Frame.preface)
        for index in 0..<500 {
            pair.receive(Frame.headers(UInt32(2 * index + 1), flags: 5))
            pair.session.abort(2 * index + 1)
            pair.flush()
        }
        #expect(pair.requests.count == 500)
        #expect(pair.goaways.isEmpty)
    }

    /// A connection with a request that is being answered and one whose content is still coming, after a flood.
    private func flooded(pings: Int) -> HTTP2Pair {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        pair.receive(Frame.preface + Frame.headers(1, flags: 5) + Frame.headers(3) + Frame.data(3, [1, 2]))
        pair.flush()
        // A few at a time, so that it is not their unread answers that are too many.
        for start in stride(from: 0, to: pings, by: 50) {
            pair.receive((start..<min(start + 50, pings)).flatMap { _ in Frame.ping })
            pair.flush()
        }
        return pair
    }

    @Test(
        "Requests that were taken are answered, others refused so that they may be sent again",
        arguments: [101, 150, 5000])
    func answersTaken(pings: Int) {
        let pair = flooded(pings: pings)
        #expect(pair.goaways == [11])
        #expect(Frame.lastStreams(in: pair.sent) == [3])
        // REFUSED_STREAM.
        #expect(Frame.resets(in: pair.sent) == [3: 7])
        #expect(pair.log == ["request 1: POST / 0"])
        #expect(!pair.session.isFinished)
        pair.receive(Frame.headers(5, flags: 5))
        pair.flush()
        #expect(pair.requests.keys.sorted() == [1])
        pair.respond(HTTPResponse(status: 200, body: .bytes([4, 5])), to: 1)
        pair.flush()
        #expect(Frame.ended(in: pair.sent) == [1])
        #expect(Frame.content(of: 1, in: pair.sent) == [4, 5])
        #expect(pair.session.isFinished)
    }

    @Test("A reply that is longer than its window is taken to its end after the GOAWAY")
    func answersLong() {
        let pair = flooded(pings: 101)
        let body = HTTP2FlowTests.bytes(300_000)
        pair.respond(HTTPResponse(status: 200, body: .bytes(body)), to: 1)
        pair.flush()
        #expect(Frame.content(of: 1, in: pair.sent).count == 65_535)
        for _ in 0..<100 where !pair.session.isFinished {
            // As an honest client does for each frame: the connection's window and the stream's.
            for stream in [0, 1] as [UInt32] {
                pair.receive(Frame.bytes(type: 8, stream: stream, [0, 0, 0x40, 0]))
            }
            pair.flush()
        }
        #expect(Frame.content(of: 1, in: pair.sent) == body)
        #expect(pair.session.isFinished)
    }

    @Test("A flood that goes on is not read any more, and the reply that is there goes out")
    func goesDeaf() {
        let pair = flooded(pings: 1000)
        #expect(!pair.session.wantsInput)
        pair.respond(HTTPResponse(status: 200, body: .bytes([6])), to: 1)
        pair.flush()
        #expect(Frame.content(of: 1, in: pair.sent) == [6])
        #expect(pair.session.isFinished)
    }

    /// A client with wide windows that does not read for the moment: a DATA frame waits for room.
    private func blocked() -> HTTP2Pair {
        let pair = HTTP2Pair()
        pair.answer = { _ in HTTPResponse(status: 200, body: .bytes(HTTP2FlowTests.bytes(400_000))) }
        pair.isStuck = true
        pair.receive(
            Array(Frame.preface.prefix(24)) + Frame.settings([0, 4, 0, 16, 0, 0])
                + Frame.bytes(type: 8, [0, 16, 0, 0]) + Frame.headers(3, flags: 5))
        pair.flush()
        return pair
    }

    @Test("A flooder that also downloads sees the GOAWAY, and its reply")
    func goawayBehindData() {
        let pair = blocked()
        pair.receive((0..<1001).flatMap { _ in Frame.windowUpdate(0) })
        pair.isStuck = false
        pair.flush()
        #expect(pair.goaways == [11])
        #expect(Frame.content(of: 3, in: pair.sent).count == 400_000)
        #expect(pair.session.isFinished)
    }

    @Test("So does a peer that breaks the protocol, at once")
    func terminatesBehindData() {
        let pair = blocked()
        pair.receive(Frame.headers(1, flags: 5))
        pair.isStuck = false
        pair.flush()
        #expect(pair.goaways == [1])
        #expect(Frame.content(of: 3, in: pair.sent).count < 400_000)
        #expect(pair.session.isFinished)
        #expect(pair.session.fault == .protocolError)
    }
}
