import Dispatch
import Synchronization

/// One piece of work for the pool: a deferred response, or the next piece of a streamed body.
///
/// Sendable although unchecked: what it holds belongs to whoever has set ``stage``: ``work`` to the thread that has the job
/// run or drops it, ``whenOver`` to the loop that gives it up and then to the thread that ran it.
final class ComputeJob: WorkJob, @unchecked Sendable {
    private enum Stage: UInt8, AtomicRepresentable {
        case waiting, running, over
        /// Will not run.
        case discarded
        /// Runs, but somebody waits only for its end.
        case abandoned
    }

    private let stage = Atomic(Stage.waiting)
    private var work: (@Sendable () -> Void)?
    /// What follows once an abandoned job has returned.
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

/// Computes off the event loops, on threads of its own: at most so many at a time, all jobs together.
///
/// Jobs run in the order they came, one a thread. A job may share its work out with ``perform(_:_:)``; threads that have
/// no job of their own then take a part, and leave it between two pieces as soon as a job waits. A stream submits one
/// piece at a time and so goes to the back of the queue after each: a long one does not keep others waiting. How much
/// waits is bounded by the work budget, which the connections hold their requests against.
///
/// A thread is one long block on a dispatch queue of its own, begun with the first job and ended with the pool. So its
/// ``ComputePriority`` is its own: Dispatch's shared workers, which run the log, the signals and whatever else the process
/// gives them, keep theirs. A job must not give Dispatch anything to do: a worker that is begun for it would be
/// scheduled like the thread that asked (sched(7)).
package final class ComputePool: Sendable {
    private let crew: Crew

    /// A pool of that many threads, 1 at least.
    package init(threads: Int, priority: ComputePriority = .normal) {
        crew = Crew(threads: max(1, threads), priority: priority)
    }

    /// How many compute at the same time, at most.
    package var threads: Int { crew.threads }

    deinit { crew.shutDown() }

    /// Queues work.
    func submit(_ work: @escaping @Sendable () -> Void) -> ComputeJob {
        let job = ComputeJob(work)
        crew.add(job)
        return job
    }

    /// Calls `body` once for each index below `count`; returns when all are done.
    ///
    /// The caller, which counts as one of the threads, takes its share. Indices are handed out one by one, so uneven
    /// pieces balance themselves. Called outside of a job, by a thread that is none of the pool's, it leaves one of the
    /// pool's out, so that no more than the pool's number compute for it.
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
/// Sendable although unchecked: `body` is set before any other thread sees the object and taken away when none does any
/// more; the counts of helpers are only touched under the crew's lock.
private final class SharedWork: @unchecked Sendable {
    private let count: Int
    private let next = Atomic<Int>(0)
    private var body: (@Sendable (Int) -> Void)?
    /// Threads that may still join.
    var places: Int
    /// Threads that have joined and not left.
    var helpers = 0
    /// Nobody may join any more, and the caller waits for the helpers.
    var isEnding = false
    let helpersLeft = DispatchSemaphore(value: 0)

    init(count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = body
        places = count - 1
    }

    /// Whether an index is left.
    var isOpen: Bool { next.load(ordering: .relaxed) < count }

    /// Does what is left, index by index, as long as `goesOn`.
    ///
    /// A function of its own that is not inlined: the reference to the body that it holds must be gone when the caller
    /// of ``ComputePool/perform(_:_:)``, who owns what the body captures, is told that this thread is done.
    @inline(never) func run(while goesOn: () -> Bool) {
        guard let body else { return }
        while goesOn() {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            body(index)
        }
    }

    /// Lets go of the body, which outlives the call that lent it no longer.
    @inline(never) func end() { body = nil }
}

/// The pool's threads and what they have to do.
private final class Crew: Sendable {
    private struct State {
        /// Jobs taken out of the inbox, oldest last.
        var waiting: [ComputeJob] = []
        /// Work that its caller has shared out, oldest first.
        var shared: [SharedWork] = []
    }

    let threads: Int
    private let priority: ComputePriority
    /// What the event loops add: they take no lock that a compute thread may hold.
    private let added = Inbox<ComputeJob>()
    /// Jobs that no thread has taken yet, for a look without the lock.
    private let waitingCount = Atomic<Int>(0)
    private let state = Locked(State())
    /// One signal for each job, each place beside somebody who shares work out, and in the end each thread.
    private let tasks = DispatchSemaphore(value: 0)
    /// The threads are there; they end only with the pool.
    private let areBegun = Atomic<Bool>(false)
    private let isShutDown = Atomic<Bool>(false)

    /// Their queues are of another class than the default one: Dispatch has at most 255 threads for a class, and those of
    /// the default one are for the event loops, the log and the signals.
    private static let quality = DispatchQoS.utility

    init(threads: Int, priority: ComputePriority) {
        self.threads = threads
        self.priority = priority
    }

    // MARK: What is asked of them

    func add(_ job: ComputeJob) {
        _ = added.add(job)
        waitingCount.add(1, ordering: .relaxed)
        callUpon(1)
    }

    /// Does that work, with those threads that have nothing else to do.
    func share(_ work: SharedWork) {
        let places = min(work.places, threads - 1)
        work.places = places
        state.withLock { $0.shared.append(work) }
        callUpon(places)
        work.run { true }
        let mustWait = state.withLock { state in
            state.shared.removeAll { $0 === work }
            work.isEnding = true
            return work.helpers > 0
        }
        if mustWait { work.helpersLeft.wait() }
        work.end()
    }

    /// Ends the threads once nothing is left to do.
    func shutDown() {
        isShutDown.store(true, ordering: .releasing)
        for _ in 0..<threads { tasks.signal() }
    }

    /// Has so many threads look for something to do.
    private func callUpon(_ count: Int) {
        for _ in 0..<count { tasks.signal() }
        guard !areBegun.load(ordering: .relaxed), !areBegun.exchange(true, ordering: .relaxed) else { return }
        // All at once, by whoever comes first: a worker that Dispatch began for a compute thread would be scheduled like it,
        // and could be lent to anybody.
        for _ in 0..<threads { DispatchQueue(label: "compute", qos: Self.quality).async { self.serve() } }
    }

    // MARK: The threads

    /// What a thread does next.
    private enum Task {
        case job(ComputeJob)
        case help(SharedWork)
    }

    /// A thread's life.
    private func serve() {
        let former = ThreadScheduling.current
        ThreadScheduling.lower(to: priority)
        // For whoever Dispatch lends the thread to next. Where that is refused, these can only be queues of the same class
        // as the pool's, and Dispatch ends a thread that was idle for 5 s.
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
        // A thread that left for a job may come back, or another in its place.
        if isOpen { tasks.signal() }
    }
}
