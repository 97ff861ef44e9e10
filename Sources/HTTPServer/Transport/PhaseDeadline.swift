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
