import HTTPServer
import Testing

@testable import SoftmaxService

@Suite struct HeapKeepingTests {
    /// Looks that are to be had once a quiet time is over, and how often memory was given back.
    private final class Schedule: Sendable {
        let looks = Locked<[@Sendable () -> Void]>([])
        let released = Locked(0)

        /// The quiet time of every look passes.
        func pass() {
            let due = looks.withLock { looks in
                defer { looks = [] }
                return looks
            }
            for look in due { look() }
        }
    }

    @Test func `memory is given back once, after a quiet time without large requests, each time that they stop`() {
        let schedule = Schedule()
        let heap = HeapKeeping(HTTPServerStatus()) { look in
            schedule.looks.withLock { $0.append(look) }
        } release: {
            schedule.released.withLock { $0 += 1 }
        }
        for round in 1...3 {
            for _ in 0..<10 { heap.noteLargeRequest() }
            // More of them come in the first quiet time, none in the second.
            #expect(schedule.looks.withLock { $0.count } == 1)
            schedule.pass()
            #expect(schedule.released.withLock { $0 } == round - 1)
            heap.noteLargeRequest()
            #expect(schedule.looks.withLock { $0.count } == 1)
            schedule.pass()
            #expect(schedule.released.withLock { $0 } == round - 1)
            schedule.pass()
            #expect(schedule.released.withLock { $0 } == round)
            #expect(schedule.looks.withLock { $0.isEmpty })
        }
    }
}
