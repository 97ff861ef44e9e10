/// The configuration's deadlines in nanoseconds.
package struct DeadlineLimits: Sendable {
    package var head: UInt64
    package var body: UInt64
    package var idle: UInt64
    package var write: UInt64
    package var linger: UInt64
    package var request: UInt64
    package var drainDelay: UInt64
    package var drain: UInt64
    /// Bytes per second, at least 1.
    package var rate: UInt64

    package init(_ configuration: HTTPServerConfiguration) {
        head = configuration.headDeadline.nanoseconds
        body = configuration.bodyDeadline.nanoseconds
        idle = configuration.idleDeadline.nanoseconds
        write = configuration.writeDeadline.nanoseconds
        linger = configuration.lingerDeadline.nanoseconds
        request = configuration.requestDeadline.nanoseconds
        drainDelay = configuration.drainDelay.nanoseconds
        drain = configuration.drainDeadline.nanoseconds
        rate = UInt64(max(1, configuration.minimumRate))
    }
}

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

/// Until when the peer has to move on, by the session's phase.
package struct PhaseDeadline: Sendable {
    private enum Kind: Sendable { case idle, head, body, none }
    private var kind: Kind?
    private var requests = -1
    private var body = ProgressDeadline()
    /// When the phase began.
    package private(set) var since: UInt64 = 0

    /// Before the first look at the phase.
    package init() {}

    /// The moment by which the phase has to have changed, `UInt64.max` for none.
    ///
    /// - Parameters:
    ///   - requests: how many requests came so far: the same kind of phase of another request begins anew.
    ///   - now: the time of this look, at which a phase not seen before is taken to have begun, and to which what came
    ///     of a body since the last look is credited.
    package mutating func update(
        _ phase: HTTPSessionPhase, requests: Int, now: UInt64, limits: DeadlineLimits
    ) -> UInt64 {
        var kind = Kind.none
        var span = UInt64.max
        switch phase {
        case .idle:
            kind = .idle
            // A connection that never sent anything is held to the head's deadline.
            span = requests == 0 ? limits.head : limits.idle
        case .head:
            kind = .head
            span = limits.head
        case .body(let received):
            kind = .body
            let progress = UInt64(max(0, received))
            if self.kind != .body || requests != self.requests {
                body.start(progress: progress, now: now, span: limits.body)
            } else {
                body.update(progress: progress, now: now, span: limits.body, rate: limits.rate)
            }
        case .until(let deadline):
            self.kind = Kind.none
            return deadline
        case .handling, .finished:
            break
        }
        if kind != self.kind || requests != self.requests {
            self.kind = kind
            self.requests = requests
            since = now
        }
        if kind == .body { return body.at }
        let (deadline, overflow) = since.addingReportingOverflow(span)
        return overflow ? .max : deadline
    }
}
