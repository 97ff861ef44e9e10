import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTPServer

@Suite("Compute pool") struct ComputePoolTests {
    /// Threads that are in the pool's work at the same time, and the most there ever were.
    private final class Presence: Sendable {
        private let state = Locked<(depth: [pthread_t: Int], most: Int)>(([:], 0))

        func during(_ work: () -> Void) {
            let thread = pthread_self()
            state.withLock { state in
                // A job that takes a part of what it shared out is still one thread.
                state.depth[thread, default: 0] += 1
                state.most = max(state.most, state.depth.count)
            }
            work()
            state.withLock { state in
                let depth = (state.depth[thread] ?? 0) - 1
                state.depth[thread] = depth > 0 ? depth : nil
            }
        }

        var most: Int { state.withLock { $0.most } }
    }

    @Test("however many jobs share their work out, no more than the pool's threads compute", arguments: [1, 2, 3, 8])
    func bounded(threads: Int) {
        let pool = ComputePool(threads: threads)
        let presence = Presence()
        let done = Atomic<Int>(0)
        let jobs = DispatchGroup()
        for _ in 0..<4 * threads {
            jobs.enter()
            _ = pool.submit {
                presence.during {
                    pool.perform(50) { _ in
                        presence.during {
                            done.add(1, ordering: .relaxed)
                            // Lets others run: without a thread of their own they would pile up here.
                            sched_yield()
                        }
                    }
                }
                jobs.leave()
            }
        }
        jobs.wait()
        #expect(done.load(ordering: .relaxed) == 4 * threads * 50)
        #expect(presence.most <= threads)
    }

    @Test("all threads of the pool take part in one job's work", .timeLimit(.minutes(1)), arguments: [2, 5])
    func shared(threads: Int) {
        let pool = ComputePool(threads: threads)
        let presence = Presence()
        let done = DispatchSemaphore(value: 0)
        let arrived = Atomic<Int>(0)
        _ = pool.submit {
            pool.perform(threads) { _ in
                presence.during {
                    // None leaves before all have come.
                    arrived.add(1, ordering: .relaxed)
                    while arrived.load(ordering: .relaxed) < threads { sched_yield() }
                }
            }
            done.signal()
        }
        done.wait()
        #expect(presence.most == threads)
    }

    @Test("each index is done once, whoever asks and however often", arguments: [1, 2, 4])
    func eachIndexOnce(threads: Int) {
        let pool = ComputePool(threads: threads)
        for count in [0, 1, 2, 3, 100, 1000] {
            let done = (0..<count).map { _ in Counted() }
            for _ in 0..<20 { pool.perform(count) { done[$0].count.add(1, ordering: .relaxed) } }
            #expect(done.allSatisfy { $0.count.load(ordering: .relaxed) == 20 })
        }
    }

    private final class Counted: Sendable { let count = Atomic<Int>(0) }

    @Test("a thread that helps leaves for a job that waits", .timeLimit(.minutes(1)))
    func jobsFirst() {
        let pool = ComputePool(threads: 2)
        let isSubmitted = Atomic<Bool>(false)
        let hasRun = Atomic<Bool>(false)
        let helped = Atomic<Int>(0)
        let over = DispatchSemaphore(value: 0)
        _ = pool.submit {
            let own = pthread_self()
            pool.perform(1000) { _ in
                if pthread_self() == own {
                    // Until the other job, which only the helper can take, has run.
                    while !hasRun.load(ordering: .relaxed) { sched_yield() }
                } else if !hasRun.load(ordering: .relaxed) {
                    helped.add(1, ordering: .relaxed)
                    while !isSubmitted.load(ordering: .relaxed) { sched_yield() }
                }
            }
            over.signal()
        }
        while helped.load(ordering: .relaxed) == 0 { sched_yield() }
        _ = pool.submit { hasRun.store(true, ordering: .relaxed) }
        isSubmitted.store(true, ordering: .relaxed)
        over.wait()
        #expect(helped.load(ordering: .relaxed) == 1)
    }

    @Test(
        "the threads' priority is their own: those that Dispatch lends to others keep theirs",
        arguments: ComputePriority.allCases)
    func priorities(priority: ComputePriority) {
        let pool = ComputePool(threads: 4, priority: priority)
        let own = Scheduling.own
        let expected = Scheduling.expected(priority)
        let inPool = Locked<[Scheduling]>([])
        let jobs = DispatchGroup()
        for _ in 0..<100 {
            jobs.enter()
            _ = pool.submit {
                inPool.withLock { $0.append(.own) }
                pool.perform(8) { _ in inPool.withLock { $0.append(.own) } }
                jobs.leave()
            }
        }
        jobs.wait()
        #expect(inPool.withLock { $0.allSatisfy { $0 == expected } && $0.count == 900 })
        // More at once than there are processors, of the class that the event loops, the log and the signals have:
        // Dispatch itself sets the priority of threads of another class.
        let elsewhere = Locked<[Scheduling]>([])
        let others = DispatchGroup()
        let queues =
            [DispatchQueue.global(), DispatchQueue(label: "others", attributes: .concurrent)]
            + (0..<16).map { DispatchQueue(label: "other-\($0)") }
        for queue in queues {
            for _ in 0..<8 {
                queue.async(group: others) {
                    elsewhere.withLock { $0.append(.own) }
                    sched_yield()
                }
            }
        }
        others.wait()
        #expect(elsewhere.withLock { $0 } == [Scheduling](repeating: own, count: queues.count * 8))
        withExtendedLifetime(pool) {}
    }

    @Test(
        "threads are scheduled as before once the pool has ended",
        .enabled(if: geteuid() == 0, "needs the right to leave SCHED_IDLE"), .timeLimit(.minutes(1)),
        arguments: ComputePriority.allCases)
    func restored(priority: ComputePriority) {
        let expected = Scheduling.expected(priority)
        let threads = Locked<Set<pid_t>>([])
        var pool: ComputePool? = ComputePool(threads: 3, priority: priority)
        let done = DispatchSemaphore(value: 0)
        let arrived = Atomic<Int>(0)
        _ = pool?.submit { [weak pool] in
            pool?.perform(3) { _ in
                threads.withLock { _ = $0.insert(Scheduling.thread) }
                arrived.add(1, ordering: .relaxed)
                while arrived.load(ordering: .relaxed) < 3 { sched_yield() }
            }
            done.signal()
        }
        done.wait()
        let all = threads.withLock { $0 }
        #expect(all.count == 3)
        #expect(all.map(Scheduling.of) == [Scheduling](repeating: expected, count: 3))
        pool = nil
        // As before, or gone: then nobody has that number, or another of Dispatch's threads.
        for thread in all {
            while Scheduling.of(thread) != Scheduling.utility, sched_getscheduler(thread) >= 0 { sched_yield() }
        }
    }

    @Test("what a discarded job holds is freed at once, and it never runs")
    func discarded() {
        let pool = ComputePool(threads: 1)
        let gate = DispatchSemaphore(value: 0)
        let begun = DispatchSemaphore(value: 0)
        let running = pool.submit {
            begun.signal()
            gate.wait()
        }
        begun.wait()
        let hasRun = Atomic<Bool>(false)
        let held = Locked<Held?>(Held())
        weak let token = held.withLock { $0 }
        let job = pool.submit { [held = held.withLock { $0.take() }] in
            hasRun.store(true, ordering: .relaxed)
            withExtendedLifetime(held) {}
        }
        #expect(token != nil)
        let told = Atomic<Int>(0)
        job.discard { told.add(1, ordering: .relaxed) }
        #expect(token == nil && told.load(ordering: .relaxed) == 1)
        let over = DispatchSemaphore(value: 0)
        running.discard { over.signal() }
        gate.signal()
        over.wait()
        let last = DispatchSemaphore(value: 0)
        _ = pool.submit { last.signal() }
        last.wait()
        let ran = hasRun.load(ordering: .relaxed)
        #expect(!ran)
    }

    private final class Held: Sendable {}

    /// What became of one job.
    private final class Fate: Sendable {
        let runs = Atomic<Int>(0)
        let isRunning = Atomic<Bool>(false)
        let told = Atomic<Int>(0)
        let wasEarly = Atomic<Bool>(false)
    }

    @Test("of jobs discarded at any moment each is told of once, and not while it runs", arguments: [1, 3])
    func discardedAtAnyMoment(threads: Int) {
        let pool = ComputePool(threads: threads)
        let ran = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 2) { _ in
            let over = DispatchGroup()
            for round in 0..<2_000 {
                let fate = Fate()
                over.enter()
                let job = pool.submit {
                    fate.isRunning.store(true, ordering: .sequentiallyConsistent)
                    fate.runs.add(1, ordering: .relaxed)
                    ran.add(1, ordering: .relaxed)
                    for _ in 0..<round % 20 { sched_yield() }
                    fate.isRunning.store(false, ordering: .sequentiallyConsistent)
                }
                for _ in 0..<round % 7 { sched_yield() }
                job.discard {
                    if fate.isRunning.load(ordering: .sequentiallyConsistent) {
                        fate.wasEarly.store(true, ordering: .relaxed)
                    }
                    fate.told.add(1, ordering: .relaxed)
                    over.leave()
                }
                over.wait()
                let (told, runs) = (fate.told.load(ordering: .relaxed), fate.runs.load(ordering: .relaxed))
                let wasEarly = fate.wasEarly.load(ordering: .relaxed)
                guard told == 1, runs <= 1, !wasEarly else {
                    Issue.record("told \(told) times, ran \(runs) times")
                    return
                }
            }
        }
        #expect(ran.load(ordering: .relaxed) > 0)
    }

    @Test("a pool that is let go finishes what was submitted and ends its threads")
    func dismissed() {
        let done = DispatchGroup()
        var pool: ComputePool? = ComputePool(threads: 2)
        let threads = Locked<Set<pthread_t>>([])
        for _ in 0..<20 {
            done.enter()
            _ = pool?.submit {
                threads.withLock { _ = $0.insert(pthread_self()) }
                done.leave()
            }
        }
        pool = nil
        done.wait()
        #expect((1...2).contains(threads.withLock { $0.count }))
    }
}
