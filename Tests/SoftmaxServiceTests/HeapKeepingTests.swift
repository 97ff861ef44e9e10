import Dispatch
import HTTPServer
import Synchronization
import Testing

@testable import SoftmaxService

@Suite struct HeapKeepingTests {
    @Test func `memory is given back once after each time that large requests stop`() {
        let released = DispatchSemaphore(value: 0)
        let times = Atomic<Int>(0)
        let heap = HeapKeeping(HTTPServerStatus(), quiet: .milliseconds(5)) {
            times.add(1, ordering: .relaxed)
            released.signal()
        }
        for round in 1...3 {
            for _ in 0..<10 { heap.noteLargeRequest() }
            #expect(released.wait(timeout: .now() + 20) == .success)
            #expect(times.load(ordering: .relaxed) == round)
        }
        #expect(released.wait(timeout: .now() + 0.1) == .timedOut)
    }
}
