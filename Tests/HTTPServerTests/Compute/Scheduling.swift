import Dispatch
import Glibc
import HTTPServer

/// A thread's scheduling class and niceness.
struct Scheduling: Equatable {
    var policy: Int32
    var niceness: Int32

    /// That of the calling thread.
    static var own: Scheduling { of(0) }

    /// That of another one, by the kernel's number.
    static func of(_ thread: pid_t) -> Scheduling {
        Scheduling(
            policy: sched_getscheduler(thread),
            niceness: getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread)))
    }

    /// What each priority is on a system that grants it; the class is 5 for SCHED_IDLE, 0 for SCHED_OTHER (sched.h).
    static func expected(_ priority: ComputePriority) -> Scheduling {
        switch priority {
        case .idle: Scheduling(policy: 5, niceness: utility.niceness)
        case .low: Scheduling(policy: 0, niceness: 10)
        case .normal: utility
        }
    }

    /// That of the threads which Dispatch begins for its utility class.
    static let utility = {
        let found = Locked(own)
        let group = DispatchGroup()
        DispatchQueue(label: "utility", qos: .utility).async(group: group) { found.withLock { $0 = own } }
        group.wait()
        return found.withLock { $0 }
    }()

    /// The kernel's number of the calling thread.
    static var thread: pid_t {
        var path = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/thread-self", &path, path.count)
        let text = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.split(separator: "/").last.flatMap { pid_t($0) } ?? -1
    }
}
