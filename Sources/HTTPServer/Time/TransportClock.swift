/// Where the transport takes the time from, so that a test can move it by hand.
package struct TransportClock: Sendable {
    /// Nanoseconds since some fixed point; never goes back.
    package var monotonic: @Sendable () -> UInt64
    /// Whole seconds since 1970-01-01T00:00:00Z.
    package var unixSeconds: @Sendable () -> Int
    /// Whether time passes by itself.
    ///
    /// Where it does not, a loop sleeps until something happens, and ``HTTPServer/runTurn(within:)`` has it look again.
    package var isRunning: Bool

    /// A clock of those two readings.
    package init(
        monotonic: @escaping @Sendable () -> UInt64, unixSeconds: @escaping @Sendable () -> Int, isRunning: Bool = true
    ) {
        self.monotonic = monotonic
        self.unixSeconds = unixSeconds
        self.isRunning = isRunning
    }

    /// The machine's.
    package static let system = TransportClock(
        monotonic: { SystemClock.monotonic }, unixSeconds: { SystemClock.coarseUnixSeconds })
}

extension Duration {
    /// Whole nanoseconds, at least 0, at most about 292 years.
    package var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (scaled, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow || scaled > UInt64.max / 2 ? UInt64.max / 2 : scaled + UInt64(attoseconds / 1_000_000_000)
    }
}
