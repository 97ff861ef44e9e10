import HTTPServer
import SoftmaxCore
import TensorJSON

/// A scalar that can be read, computed with and written.
typealias ServiceScalar = SoftmaxScalar & TensorScalar

/// What a request asks for, with its numbers: read and checked, samples contiguous, then computed.
///
/// Its arrays are memory to be used again: read into once more, it takes new memory only where a request is larger than
/// all before it. So it is never copied.
struct Calculation<Scalar: ServiceScalar>: ~Copyable, Sendable {
    /// What to compute, and how to write a Jacobian down.
    var options = OperationOptions(operation: .softmax)
    /// The request's nesting, and how samples lie in it.
    private(set) var arrangement = SampleArrangement.empty
    /// The logits; −∞ where the mask or the request removed a class.
    var logits = Tensor<Scalar>.empty
    /// Cotangents or tangents, for the operations that have them.
    var vector = Tensor<Scalar>.empty
    /// The pairs of `form: "entries"`; empty for the other forms.
    var pairs: [JacobianEntry] = []
    /// What was computed, in the order in which it is written: once ``compute(_:_:)`` has returned.
    var results: [Scalar] = []
    /// Memory in which values are moved.
    var spare: [Scalar] = []
    /// How many numbers the reply holds.
    private(set) var replyNumbers = 0

    /// Numbers in and out, the measure of the work.
    var cost: Int { logits.values.count + vector.values.count + replyNumbers }

    /// Leaves an empty calculation behind.
    mutating func taken() -> Calculation {
        var taken = Calculation()
        swap(&taken, &self)
        return taken
    }
}

/// What is checked between reading and computing, in the order in which it is to be called: each of these functions as
/// soon as its tensor is read, so that of several errors the same one counts, however a body is read.
extension Calculation {
    /// Begins with another request.
    mutating func begin(_ operation: NativeOperation) {
        if !pairs.isEmpty { pairs.removeAll(keepingCapacity: true) }
        let hasVector = operation == .vjp || operation == .jvp
        if !hasVector, !vector.values.isEmpty { vector.values.removeAll(keepingCapacity: true) }
    }

    /// Finds out how the logits' samples lie.
    mutating func arrange() throws(HTTPProblem) {
        arrangement = try SampleArrangement(logits.layout, axis: options.axis)
    }

    /// Removes the classes that the mask says.
    mutating func apply(mask: Span<Bool>, nested layout: TensorLayout) throws(HTTPProblem) {
        try requireSameNesting(layout, member: "mask")
        var logits = logits.values.mutableSpan
        do throws(SoftmaxError) {
            try Softmax.mask(mask, applyTo: &logits)
        } catch {
            throw .internalError()
        }
    }

    /// Checks the vector's nesting.
    mutating func arrangeVector(_ member: StaticString) throws(HTTPProblem) {
        try requireSameNesting(vector.layout, member: member)
        arrangement.gather(&vector.values, &spare)
    }

    /// Checks what is left: the pairs, the size of the reply, and that the mathematics is defined for every sample.
    mutating func finish(_ limits: ServiceLimits) throws(HTTPProblem) {
        arrangement.gather(&logits.values, &spare)
        if options.form == .entries { try requirePairs() }
        replyNumbers = try countReply(limit: limits.replyNumbers)
        try requireSamples()
    }

    private func requireSameNesting(_ other: TensorLayout, member: StaticString) throws(HTTPProblem) {
        guard let place = logits.layout.firstDifference(from: other) else { return }
        throw .meaningless("\(member) must be nested exactly like logits", pointer: "/\(member)\(place)")
    }

    private func requirePairs() throws(HTTPProblem) {
        let classes = arrangement.smallestSample
        guard let index = pairs.firstIndex(where: { $0.output >= classes || $0.input >= classes }) else { return }
        let pair = pairs[index]
        let position = pair.output < classes ? 1 : 0
        throw .meaningless(
            "entries index \(position == 0 ? pair.output : pair.input) is out of range: "
                + "the smallest sample has \(classes) classes",
            pointer: "/entries/\(index)/\(position)", limit: classes - 1)
    }

    /// Refuses a reply that would be too large before any of it is allocated.
    private func countReply(limit: Int) throws(HTTPProblem) -> Int {
        let numbers = arrangement.replyNumbers(options.operation, options.form, pairs: pairs.count)
        guard let numbers, numbers <= limit else {
            throw .replyTooLarge(numbers: numbers, limit: limit, dense: options.isDense)
        }
        return numbers
    }

    /// Refuses a sample the mathematics is not defined for, before any other is computed.
    private func requireSamples() throws(HTTPProblem) {
        do throws(SoftmaxError) {
            try options.softmax.validate(for: Scalar.self, differentiating: options.operation != .softmax)
        } catch {
            throw HTTPProblem(error) { _ in "" }
        }
        try arrangement.forEachRun { values, classes, first throws(HTTPProblem) in
            do throws(SoftmaxError) {
                try Softmax.validate(logits.values.span.extracting(values), classes: classes)
            } catch {
                throw HTTPProblem(error) { arrangement.pointer(sample: first + $0) }
            }
        }
    }
}

extension Tensor {
    /// The empty batch.
    static var empty: Tensor { Tensor(values: [], layout: .emptyBatch) }
}
