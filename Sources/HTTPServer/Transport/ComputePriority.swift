import Glibc

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

/// The scheduling of one thread; in Linux all of it is a thread's, not a process's.
struct ThreadScheduling: Sendable {
    private let policy: Int32
    private let niceness: Int32

    /// SCHED_IDLE of sched.h, which is hidden from Swift as an extension of Linux's.
    static let idlePolicy: Int32 = 5
    private static let process = __priority_which_t(PRIO_PROCESS.rawValue)

    /// That of the calling thread.
    static var current: ThreadScheduling {
        ThreadScheduling(policy: sched_getscheduler(0), niceness: getpriority(process, 0))
    }

    /// Has the calling thread give way from here on, as far as that priority wants.
    static func giveWay(_ priority: ComputePriority) {
        switch priority {
        case .idle: if !setPolicy(idlePolicy) { _ = setpriority(process, 0, 19) }
        case .low: _ = setpriority(process, 0, max(10, current.niceness))
        case .normal: break
        }
    }

    /// Gives the calling thread this scheduling, where it may have it.
    ///
    /// The way back from another class or niceness is only open to a thread with CAP_SYS_NICE or with an RLIMIT_NICE of 20
    /// and more: without both it stays as it is.
    func apply() {
        _ = Self.setPolicy(policy)
        _ = setpriority(Self.process, 0, niceness)
    }

    private static func setPolicy(_ policy: Int32) -> Bool {
        // The only one of those policies that are not for real time.
        var parameters = sched_param(sched_priority: 0)
        return sched_setscheduler(0, policy, &parameters) == 0
    }
}
