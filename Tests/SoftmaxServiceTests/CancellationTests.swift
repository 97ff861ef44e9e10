import HTTPServer
import Synchronization
import Testing

@testable import SoftmaxService

struct CancellationTests {
    @Test(arguments: [1, 2]) func `cancelled work is not begun`(threads: Int) {
        let ticket = HTTPWorkTicket()
        let workers = Workers(ComputePool(threads: threads), ticket)
        let begun = Atomic<Int>(0)
        #expect(throws: ReplyFailure.cancelled) {
            try workers.performUntilCancelled(1000) { _ in
                begun.add(1, ordering: .relaxed)
                ticket.cancel()
            }
        }
        // Each thread may have begun one index before it could see the cancellation.
        #expect((1...threads).contains(begun.load(ordering: .relaxed)))
        workers.perform(10) { _ in begun.add(1, ordering: .relaxed) }
        #expect(begun.load(ordering: .relaxed) >= 11)
        #expect(throws: ReplyFailure.cancelled) { try workers.checkCancellation() }
    }

    @Test(arguments: [1, 2]) func `each index is done once if the work is not cancelled`(threads: Int) throws {
        let workers = Workers(ComputePool(threads: threads), HTTPWorkTicket())
        let done = (0..<64).map { _ in Counted() }
        try workers.performUntilCancelled(64) { done[$0].count.add(1, ordering: .relaxed) }
        #expect(done.allSatisfy { $0.count.load(ordering: .relaxed) == 1 })
        try workers.checkCancellation()
    }

    private final class Counted: Sendable { let count = Atomic<Int>(0) }

    @Test(arguments: [1, 2]) func `of several failures that of the smallest index is thrown`(threads: Int) {
        let workers = Workers(ComputePool(threads: threads))
        #expect(throws: ReplyFailure.overflow(sample: 7)) {
            try workers.performUntilCancelled(64) { index throws(ReplyFailure) in
                if index % 10 == 7 { throw .overflow(sample: index) }
            }
        }
    }

    @Test(arguments: SoftmaxOperation.allCases) func `every operation checks for cancellation between its stages`(
        operation: SoftmaxOperation
    ) throws {
        let row = "[" + (0..<20_000).map(String.init).joined(separator: ",") + "]"
        let more = operation.vectorMember.map { ",\"\($0)\":\(row)" } ?? ""
        let form = operation == .jacobian ? ",\"form\":\"factored\"" : ""
        let text = Array("{\"logits\":\(row)\(more)\(form)}".utf8)
        let ticket = HTTPWorkTicket()
        let workers = Workers(ComputePool(threads: 2), ticket)
        var workspace = Workspace()
        _ = try workspace.read(text, operation: operation, limits: ServiceLimits(), workers)
        ticket.cancel()
        var calculation = workspace.double.take()
        #expect(throws: ReplyFailure.cancelled) { try calculation.compute(workers) }
        #expect(throws: HTTPProblem.self) {
            var workspace = Workspace()
            return try workspace.read(text, operation: operation, limits: ServiceLimits(), workers)
        }
    }
}
