import HTTPServer
import SoftmaxCore
import TensorJSON

/// A scalar that can be read, computed with and written.
typealias ServiceScalar = SoftmaxScalar & TensorScalar

/// A request's tensors, checked against each other and arranged so that samples are contiguous.
///
/// A class because threads share it: passing it on costs one reference, not one for each array.
final class DecodedRequest<Scalar: ServiceScalar>: Sendable {
    /// What to compute.
    let operation: NativeOperation
    /// How to write a Jacobian down.
    let form: JacobianForm
    /// The evaluated function and the temperature.
    let options: SoftmaxOptions
    /// The nesting of the request's tensors.
    let layout: TensorLayout
    /// How samples lie in that nesting.
    let arrangement: SampleArrangement
    /// The logits, one sample after the other; −∞ where the mask or the request removed a class.
    let logits: [Scalar]
    /// Cotangents or tangents in the same order; empty for the other operations.
    let vector: [Scalar]
    /// The pairs of `form: "entries"`; empty for the other forms.
    let pairs: [JacobianEntry]
    /// How many numbers the reply holds.
    let replyNumbers: Int

    /// Reads and checks the tensors.
    init(
        _ request: borrowing JSONRequest, _ options: OperationOptions, _ limits: ServiceLimits, _ workers: Workers
    ) throws {
        guard request.contains("logits") else { throw HTTPProblem.missing("logits", why: "every request needs it") }
        let vectorMember = options.operation.vectorMember
        if let vectorMember, !request.contains(vectorMember) {
            throw HTTPProblem.missing(vectorMember, why: "/\(options.operation.rawValue) needs it")
        }
        operation = options.operation
        form = options.form
        self.options = options.softmax
        var tensor = try request.tensor("logits", as: Scalar.self, allowingNegativeInfinity: true)
        try workers.check()
        layout = tensor.layout
        arrangement = try SampleArrangement(tensor.layout, axis: options.axis)
        if request.contains("mask") {
            let mask = try request.booleans("mask")
            try Self.requireSameNesting(mask.layout, tensor.layout, member: "mask")
            var span = tensor.values.mutableSpan
            try Softmax.mask(mask.values.span, applyTo: &span)
        }
        if let vectorMember {
            let tensor = try request.tensor(vectorMember, as: Scalar.self, allowingNegativeInfinity: false)
            try workers.check()
            try Self.requireSameNesting(tensor.layout, layout, member: vectorMember)
            vector = arrangement.gathered(tensor.values)
        } else {
            vector = []
        }
        logits = arrangement.gathered(tensor.values)
        pairs =
            options.form == .entries
            ? try Self.pairs(request, classes: arrangement.smallestSample) : []
        replyNumbers = try Self.replyNumbers(arrangement, options, pairs: pairs.count, limit: limits.replyNumbers)
        try requireSamples()
    }

    /// Numbers in and out, the measure of the work.
    var cost: Int { logits.count + vector.count + replyNumbers }

    private static func requireSameNesting(
        _ other: TensorLayout, _ layout: TensorLayout, member: StaticString
    ) throws(HTTPProblem) {
        guard let place = layout.firstDifference(from: other) else { return }
        throw .meaningless("\(member) must be nested exactly like logits", pointer: "/\(member)\(place)")
    }

    private static func pairs(_ request: borrowing JSONRequest, classes: Int) throws -> [JacobianEntry] {
        try request.indexPairs("entries").enumerated().map { index, pair throws(HTTPProblem) in
            guard pair.0 < classes, pair.1 < classes else {
                let position = pair.0 < classes ? 1 : 0
                throw .meaningless(
                    "entries index \(position == 0 ? pair.0 : pair.1) is out of range: "
                        + "the smallest sample has \(classes) classes",
                    pointer: "/entries/\(index)/\(position)", limit: classes - 1)
            }
            return JacobianEntry(output: pair.0, input: pair.1)
        }
    }

    /// Refuses a reply that would be too large before any of it is allocated.
    private static func replyNumbers(
        _ arrangement: SampleArrangement, _ options: OperationOptions, pairs: Int, limit: Int
    ) throws(HTTPProblem) -> Int {
        let numbers = arrangement.replyNumbers(options.operation, options.form, pairs: pairs)
        guard let numbers, numbers <= limit else {
            let isDense = options.operation == .jacobian && options.form == .dense
            throw .replyTooLarge(numbers: numbers, limit: limit, dense: isDense)
        }
        return numbers
    }

    /// Refuses a sample the mathematics is not defined for, before any other is computed.
    private func requireSamples() throws(HTTPProblem) {
        do throws(SoftmaxError) {
            try options.validate(for: Scalar.self, differentiating: operation != .softmax)
        } catch {
            throw HTTPProblem(error) { _ in "" }
        }
        let logits = logits
        try arrangement.forEachRun { values, classes, first throws(HTTPProblem) in
            do throws(SoftmaxError) {
                try Softmax.validate(logits.span.extracting(values), classes: classes)
            } catch {
                throw HTTPProblem(error) { arrangement.pointer(sample: first + $0) }
            }
        }
    }
}

/// One request of either data type, ready to be computed.
enum DecodedOperation: Sendable {
    case float64(DecodedRequest<Double>)
    case float32(DecodedRequest<Float>)

    /// Reads and checks a request: afterwards every number it asks for can be computed.
    ///
    /// - Throws: the ``HTTPProblem`` to answer with; see the error table of the API reference.
    init(
        _ body: [UInt8], operation: NativeOperation, limits: ServiceLimits, _ workers: Workers = .one
    ) throws(HTTPProblem) {
        do {
            let loop: ConcurrentLoop? = workers.threads > 1 ? { workers.all($0, $1) } : nil
            let request = try JSONRequest(body, members: operation.members, limits: limits.tensor, loop: loop)
            try workers.check()
            let options = try OperationOptions(request, operation: operation)
            switch options.dataType {
            case .float64: self = .float64(try DecodedRequest(request, options, limits, workers))
            case .float32: self = .float32(try DecodedRequest(request, options, limits, workers))
            }
        } catch let error as TensorJSONError {
            throw HTTPProblem(error)
        } catch let error as HTTPProblem {
            throw error
        } catch {
            throw .internalError()
        }
    }

    /// Numbers in and out, the measure of the work.
    var cost: Int {
        switch self {
        case .float64(let request): request.cost
        case .float32(let request): request.cost
        }
    }

    /// Computes the reply.
    ///
    /// - Throws: 422 where a result overflows the dtype, the one failure that only shows in the computing.
    func reply(_ workers: Workers) throws(HTTPProblem) -> Reply {
        switch self {
        case .float64(let request): try request.reply(workers)
        case .float32(let request): try request.reply(workers)
        }
    }
}
