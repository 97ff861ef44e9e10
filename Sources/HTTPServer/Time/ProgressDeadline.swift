/// Until when a peer has to move on that is held to a floor rate: one that sends a body, or takes a reply.
///
/// A token bucket that holds time. It starts with `span`, time empties it, and every byte of progress puts in what that
/// byte is worth at the floor rate, up to `span` again. So a peer that never pauses for longer than `span` and is not
/// slower than the floor is never late, however long it takes; and one that stops is late `span` after its last byte at
/// most, whatever it had sent by then.
package struct ProgressDeadline: Sendable {
    /// The moment at which the bucket is empty, `UInt64.max` while the peer is not waited for.
    package private(set) var at = UInt64.max
    private var progress: UInt64 = 0

    /// Not waiting for the peer.
    package init() {}

    /// The peer is waited for from now on.
    ///
    /// - Parameters:
    ///   - progress: how many bytes it has moved so far, counted from any point.
    ///   - span: what it is given, nanoseconds.
    package mutating func start(progress: UInt64, now: UInt64, span: UInt64) {
        self.progress = progress
        at = Self.sum(now, span)
    }

    /// So many bytes have been moved by now; no effect while the peer is not waited for.
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

    /// The peer is not waited for any more.
    package mutating func clear() { at = .max }

    private static func sum(_ moment: UInt64, _ time: UInt64) -> UInt64 {
        let (sum, overflow) = moment.addingReportingOverflow(time)
        return overflow ? .max : sum
    }
}
