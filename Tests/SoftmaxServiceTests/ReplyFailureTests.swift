import HTTPServer
import TensorJSON
import Testing

@testable import SoftmaxService

/// A result that is NaN or +∞, which the checks of a request should make impossible.
@Suite struct ReplyFailureTests {
    /// A computed VJP of `count` numbers, one of them wrong.
    private func calculation<Scalar: ServiceScalar>(
        _ count: Int, wrong index: Int, _ value: Scalar
    ) throws -> Calculation<Scalar> {
        var calculation = Calculation<Scalar>()
        calculation.options = RequestOptions(operation: .vjp)
        calculation.logits = Tensor(
            values: [Scalar](repeating: 1, count: count), layout: TensorLayout(shape: [count]))
        calculation.vector = calculation.logits
        try calculation.arrange()
        try calculation.finish(ServiceLimits())
        calculation.results = [Scalar](repeating: 0.25, count: count)
        calculation.results[index] = value
        return calculation
    }

    @Test(arguments: [(1, 0), (3, 2), (9000, 8999), (32768, 0)], [1, 2])
    func `in a buffered reply it is answered with an internal error`(
        _ place: (Int, Int), threads: Int
    ) throws {
        let workers = Workers(ComputePool(threads: threads))
        for value in [Double.nan, .infinity] {
            #expect(throws: ReplyFailure.unwritable) { try calculation(place.0, wrong: place.1, value).text() }
            #expect(throws: ReplyFailure.unwritable) {
                try LargeReply(calculation(place.0, wrong: place.1, value), workers).body()
            }
        }
        #expect(throws: ReplyFailure.unwritable) { try calculation(place.0, wrong: place.1, Float.nan).text() }
        #expect(throws: ReplyFailure.unwritable) {
            try LargeReply(calculation(place.0, wrong: place.1, Float.nan), workers).body()
        }
        #expect(HTTPProblem(.unwritable) { _ in "" } == .internalError())
    }

    @Test(arguments: [0, 40_000, 99_999], [1, 2])
    func `in a streamed reply the body fails at the piece with that number, after the pieces before it`(
        wrong: Int, threads: Int
    ) throws {
        let workers = Workers(ComputePool(threads: threads))
        guard case .stream(let source) = try LargeReply(calculation(100_000, wrong: wrong, Double.nan), workers).body()
        else {
            Issue.record("a reply of that size is streamed")
            return
        }
        var parts: [[UInt8]] = []
        var progress = HTTPBodyProgress.more
        while progress == .more { progress = source.next(into: &parts) }
        #expect(progress == .failed)
        let text = String(decoding: parts.joined(), as: UTF8.self)
        let numbers = text.count { $0 == "5" }
        #expect(numbers <= wrong && numbers > wrong - 5 * numbersPerPiece)
        #expect(!text.hasSuffix("}"))
    }

    @Test func `a cancelled stream fails instead of leaving pieces out`() throws {
        let ticket = HTTPWorkTicket()
        let workers = Workers(ComputePool(threads: 2), ticket)
        let stream = LargeReply(try calculation(100_000, wrong: 0, 0.5), workers)
        var parts: [[UInt8]] = []
        #expect(stream.next(into: &parts) == .more)
        ticket.cancel()
        #expect(stream.next(into: &parts) == .failed)
    }
}
