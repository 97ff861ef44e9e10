import Dispatch
import Synchronization

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

/// Computes off the event loops, on threads of its own: at most so many at a time, all jobs together.
///
/// Jobs run in the order they came, one a thread. A job may share its work out with ``perform(_:_:)``; threads that have
/// no job of their own then take a part, and leave it between two pieces as soon as a job waits. A stream submits one
/// piece at a time and so goes to the back of the queue after each: a long one does not keep others waiting. How much
/// waits is bounded by the work budget, which the connections hold their requests against.
///
/// A thread is one long block on a dispatch queue of its own, begun when first needed and ended with the pool. So its
/// priority is its own: Dispatch's shared workers, which run the log, the signals and whatever else the process gives
/// them, keep theirs.
package final class ComputePool: Sendable {
    private let crew: Crew

    /// A pool of that many threads, 1 at least.
    package init(threads: Int) { crew = Crew(threads: max(1, threads)) }

    /// How many compute at the same time, at most.
    package var threads: Int { crew.threads }

    deinit { crew.dismiss() }

    /// Queues work.
    func submit(_ work: @escaping @Sendable () -> Void) -> ComputeJob {
        let job = ComputeJob(work)
        crew.add(job)
        return job
    }

    /// Forgets a job that has not begun, and frees at once what its work holds on to.
    ///
    /// - Parameter whenOver: called once the job will not run, or runs no more: at once, or by the thread that runs it.
    func discard(_ job: ComputeJob, whenOver: @escaping @Sendable () -> Void) {
        crew.discard(job, whenOver: whenOver)
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
        var waiting: [ComputeJob] = []
        var first = 0
        /// Work that its caller has shared out, oldest first.
        var shared: [SharedWork] = []
        /// Threads begun; they end only with the pool.
        var begun = 0
        /// Threads that wait to be woken.
        var idle = 0
        var isDismissed = false
    }

    let threads: Int
    private let state = Locked(State())
    /// One signal for each thread taken out of `idle`.
    private let wakeUps = DispatchSemaphore(value: 0)
    /// Whether a job waits, for a look without the lock.
    private let hasWaiting = Atomic<Bool>(false)

    /// Their queues are of another class than the default one: Dispatch has at most 255 threads for a class, and those of
    /// the default one are for the event loops, the log and the signals.
    private static let quality = DispatchQoS.utility

    init(threads: Int) { self.threads = threads }

    // MARK: What is asked of them

    func add(_ job: ComputeJob) {
        callUpon { state in
            state.waiting.append(job)
            hasWaiting.store(true, ordering: .relaxed)
            return 1
        }
    }

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

    /// Does that work, with those threads that have nothing else to do.
    func share(_ work: SharedWork) {
        work.places = min(work.places, threads - 1)
        callUpon { state in
            state.shared.append(work)
            return work.places
        }
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
    func dismiss() {
        let idle = state.withLock { state in
            state.isDismissed = true
            defer { state.idle = 0 }
            return state.idle
        }
        for _ in 0..<idle { wakeUps.signal() }
    }

    /// Adds something to do, for so many threads at most as `add` returns: idle ones are woken, missing ones begun.
    private func callUpon(_ add: (inout State) -> Int) {
        let (woken, begun) = state.withLock { state in
            let wanted = add(&state)
            let woken = min(wanted, state.idle)
            state.idle -= woken
            let begun = min(wanted - woken, threads - state.begun)
            state.begun += begun
            return (woken, begun)
        }
        for _ in 0..<woken { wakeUps.signal() }
        for _ in 0..<begun {
            DispatchQueue(label: "compute", qos: Self.quality).async { self.serve() }
        }
    }

    // MARK: The threads

    /// What a thread does next.
    private enum Task {
        case job(ComputeJob, @Sendable () -> Void)
        case help(SharedWork)
        case wait
        case end
    }

    /// A thread's life.
    private func serve() {
        let former = Self.giveWay()
        // For whoever has the thread next; without privileges only the end of the process takes it back.
        defer { ThreadScheduling.niceness = former }
        while true {
            switch nextTask() {
            case .job(let job, let work):
                work()
                finish(job)
            case .help(let work):
                work.run { !hasWaiting.load(ordering: .relaxed) }
                leave(work)
            case .wait:
                wakeUps.wait()
            case .end:
                return
            }
        }
    }

    private func nextTask() -> Task {
        state.withLock { state in
            if let (job, work) = Self.takeJob(&state, hasWaiting) { return .job(job, work) }
            if let work = state.shared.first(where: { $0.places > 0 && $0.isOpen }) {
                work.places -= 1
                work.helpers += 1
                return .help(work)
            }
            if state.isDismissed { return .end }
            state.idle += 1
            return .wait
        }
    }

    private func finish(_ job: ComputeJob) {
        let whenOver = state.withLock { _ in
            job.isOver = true
            defer { job.whenOver = nil }
            return job.whenOver
        }
        whenOver?()
    }

    private func leave(_ work: SharedWork) {
        let isLast = state.withLock { _ in
            work.helpers -= 1
            // A thread that left for a job may come back, or another in its place.
            work.places += 1
            return work.isEnding && work.helpers == 0
        }
        if isLast { work.helpersLeft.signal() }
    }

    private static func takeJob(
        _ state: inout State, _ hasWaiting: borrowing Atomic<Bool>
    ) -> (ComputeJob, @Sendable () -> Void)? {
        while state.first < state.waiting.count {
            let job = state.waiting[state.first]
            state.first += 1
            // Freed in batches: taking from the front of an array one by one is quadratic.
            if state.first == state.waiting.count {
                state.waiting.removeAll(keepingCapacity: state.waiting.count <= 1024)
                state.first = 0
                hasWaiting.store(false, ordering: .relaxed)
            } else if state.first >= 1024, state.first * 2 >= state.waiting.count {
                state.waiting.removeFirst(state.first)
                state.first = 0
            }
            if let work = job.work {
                job.work = nil
                return (job, work)
            }
        }
        return nil
    }

    /// Has the calling thread give way to the event loops from here on; returns how it was before.
    ///
    /// On a machine whose every core computes, a loop then still runs as soon as something arrives for it: a small request
    /// does not wait for the end of a large one's time slice.
    private static func giveWay() -> Int32 {
        let former = ThreadScheduling.niceness
        ThreadScheduling.niceness = 10
        return former
    }
}
