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

    @Test(
        "a body earns time with its bytes, and never holds more than 10 s",
        arguments: [(0, 10), (500, 11), (3_500, 17), (5_000, 18), (16 << 20, 18)])
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
        let at8 = other.update(.body(received: 0), requests: 0, now: .max / 2, limits: limits)
        #expect(at8 == .max / 2 + 10 * second)
        let at15 = other.update(.body(received: .max), requests: 0, now: .max / 2 + 1, limits: limits)
        #expect(at15 == .max / 2 + 1 + 10 * second)
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

    @Test("the next body of a connection has time of its own, and so has one that goes on after it could not")
    func nextBody() {
        var deadline = PhaseDeadline()
        _ = deadline.update(.body(received: 5), requests: 0, now: 0, limits: limits)
        let next = deadline.update(.body(received: 5), requests: 1, now: 9 * second, limits: limits)
        #expect(next == 19 * second)
        _ = deadline.update(.handling, requests: 1, now: 10 * second, limits: limits)
        let resumed = deadline.update(.body(received: 5), requests: 1, now: 40 * second, limits: limits)
        #expect(resumed == 50 * second)
    }
}
