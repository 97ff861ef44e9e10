/// The deadline of a session's current phase.
package struct PhaseDeadline: Sendable {
    private enum Kind: Sendable { case idle, head, body, none }
    private var kind: Kind?
    private var requests = -1
    private var body = ProgressDeadline()
    /// When the phase began.
    package private(set) var since: UInt64 = 0

    /// Before the first update.
    package init() {}

    /// Updates the deadline, and returns it: `UInt64.max` for none.
    ///
    /// - Parameters:
    ///   - requests: the number of requests received so far: for the next request the same phase begins anew.
    ///   - now: a new phase begins at this time, and a body's progress since the last update is credited to it.
    package mutating func update(
        _ phase: HTTPSessionPhase, requests: Int, now: UInt64, limits: DeadlineLimits
    ) -> UInt64 {
        var kind = Kind.none
        var span = UInt64.max
        switch phase {
        case .idle:
            kind = .idle
            // Before its first request a connection has the deadline of a head.
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
