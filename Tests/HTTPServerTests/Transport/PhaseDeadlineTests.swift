import HTTPServer
import Testing

@Suite("Connection deadlines on a manual clock")
struct PhaseDeadlineTests {
    private let limits = DeadlineLimits(HTTPServerConfiguration())
    private let second: UInt64 = 1_000_000_000

    @Test("a head's deadline is absolute from its first byte")
    func head() {
        var deadline = PhaseDeadline()
        let at1 = deadline.update(.head, requests: 0, now: 5 * second, limits: limits)
        #expect(at1 == 15 * second)
        let at2 = deadline.update(.head, requests: 0, now: 14 * second, limits: limits)
        #expect(at2 == 15 * second)
        let at3 = deadline.update(.handling, requests: 1, now: 14 * second, limits: limits)
        #expect(at3 == .max)
        let at4 = deadline.update(.head, requests: 1, now: 20 * second, limits: limits)
        #expect(at4 == 30 * second)
    }

    @Test("a pipelined head that follows a head has a deadline of its own")
    func nextHead() {
        var deadline = PhaseDeadline()
        let at5 = deadline.update(.head, requests: 0, now: 0, limits: limits)
        #expect(at5 == 10 * second)
        let at6 = deadline.update(.head, requests: 1, now: 9 * second, limits: limits)
        #expect(at6 == 19 * second)
    }

    @Test("a body earns time with its bytes", arguments: [(0, 10), (500, 11), (5_000, 20), (16 << 20, 33_564)])
    func body(received: Int, seconds: UInt64) {
        var deadline = PhaseDeadline()
        let start = deadline.update(.body(received: 0), requests: 0, now: second, limits: limits)
        #expect(start == 11 * second)
        let end = deadline.update(.body(received: received), requests: 0, now: 9 * second, limits: limits)
        #expect(end / second == seconds + 1)
    }

    @Test("no number of bytes or seconds overflows")
    func extremes() {
        var deadline = PhaseDeadline()
        var limits = limits
        let at7 = deadline.update(.body(received: .max), requests: 0, now: .max - 1, limits: limits)
        #expect(at7 == .max)
        limits.rate = 1
        var other = PhaseDeadline()
        let at8 = other.update(.body(received: .max), requests: 0, now: .max / 2, limits: limits)
        #expect(at8 >= .max / 2)
        #expect(Duration.seconds(Int64.max).nanoseconds == UInt64.max / 2)
        #expect(Duration.seconds(-1).nanoseconds == 0)
        #expect(Duration.milliseconds(1_500).nanoseconds == 1_500_000_000)
    }

    @Test("idle is 75 s between requests and 10 s before the first")
    func idle() {
        var deadline = PhaseDeadline()
        let at9 = deadline.update(.idle, requests: 0, now: 0, limits: limits)
        #expect(at9 == 10 * second)
        let at10 = deadline.update(.idle, requests: 1, now: second, limits: limits)
        #expect(at10 == 76 * second)
        let at11 = deadline.update(.idle, requests: 1, now: 9 * second, limits: limits)
        #expect(at11 == 76 * second)
        let at12 = deadline.update(.idle, requests: 2, now: 9 * second, limits: limits)
        #expect(at12 == 84 * second)
    }

    @Test("a reader below the floor rate is given up, one above it is not")
    func write() {
        var deadline = WriteDeadline()
        #expect(deadline.at == .max)
        deadline.start(delivered: 1_000, now: 0, limits: limits)
        deadline.start(delivered: 9_000, now: 5 * second, limits: limits)
        #expect(deadline.at == 10 * second)
        let at13 = deadline.expires(delivered: 6_000, now: 10 * second, limits: limits)
        #expect(!at13)
        #expect(deadline.at == 20 * second)
        let at14 = deadline.expires(delivered: 10_999, now: 20 * second, limits: limits)
        #expect(at14)
        deadline.clear()
        #expect(deadline.at == .max)
    }
}
