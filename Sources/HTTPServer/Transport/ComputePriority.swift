/// How compute threads share the processors with everything else that runs there (sched(7)).
public enum ComputePriority: String, Sendable, CaseIterable {
    /// They run where nothing else wants to: SCHED_IDLE, or nice 19 where the system refuses that.
    ///
    /// A small request then never waits for the end of a large one's time slice. Where other programs keep every
    /// processor busy, large requests get next to nothing.
    case idle
    /// nice 10: some tenth of a processor that one other thread wants all of.
    case low
    /// Nearly like every other thread: at nice 2, which Dispatch gives the threads of its utility class.
    case normal
}

extension ThreadScheduling {
    /// Lowers the calling thread's scheduling to that priority.
    static func lower(to priority: ComputePriority) {
        switch priority {
        case .idle: becomeIdle()
        case .low: raiseNiceness(to: 10)
        case .normal: break
        }
    }
}
