import Glibc

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

    /// Has the calling thread run only where nothing else wants to: SCHED_IDLE, or nice 19 where the system refuses that.
    static func becomeIdle() { if !setPolicy(idlePolicy) { _ = setpriority(process, 0, 19) } }

    /// Has the calling thread have that niceness, or the one that it has where that is more.
    static func raiseNiceness(to niceness: Int32) { _ = setpriority(process, 0, max(niceness, current.niceness)) }

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
