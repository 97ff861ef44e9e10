/// What a connection's protocol is waiting for.
package enum HTTPSessionPhase: Sendable, Equatable {
    /// For the first byte of a (next) request: idle deadline, closed silently.
    case idle
    /// For the rest of a head: absolute deadline from its first byte, then 408.
    case head
    /// For the rest of a body, of which so many bytes are there: 408 when it falls under the floor rate.
    case body(received: Int)
    /// For the slowest of several things at once, each with a deadline of its own: until then, in nanoseconds from the
    /// clock's fixed point. Then the session is told, gives that one thing up and goes on.
    case until(UInt64)
    /// For the handler. No deadline on the peer.
    case handling
    /// Nothing more: flush and close.
    case finished
}
