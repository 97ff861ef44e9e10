import HTTPServer
import Testing

@Suite("Deadlines by progress, in virtual time")
struct ProgressDeadlineTests {
    private static let second: UInt64 = 1_000_000_000
    private let span = 10 * second
    private let rate: UInt64 = 500

    private func progress(_ deadline: inout ProgressDeadline, _ bytes: UInt64, at now: UInt64) {
        deadline.update(progress: bytes, now: now, span: span, rate: rate)
    }

    @Test("whoever is not waited for has no deadline")
    func idle() {
        var deadline = ProgressDeadline()
        #expect(deadline.at == .max)
        progress(&deadline, 1_000, at: 5)
        #expect(deadline.at == .max)
        deadline.start(progress: 1_000, now: 5, span: span)
        #expect(deadline.at == span + 5)
        deadline.clear()
        #expect(deadline.at == .max)
    }

    @Test("bytes moved before the wait, and bytes told of twice, earn nothing")
    func counts() {
        var deadline = ProgressDeadline()
        deadline.start(progress: 9_000, now: 0, span: span)
        progress(&deadline, 9_000, at: 5 * Self.second)
        #expect(deadline.at == span)
        progress(&deadline, 9_500, at: 5 * Self.second)
        progress(&deadline, 9_500, at: 6 * Self.second)
        #expect(deadline.at == 11 * Self.second)
    }

    @Test("a burst earns the span and no more", arguments: [5_000, 15_000_000, UInt64.max])
    func burst(_ bytes: UInt64) {
        var deadline = ProgressDeadline()
        deadline.start(progress: 0, now: 0, span: span)
        progress(&deadline, bytes, at: 3 * Self.second)
        #expect(deadline.at == 13 * Self.second)
    }

    @Test(
        "a steady peer is never late at the floor rate, and is below it",
        arguments: [
            (1, 2_000_000), (1, 2_100_000), (600, 1_000_000_000), (4_500, 9_000_000_000), (4_400, 9_000_000_000),
            (499, 1_000_000_000),
        ] as [(UInt64, UInt64)])
    func steady(_ bytes: UInt64, _ interval: UInt64) {
        var deadline = ProgressDeadline()
        deadline.start(progress: 0, now: 0, span: span)
        // Hours; at 499 bytes a second the ten seconds are used up after 5000.
        let isSteady = bytes * Self.second >= rate * interval
        var now: UInt64 = 0
        var moved: UInt64 = 0
        var isLate = false
        for _ in 0..<(isSteady ? 20_000 : 200_000) where !isLate {
            now += interval
            isLate = deadline.at <= now
            moved += bytes
            progress(&deadline, moved, at: now)
        }
        #expect(isLate == !isSteady)
    }

    @Test("a span of less than a second asks for its share of the rate, and one of a second and a half for all of it")
    func fractions() {
        for span in [Self.second / 5, Self.second * 3 / 2] {
            var slow = ProgressDeadline()
            slow.start(progress: 0, now: 0, span: span)
            slow.update(progress: 20, now: span / 2, span: span, rate: rate)
            #expect(slow.at == span + 20 * Self.second / rate)
            var fast = ProgressDeadline()
            fast.start(progress: 0, now: 0, span: span)
            fast.update(progress: 10_000, now: span / 2, span: span, rate: rate)
            #expect(fast.at == span / 2 + span)
        }
    }

    @Test("no moment, span or rate overflows")
    func extremes() {
        var deadline = ProgressDeadline()
        deadline.start(progress: 0, now: .max - 5, span: span)
        #expect(deadline.at == .max)
        deadline.start(progress: 0, now: 0, span: span)
        deadline.update(progress: .max, now: .max - 5, span: span, rate: 0)
        #expect(deadline.at == .max)
    }
}
