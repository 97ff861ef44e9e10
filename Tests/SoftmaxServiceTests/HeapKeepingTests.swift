import HTTPServer
import Testing

@testable import SoftmaxService

@Suite struct HeapKeepingTests {
    /// The checks that are due after the quiet time, and how often memory was returned.
    private final class Schedule: Sendable {
        let checks = Locked<[@Sendable () -> Void]>([])
        let released = Locked(0)

        /// Lets the quiet time pass: runs every check that is due.
        func pass() {
            let due = checks.withLock { checks in
                defer { checks = [] }
                return checks
            }
            for check in due { check() }
        }
    }

    @Test func `memory is returned once each time that no large request has come for the quiet time`() {
        let schedule = Schedule()
        let heap = HeapKeeping(HTTPServerStatus()) { check in
            schedule.checks.withLock { $0.append(check) }
        } release: {
            schedule.released.withLock { $0 += 1 }
        }
        for round in 1...3 {
            for _ in 0..<10 { heap.noteLargeRequest() }
            // Another one comes in the first quiet time, none in the second.
            #expect(schedule.checks.withLock { $0.count } == 1)
            schedule.pass()
            #expect(schedule.released.withLock { $0 } == round - 1)
            heap.noteLargeRequest()
            #expect(schedule.checks.withLock { $0.count } == 1)
            schedule.pass()
            #expect(schedule.released.withLock { $0 } == round - 1)
            schedule.pass()
            #expect(schedule.released.withLock { $0 } == round)
            #expect(schedule.checks.withLock { $0.isEmpty })
        }
    }
}
