import HTTPServer
import Testing

@Suite("Drain of an HTTP/2 connection")
struct DrainTests {
    @Test("GOAWAY is announced once, and its last stream is named once, a round trip later at the latest")
    func inTwoSteps() {
        var drain = Drain()
        #expect(drain.isNone && !drain.isRefusing && drain.deadline == .max)
        let wasEarly = drain.finish()
        #expect(!wasEarly)
        let (first, second) = (drain.announce(now: 5), drain.announce(now: 6))
        #expect(first && !second)
        #expect(!drain.isNone && drain.deadline == 5 + Drain.roundTrip)
        let (named, again) = (drain.finish(), drain.finish())
        #expect(named && !again)
        #expect(drain.deadline == .max && !drain.isNone && !drain.isRefusing)
        let late = drain.announce(now: 7)
        #expect(!late)
    }

    @Test("A peer that exhausted its budget gets no grace, whatever the drain had come to", arguments: 0...2)
    func refuses(steps: Int) {
        var drain = Drain()
        if steps > 0 { _ = drain.announce(now: 1) }
        if steps > 1 { _ = drain.finish() }
        let (first, second) = (drain.refuse(), drain.refuse())
        #expect(first && !second)
        #expect(drain.isRefusing && !drain.isNone && drain.deadline == .max)
        let (announced, named) = (drain.announce(now: 2), drain.finish())
        #expect(!announced && !named)
    }
}
