/// How far the graceful end of a connection has come (RFC 9113 section 6.8).
///
/// Requests may be on their way when the server decides to end. So GOAWAY goes out twice: first without a last stream,
/// so that the client opens no more; then, a round trip later, with the last stream that arrived. A peer that exhausted
/// its budget gets no such grace: no new stream is opened from that moment on.
///
/// Decides only; whoever owns it sends the frames.
package struct Drain: Sendable {
    private enum Stage {
        case none
        case announced(until: UInt64)
        case final
        case refusing
    }

    /// How long the answer to the PING that goes with the first GOAWAY is waited for, nanoseconds.
    package static let roundTrip: UInt64 = 1_000_000_000

    private var stage = Stage.none

    /// The connection goes on.
    package init() {}

    /// Whether the end has not begun.
    package var isNone: Bool { if case .none = stage { true } else { false } }
    /// Whether new streams are refused though their client cannot know of the end yet.
    package var isRefusing: Bool { if case .refusing = stage { true } else { false } }
    /// By when the last stream is named at the latest, `UInt64.max` where that is not to be.
    package var deadline: UInt64 { if case .announced(let until) = stage { until } else { .max } }

    /// The end begins; `true` where the first GOAWAY and a PING are to be sent.
    package mutating func announce(now: UInt64) -> Bool {
        guard isNone else { return false }
        stage = .announced(until: now &+ Self.roundTrip)
        return true
    }

    /// The round trip is over; `true` where the GOAWAY that names the last stream is to be sent.
    package mutating func finish() -> Bool {
        guard case .announced = stage else { return false }
        stage = .final
        return true
    }

    /// The peer exhausted its budget; `true` the first time.
    package mutating func refuse() -> Bool {
        guard !isRefusing else { return false }
        stage = .refusing
        return true
    }
}
