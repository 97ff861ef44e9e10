import Dispatch
import Glibc

/// One piece of work for the pool: a deferred response, or the next piece of a streamed body.
///
/// Sendable although unchecked: what it holds is only touched under the pool's lock.
final class ComputeJob: @unchecked Sendable {
    fileprivate var work: (@Sendable () -> Void)?
    fileprivate var isOver = false
    /// What follows once ``work`` has returned.
    fileprivate var whenOver: (@Sendable () -> Void)?
    fileprivate init(_ work: @escaping @Sendable () -> Void) { self.work = work }
}

/// Runs jobs off the loops, at most so many at a time, in the order they came.
///
/// A stream submits one piece at a time and so goes to the back of the queue after each: a long one does not keep
/// others waiting. How much waits is bounded by the work budget, which the connections hold their requests against.
package final class ComputePool: Sendable {
    private struct State {
        var waiting: [ComputeJob] = []
        var first = 0
        var running = 0
    }

    private let threads: Int
    private let state = Locked(State())
    private let queue = DispatchQueue(label: "compute", attributes: .concurrent)

    /// A pool of that many threads.
    init(threads: Int) { self.threads = max(1, threads) }

    /// Queues work.
    func submit(_ work: @escaping @Sendable () -> Void) -> ComputeJob {
        let job = ComputeJob(work)
        let needsThread = state.withLock { state in
            state.waiting.append(job)
            guard state.running < threads else { return false }
            state.running += 1
            return true
        }
        if needsThread { queue.async { self.runUntilEmpty() } }
        return job
    }

    /// Forgets a job that has not begun, and frees at once what its work holds on to.
    ///
    /// - Parameter whenOver: called once the job will not run, or runs no more: at once, or by the thread that runs it.
    func discard(_ job: ComputeJob, whenOver: @escaping @Sendable () -> Void) {
        // Moved out of the lock before it is freed: freeing may run a deinitialiser of the handler's.
        let (work, isRunning) = state.withLock { _ in
            let isRunning = job.work == nil && !job.isOver
            if isRunning { job.whenOver = whenOver }
            defer { job.work = nil }
            return (job.work, isRunning)
        }
        _ = consume work
        if !isRunning { whenOver() }
    }

    /// Has the calling thread, one of Dispatch's, give way to the event loops from here on.
    ///
    /// On a machine whose every core computes, a loop then still runs as soon as something arrives for it: a small request
    /// does not wait for the end of a large one's time slice (sched(7); −20 is urgent, 19 patient).
    package static func giveWay() { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }

    private func runUntilEmpty() {
        Self.giveWay()
        while let (job, work) = next() {
            work()
            let whenOver = state.withLock { _ in
                job.isOver = true
                defer { job.whenOver = nil }
                return job.whenOver
            }
            whenOver?()
        }
    }

    /// The next job and its work; `nil` ends this thread's turn.
    private func next() -> (ComputeJob, @Sendable () -> Void)? {
        state.withLock { state in
            while state.first < state.waiting.count {
                let job = state.waiting[state.first]
                state.first += 1
                // Freed in batches: taking from the front of an array one by one is quadratic.
                if state.first == state.waiting.count {
                    state.waiting.removeAll(keepingCapacity: state.waiting.count <= 1024)
                    state.first = 0
                } else if state.first >= 1024, state.first * 2 >= state.waiting.count {
                    state.waiting.removeFirst(state.first)
                    state.first = 0
                }
                if let work = job.work {
                    job.work = nil
                    return (job, work)
                }
            }
            state.running -= 1
            return nil
        }
    }
}
