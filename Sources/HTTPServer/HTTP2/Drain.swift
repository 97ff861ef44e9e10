/// The graceful shutdown of a connection (RFC 9113 section 6.8).
///
/// Requests may be in transit when the shutdown begins. So GOAWAY is sent twice: first with the highest possible last
/// stream, so that the client opens no more, then, a round trip later, with the last stream that arrived. For a peer that
/// exhausted a budget there is no such grace: its new streams are refused at once.
///
/// This only decides; its owner sends the frames.
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

    /// No shutdown.
    package init() {}

    /// Whether no shutdown has begun.
    package var isNone: Bool { if case .none = stage { true } else { false } }
    /// Whether new streams are refused before the client knows of the shutdown.
    package var isRefusing: Bool { if case .refusing = stage { true } else { false } }
    /// When the second GOAWAY is sent at the latest, `UInt64.max` for never.
    package var deadline: UInt64 { if case .announced(let until) = stage { until } else { .max } }

    /// Begins the shutdown; `true` where the first GOAWAY and a PING are to be sent.
    package mutating func announce(now: UInt64) -> Bool {
        guard isNone else { return false }
        stage = .announced(until: now &+ Self.roundTrip)
        return true
    }

    /// The round trip is over; `true` where the second GOAWAY is to be sent.
    package mutating func finish() -> Bool {
        guard case .announced = stage else { return false }
        stage = .final
        return true
    }

    /// The peer exhausted a budget; `true` the first time.
    package mutating func refuse() -> Bool {
        guard !isRefusing else { return false }
        stage = .refusing
        return true
    }
}
