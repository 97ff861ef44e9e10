import HTTPServer
import SoftmaxCore
import TensorJSON

/// A floating-point type that can be read from JSON, computed with and written back.
typealias ServiceScalar = SoftmaxScalar & TensorScalar

/// One request's options, tensors and results.
///
/// It is filled while the body is read, checked by the functions below, then computed. An event loop uses one
/// calculation for all its small requests, so that the arrays only allocate for a request larger than every earlier
/// one. It is noncopyable because a copy would share these arrays and so reallocate them on the next write.
struct Calculation<Scalar: ServiceScalar>: ~Copyable, Sendable {
    /// The members of the request that are not tensors.
    var options = RequestOptions(operation: .softmax)
    /// The nesting of `logits`, and where the samples are in it.
    private(set) var arrangement = SampleArrangement.empty
    /// The logits; −∞ for a class that the mask or the request removed.
    var logits = Tensor<Scalar>.empty
    /// The cotangents of a VJP or the tangents of a JVP; empty for the other operations.
    var vector = Tensor<Scalar>.empty
    /// The index pairs of `form: "entries"`; empty for the other forms.
    var pairs: [JacobianEntry] = []
    /// The computed numbers in the order of the reply, once `compute` has returned.
    var results: [Scalar] = []
    /// The second buffer of a transposition (``SampleArrangement/gather(_:_:)``).
    var spare: [Scalar] = []
    /// The number of numbers in the reply, without the scale of a factored Jacobian.
    private(set) var replyNumbers = 0

    /// The request's share of the work budget: numbers read plus numbers written.
    var cost: Int { logits.values.count + vector.values.count + replyNumbers }

    /// Moves the calculation out and leaves an empty one.
    mutating func take() -> Calculation {
        var taken = Calculation()
        swap(&taken, &self)
        return taken
    }
}

/// The checks between reading and computing.
///
/// Both readers call them in this order, each as soon as its tensor is read, so that a request with several errors is
/// answered with the same one whichever reader its body takes.
extension Calculation {
    /// Empties the tensors that a request of this operation does not set.
    mutating func reset(for operation: SoftmaxOperation) {
        if !pairs.isEmpty { pairs.removeAll(keepingCapacity: true) }
        let hasVector = operation == .vjp || operation == .jvp
        if !hasVector, !vector.values.isEmpty { vector.values.removeAll(keepingCapacity: true) }
    }

    /// Finds the samples along the class axis.
    mutating func arrange() throws(HTTPProblem) {
        try arrangement.arrange(logits.layout, axis: options.axis)
    }

    /// Removes the classes whose mask is false.
    mutating func apply(mask: Span<Bool>, nested layout: TensorLayout) throws(HTTPProblem) {
        try requireSameNesting(layout, member: "mask")
        var logits = logits.values.mutableSpan
        do throws(SoftmaxError) {
            try Softmax.mask(mask, applyTo: &logits)
        } catch {
            throw .internalError()
        }
    }

    /// Checks that the cotangents or tangents are nested like the logits, and makes their samples contiguous.
    mutating func arrangeVector(_ member: StaticString) throws(HTTPProblem) {
        try requireSameNesting(vector.layout, member: member)
        arrangement.gather(&vector.values, &spare)
    }

    /// Makes the logits' samples contiguous and checks the index pairs, the size of the reply, and that the function is
    /// defined for every sample.
    mutating func finish(_ limits: ServiceLimits) throws(HTTPProblem) {
        arrangement.gather(&logits.values, &spare)
        if options.form == .entries { try requirePairs() }
        replyNumbers = try countReply(limit: limits.replyNumbers)
        try requireSamples()
    }

    private func requireSameNesting(_ other: TensorLayout, member: StaticString) throws(HTTPProblem) {
        guard let place = logits.layout.firstDifference(from: other) else { return }
        throw .invalidRequest("\(member) must be nested exactly like logits", pointer: "/\(member)\(place)")
    }

    private func requirePairs() throws(HTTPProblem) {
        let classes = arrangement.smallestSample
        guard let index = pairs.firstIndex(where: { $0.output >= classes || $0.input >= classes }) else { return }
        let pair = pairs[index]
        let position = pair.output < classes ? 1 : 0
        throw .invalidRequest(
            "entries index \(position == 0 ? pair.output : pair.input) is out of range: "
                + "the smallest sample has \(classes) classes",
            pointer: "/entries/\(index)/\(position)", limit: classes - 1)
    }

    /// Refuses a reply over the limit before any of it is allocated.
    private func countReply(limit: Int) throws(HTTPProblem) -> Int {
        let numbers = arrangement.replyNumbers(options.operation, options.form, pairs: pairs.count)
        guard let numbers, numbers <= limit else {
            throw .replyTooLarge(numbers: numbers, limit: limit, dense: options.isDense)
        }
        return numbers
    }

    /// Refuses options or a sample that the function is not defined for, before anything is computed.
    @inline(__always)
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
