/// Allows so many events at once and so many per second in the long run.
///
/// Time is handed in, in nanoseconds from any fixed point; where it seems to go back it stands still. What is allowed
/// is kept in nanoseconds of refill, so that nothing is lost to rounding.
package struct TokenBucket: Sendable {
    /// What one event costs, nanoseconds of refill.
    private let cost: UInt64
    private let capacity: UInt64
    private var level: UInt64
    private var refilled: UInt64?

    /// A full bucket.
    ///
    /// - Parameters:
    ///   - burst: events allowed at once, 1…1 000 000.
    ///   - rate: events allowed per second in the long run, 1…1 000 000.
    package init(burst: UInt64, rate: UInt64) {
        cost = 1_000_000_000 / min(max(rate, 1), 1_000_000)
        capacity = min(max(burst, 1), 1_000_000) * cost
        level = capacity
    }

    /// Takes one event's token; `false` where there is none.
    package mutating func take(now: UInt64) -> Bool {
        refill(now)
        guard level >= cost else { return false }
        level -= cost
        return true
    }

    /// Gives tokens back, never above the burst: the peer had a reason for as many more events.
    package mutating func give(_ tokens: UInt64) {
        let (sum, overflow) = tokens.multipliedReportingOverflow(by: cost)
        level = overflow || sum > capacity - level ? capacity : level + sum
    }

    private mutating func refill(_ now: UInt64) {
        if let refilled, now > refilled {
            level = now - refilled > capacity - level ? capacity : level + (now - refilled)
        }
        refilled = max(now, refilled ?? 0)
    }
}
