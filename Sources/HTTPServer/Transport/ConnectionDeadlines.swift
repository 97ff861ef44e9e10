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

    /// How long a body may take of which so many bytes are there, nanoseconds.
    package func bodySpan(received: Int) -> UInt64 {
        let earned = UInt64(max(0, received)).multipliedFullWidth(by: 1_000_000_000)
        // Half of all there is, at most: a moment of the clock plus this is still one.
        let extra = earned.high < rate ? rate.dividingFullWidth(earned).quotient : .max
        return min(body, .max / 4) + min(extra, .max / 4)
    }
}

/// Until when the peer has to move on, by the session's phase.
package struct PhaseDeadline: Sendable {
    private enum Kind: Sendable { case idle, head, body, none }
    private var kind: Kind?
    private var requests = -1
    /// When the phase began.
    package private(set) var since: UInt64 = 0

    /// Before the first look at the phase.
    package init() {}

    /// The moment by which the phase has to have changed, `UInt64.max` for none.
    ///
    /// - Parameters:
    ///   - requests: how many requests came so far: the same kind of phase of another request begins anew.
    ///   - now: the time of this look, at which a phase not seen before is taken to have begun.
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
            span = limits.bodySpan(received: received)
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
        let (deadline, overflow) = since.addingReportingOverflow(span)
        return overflow ? .max : deadline
    }
}

/// Until when the peer has to take bytes that wait for it.
///
/// Progress is what the peer's kernel acknowledged, not what this side's kernel buffered: a steady slow reader of a
/// large socket buffer makes room for a next write only every few seconds, and is not stuck.
package struct WriteDeadline: Sendable {
    /// The moment to look again, `UInt64.max` while nothing is stuck.
    package private(set) var at = UInt64.max
    private var delivered: UInt64 = 0

    /// Nothing stuck.
    package init() {}

    /// Output is stuck; no effect where it has been before.
    package mutating func start(delivered: UInt64, now: UInt64, limits: DeadlineLimits) {
        guard at == .max else { return }
        self.delivered = delivered
        at = now &+ limits.write
    }

    /// All output went to the socket.
    package mutating func clear() { at = .max }

    /// The moment came: whether the peer is given up, or took enough since and is given the same time again.
    package mutating func expires(delivered: UInt64, now: UInt64, limits: DeadlineLimits) -> Bool {
        let due = limits.rate.multipliedReportingOverflow(by: limits.write / 1_000_000_000)
        let taken = delivered >= self.delivered ? delivered - self.delivered : 0
        guard taken >= max(1, due.partialValue), !due.overflow else { return true }
        self.delivered = delivered
        at = now &+ limits.write
        return false
    }
}
