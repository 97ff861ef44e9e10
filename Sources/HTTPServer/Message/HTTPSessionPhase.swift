/// What a session waits for, which selects its deadline.
package enum HTTPSessionPhase: Sendable, Equatable {
    /// For the first byte of a (next) request: idle deadline, closed silently.
    case idle
    /// For the rest of a head: absolute deadline from its first byte, then 408.
    case head
    /// For the rest of a body, of which so many bytes were received: 408 when it falls below the floor rate.
    case body(received: Int)
    /// For several things at once, each with a deadline of its own: the earliest, in nanoseconds of the monotonic clock. Once
    /// it has passed the session is timed out, which ends that one thing only.
    case until(UInt64)
    /// For the handler. No deadline on the peer.
    case handling
    /// For nothing: flush and close.
    case finished
}
