import Glibc

/// How the kernel schedules the calling thread (sched(7)).
enum ThreadScheduling {
    /// From −20, urgent, to 19, patient; in Linux it is a thread's, not a process's (setpriority(2)).
    ///
    /// Without privileges it can be raised only: a lower one is ignored.
    static var niceness: Int32 {
        get { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) }
        set { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, newValue) }
    }
}
