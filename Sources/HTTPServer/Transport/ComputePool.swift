import Dispatch
import Synchronization

/// A job of the compute pool: a deferred response, or the next piece of a streamed body.
///
/// Sendable although unchecked: ``stage`` decides which thread may use what. ``work`` is the thread's that moved the stage
/// from waiting; ``whenOver`` is the event loop's until it moves the stage to abandoned, then the compute thread's.
final class ComputeJob: WorkJob, @unchecked Sendable {
    private enum Stage: UInt8, AtomicRepresentable {
        case waiting, running, over
        /// Cancelled before it ran.
        case discarded
        /// Cancelled while it runs: only ``whenOver`` is left to call.
        case abandoned
    }

    private let stage = Atomic(Stage.waiting)
    private var work: (@Sendable () -> Void)?
    /// Called once an abandoned job has returned.
    private var whenOver: (@Sendable () -> Void)?

    fileprivate init(_ work: @escaping @Sendable () -> Void) { self.work = work }

    /// Runs it, unless it was discarded.
    fileprivate func run() {
        guard move(from: .waiting, to: .running) else { return }
        work.take()?()
        if stage.exchange(.over, ordering: .acquiringAndReleasing) == .abandoned { whenOver.take()?() }
    }

    /// As ``WorkJob`` has it; once.
    func discard(whenOver: @escaping @Sendable () -> Void) {
        if move(from: .waiting, to: .discarded) {
            work = nil
        } else {
            self.whenOver = whenOver
            if move(from: .running, to: .abandoned) { return }
            self.whenOver = nil
        }
        whenOver()
    }

    private func move(from old: Stage, to new: Stage) -> Bool {
        stage.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing).exchanged
    }
}

/// A fixed number of compute threads, off the event loops.
///
/// Jobs run first in, first out, one per thread. A job may divide its work with ``perform(_:_:)``: threads without a job
/// then help, piece by piece, and stop helping as soon as a job waits. A stream submits one piece at a time and so rejoins
/// the queue after each: a long one does not starve others. The work budget bounds the queue.
///
/// A thread is one long block on a dispatch queue of its own, from the first job to the pool's end. So ``ComputePriority``
/// applies to that thread alone: Dispatch's shared workers, which run the log and the signals, keep their scheduling. A job
/// must not submit work to Dispatch: a worker thread created for that would inherit the job's scheduling (sched(7)).
package final class ComputePool: Sendable {
    private let crew: Crew

    /// A pool of so many threads, 1 at least.
    package init(threads: Int, priority: ComputePriority = .normal) {
        crew = Crew(threads: max(1, threads), priority: priority)
    }

    /// The number of threads.
    package var threads: Int { crew.threads }

    deinit { crew.shutDown() }

    /// Queues a job.
    func submit(_ work: @escaping @Sendable () -> Void) -> ComputeJob {
        let job = ComputeJob(work)
        crew.add(job)
        return job
    }

    /// Calls `body` once for each index below `count`, on the calling thread and idle threads of the pool; returns when all
    /// calls have returned.
    ///
    /// Indices are claimed one by one, which balances uneven pieces. At most ``threads`` threads take part, the caller
    /// included.
    package func perform(_ count: Int, _ body: @Sendable (Int) -> Void) {
        guard count > 1, crew.threads > 1 else {
            for index in 0..<count { body(index) }
            return
        }
        withoutActuallyEscaping(body) { body in crew.share(SharedWork(count: count, body)) }
    }
}

/// Work that several threads do together, index by index.
///
/// Sendable although unchecked: `body` is set before other threads get the object and cleared after the last helper has
/// left; the counts of helpers are accessed under the crew's lock only.
private final class SharedWork: @unchecked Sendable {
    private let count: Int
    private let next = Atomic<Int>(0)
    private var body: (@Sendable (Int) -> Void)?
    /// How many more threads may help.
    var places: Int
    /// How many threads are helping.
    var helpers = 0
    /// The caller waits for the helpers to leave, and no thread may join.
    var isEnding = false
    let helpersLeft = DispatchSemaphore(value: 0)

    init(count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = body
        places = count - 1
    }

    /// Whether an index is unclaimed.
    var isOpen: Bool { next.load(ordering: .relaxed) < count }

    /// Claims and does indices until none is left or `goesOn` is false.
    ///
    /// Never inlined: its reference to `body` must be released before this thread reports that it has left, since the
    /// caller of ``ComputePool/perform(_:_:)`` owns what `body` captures.
    @inline(never) func run(while goesOn: () -> Bool) {
        guard let body else { return }
        while goesOn() {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            body(index)
        }
    }

    /// Releases `body`, which must not outlive the call of ``ComputePool/perform(_:_:)``.
    @inline(never) func end() { body = nil }
}

/// The pool's threads and their queue.
private final class Crew: Sendable {
    private struct State {
        /// Jobs moved out of the inbox, oldest last.
        var waiting: [ComputeJob] = []
        /// Work of ``ComputePool/perform(_:_:)`` calls in progress, oldest first.
        var shared: [SharedWork] = []
    }

    let threads: Int
    private let priority: ComputePriority
    /// Jobs from the event loops, which so need no lock that a compute thread may hold.
    private let added = Inbox<ComputeJob>()
    /// How many jobs wait, readable without the lock.
    private let waitingCount = Atomic<Int>(0)
    private let state = Locked(State())
    /// Signalled once for each job, for each place for a helper, and at shutdown for each thread.
    private let tasks = DispatchSemaphore(value: 0)
    /// Whether the threads have been created; they end only with the pool.
    private let areBegun = Atomic<Bool>(false)
    private let isShutDown = Atomic<Bool>(false)

    /// Not the default class: Dispatch creates at most 255 threads for each, and those of the default class are for the
    /// event loops, the log and the signals.
    private static let quality = DispatchQoS.utility

    init(threads: Int, priority: ComputePriority) {
        self.threads = threads
        self.priority = priority
    }

    // MARK: Requests to the threads

    func add(_ job: ComputeJob) {
        _ = added.add(job)
        waitingCount.add(1, ordering: .relaxed)
        wake(1)
    }

    /// Does that work, with the help of idle threads.
    func share(_ work: SharedWork) {
        let places = min(work.places, threads - 1)
        work.places = places
        state.withLock { $0.shared.append(work) }
        wake(places)
        work.run { true }
        let mustWait = state.withLock { state in
            state.shared.removeAll { $0 === work }
            work.isEnding = true
            return work.helpers > 0
        }
        if mustWait { work.helpersLeft.wait() }
        work.end()
    }

    /// Ends the threads once the queue is empty.
    func shutDown() {
        isShutDown.store(true, ordering: .releasing)
        for _ in 0..<threads { tasks.signal() }
    }

    /// Wakes so many threads, which are created on the first call.
    private func wake(_ count: Int) {
        for _ in 0..<count { tasks.signal() }
        guard !areBegun.load(ordering: .relaxed), !areBegun.exchange(true, ordering: .relaxed) else { return }
        // All at once, on a thread with normal scheduling: one that a compute thread created would inherit its scheduling and
        // could later serve any other queue.
        for _ in 0..<threads { DispatchQueue(label: "compute", qos: Self.quality).async { self.serve() } }
    }

    // MARK: The threads

    /// A thread's next task.
    private enum Task {
        case job(ComputeJob)
        case help(SharedWork)
    }

    /// Runs tasks until the pool is shut down.
    private func serve() {
        let former = ThreadScheduling.current
        ThreadScheduling.lower(to: priority)
        // For the queue that Dispatch gives the thread to next. Where the system refuses that, it can only be a queue of the
        // same class as the pool's, and Dispatch ends a thread that was idle for 5 s.
        defer { former.apply() }
        while true {
            tasks.wait()
            switch nextTask() {
            case .job(let job): job.run()
            case .help(let work):
                work.run { waitingCount.load(ordering: .relaxed) <= 0 }
                leave(work)
            case nil: if isShutDown.load(ordering: .acquiring) { return }
            }
        }
    }

    private func nextTask() -> Task? {
        state.withLock { state in
            if state.waiting.isEmpty {
                added.takeAll(into: &state.waiting)
                state.waiting.reverse()
            }
            if let job = state.waiting.popLast() {
                waitingCount.subtract(1, ordering: .relaxed)
                return .job(job)
            }
            guard let work = state.shared.first(where: { $0.places > 0 && $0.isOpen }) else { return nil }
            work.places -= 1
            work.helpers += 1
            return .help(work)
        }
    }

    private func leave(_ work: SharedWork) {
        let (isLast, isOpen) = state.withLock { _ in
            work.helpers -= 1
            work.places += 1
            return (work.isEnding && work.helpers == 0, !work.isEnding && work.isOpen)
        }
        if isLast { work.helpersLeft.signal() }
        // A place is free again, for this thread or another.
        if isOpen { tasks.signal() }
    }
}
