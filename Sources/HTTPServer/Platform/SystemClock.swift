import Glibc

/// The machine's clocks, none of whose readings is a system call (vDSO).
package enum SystemClock {
    /// Nanoseconds since some fixed point, which never goes back: CLOCK_MONOTONIC.
    static var monotonic: UInt64 {
        let now = read(CLOCK_MONOTONIC)
        return UInt64(truncatingIfNeeded: now.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: now.tv_nsec)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, a few milliseconds late: CLOCK_REALTIME_COARSE.
    static var coarseUnixSeconds: Int { read(CLOCK_REALTIME_COARSE).tv_sec }

    /// The time since 1970-01-01T00:00:00Z: CLOCK_REALTIME.
    package static var unix: (seconds: Int, nanoseconds: Int) {
        let now = read(CLOCK_REALTIME)
        return (now.tv_sec, now.tv_nsec)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var now = timespec()
        clock_gettime(clock, &now)
        return now
    }
}
