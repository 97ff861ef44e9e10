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

    @Test("the threads' priority is their own: those that Dispatch lends to others keep theirs")
    func priorities() {
        let pool = ComputePool(threads: 4)
        let own = nice(0)
        let inPool = Locked<[Int32]>([])
        let jobs = DispatchGroup()
        for _ in 0..<100 {
            jobs.enter()
            _ = pool.submit {
                inPool.withLock { $0.append(Self.niceness) }
                pool.perform(8) { _ in inPool.withLock { $0.append(Self.niceness) } }
                jobs.leave()
            }
        }
        jobs.wait()
        #expect(inPool.withLock { $0.allSatisfy { $0 == 10 } && $0.count == 900 })
        // More at once than there are processors, of the class that the event loops, the log and the signals have:
        // Dispatch itself sets the priority of threads of another class.
        let elsewhere = Locked<[Int32]>([])
        let others = DispatchGroup()
        let queues =
            [DispatchQueue.global(), DispatchQueue(label: "others", attributes: .concurrent)]
            + (0..<16).map { DispatchQueue(label: "other-\($0)") }
        for queue in queues {
            for _ in 0..<8 {
                queue.async(group: others) {
                    elsewhere.withLock { $0.append(Self.niceness) }
                    sched_yield()
                }
            }
        }
        others.wait()
        #expect(elsewhere.withLock { $0 } == [Int32](repeating: own, count: queues.count * 8))
        withExtendedLifetime(pool) {}
    }

    /// The calling thread's.
    private static var niceness: Int32 { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) }

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
        pool.discard(job) { told.add(1, ordering: .relaxed) }
        #expect(token == nil && told.load(ordering: .relaxed) == 1)
        let over = DispatchSemaphore(value: 0)
        pool.discard(running) { over.signal() }
        gate.signal()
        over.wait()
        let last = DispatchSemaphore(value: 0)
        _ = pool.submit { last.signal() }
        last.wait()
        let ran = hasRun.load(ordering: .relaxed)
        #expect(!ran)
    }

    private final class Held: Sendable {}

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
