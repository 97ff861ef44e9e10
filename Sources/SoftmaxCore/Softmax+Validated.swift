import CSoftmaxKernels

/// The computations without the checks, for callers within this package that validate a whole request before they
/// compute any of it.
///
/// Logits must have passed ``Softmax/validate(_:classes:)`` and options
/// ``SoftmaxOptions/validate(for:differentiating:)``. Vectors must be finite and entries within the Jacobian. Counts
/// that do not match trap.
extension Softmax {
    /// An operation whose result has one number for each logit.
    package enum RowOperation: Sendable {
        /// y or log y.
        case value
        /// Jᵀg.
        case vjp
        /// Jv.
        case jvp
        /// The diagonal of the Jacobian.
        case diagonal
    }

    /// Computes one number for each logit.
    ///
    /// - Parameter vector: the cotangents or tangents, for the operations that take one.
    /// - Throws: `resultOverflows`.
    @specialized(where S == Double)
    @specialized(where S == Float)
    package static func compute<S: SoftmaxScalar>(
        _ operation: RowOperation, validated logits: Span<S>, vector: Span<S>, classes: Int, options: SoftmaxOptions,
        into output: inout MutableSpan<S>, _ scratch: inout SoftmaxScratch
    ) throws(SoftmaxError) {
        let batch = Batch(validated: logits, classes: classes, options: options, build: .fastest)
        precondition(output.count == logits.count, "one number for each logit")
        switch operation {
        case .value: batch.run(SOFTMAX_EVALUATE, logits: logits, output: &output, &scratch)
        case .diagonal: batch.run(SOFTMAX_DIAGONAL, logits: logits, output: &output, &scratch)
        case .vjp, .jvp:
            precondition(vector.count == logits.count, "one component for each logit")
            let operation = operation == .vjp ? SOFTMAX_VJP : SOFTMAX_JVP
            try batch.runProduct(operation, logits: logits, vector: vector, output: &output, &scratch)
        }
    }

    /// Computes y and 1 - y.
    @specialized(where S == Double)
    @specialized(where S == Float)
    package static func jacobianFactors<S: SoftmaxScalar>(
        validated logits: Span<S>, classes: Int, options: SoftmaxOptions, probabilities: inout MutableSpan<S>,
        complements: inout MutableSpan<S>, _ scratch: inout SoftmaxScratch
    ) {
        let batch = Batch(validated: logits, classes: classes, options: options, build: .fastest)
        precondition(
            probabilities.count == logits.count && complements.count == logits.count, "two numbers for each logit")
        batch.runFactors(logits: logits, probabilities: &probabilities, complements: &complements, &scratch)
    }

    /// Computes whole Jacobians.
    @specialized(where S == Double)
    @specialized(where S == Float)
    package static func jacobian<S: SoftmaxScalar>(
        validated logits: Span<S>, classes: Int, options: SoftmaxOptions, into output: inout MutableSpan<S>,
        _ scratch: inout SoftmaxScratch
    ) {
        let batch = Batch(validated: logits, classes: classes, options: options, build: .fastest)
        precondition(output.count == logits.count * classes, "as many numbers for each logit as there are classes")
        batch.runJacobian(logits: logits, output: &output, &scratch)
    }

    /// Computes chosen entries of every Jacobian.
    @specialized(where S == Double)
    @specialized(where S == Float)
    package static func jacobianEntries<S: SoftmaxScalar>(
        validated logits: Span<S>, classes: Int, options: SoftmaxOptions, pairs: Span<JacobianEntry>,
        into output: inout MutableSpan<S>, _ scratch: inout SoftmaxScratch
    ) {
        let batch = Batch(validated: logits, classes: classes, options: options, build: .fastest)
        precondition(batch.firstOutOfRange(pairs) == nil, "the entries are within every Jacobian")
        precondition(output.count == batch.rows * pairs.count, "one number for each entry of each Jacobian")
        batch.runEntries(pairs, logits: logits, output: &output, &scratch)
    }
}
