/// A deadline with a floor rate, for a peer that sends a body or reads a reply.
///
/// A token bucket of time: it starts with `span`, drains as time passes, and every byte of progress adds what that byte
/// takes at the floor rate, up to `span` again. So a peer that never pauses for longer than `span` and is no slower than
/// the floor is never late, however long it takes; and one that stops is late at most `span` after its last byte.
package struct ProgressDeadline: Sendable {
    /// When the bucket is empty, `UInt64.max` while the deadline is not armed.
    package private(set) var at = UInt64.max
    private var progress: UInt64 = 0

    /// Not armed.
    package init() {}

    /// Arms the deadline.
    ///
    /// - Parameters:
    ///   - progress: the number of bytes moved so far, counted from any point.
    ///   - span: the bucket's capacity, nanoseconds.
    package mutating func start(progress: UInt64, now: UInt64, span: UInt64) {
        self.progress = progress
        at = Self.sum(now, span)
    }

    /// Credits progress; no effect while the deadline is not armed.
    ///
    /// - Parameters:
    ///   - rate: the floor, bytes per second.
    ///   - span: as given to ``start(progress:now:span:)``.
    package mutating func update(progress: UInt64, now: UInt64, span: UInt64, rate: UInt64) {
        guard at != .max, progress > self.progress else { return }
        let moved = (progress - self.progress).multipliedFullWidth(by: 1_000_000_000)
        self.progress = progress
        let rate = max(1, rate)
        let earned = moved.high < rate ? rate.dividingFullWidth(moved).quotient : .max
        at = min(Self.sum(at, earned), Self.sum(now, span))
    }

    /// Disarms the deadline.
    package mutating func clear() { at = .max }

    private static func sum(_ moment: UInt64, _ time: UInt64) -> UInt64 {
        let (sum, overflow) = moment.addingReportingOverflow(time)
        return overflow ? .max : sum
    }
}
