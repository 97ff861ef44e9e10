import CSoftmaxKernels

/// The same computations for this package's own callers, which validate a whole request before they compute any of it:
/// logits and options have passed ``Softmax/validate(_:classes:)`` and ``SoftmaxOptions/validate(for:differentiating:)``,
/// vectors are finite, and entries within the Jacobian. Counts that do not fit trap.
extension Softmax {
    /// What has one number for each logit.
    package enum RowOperation: Sendable {
        /// The function's value.
        case value
        /// Jᵀg.
        case vjp
        /// Jv.
        case jvp
        /// The Jacobian's diagonal.
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
        precondition(batch.firstMissing(pairs) == nil, "the entries are within every Jacobian")
        precondition(output.count == batch.rows * pairs.count, "one number for each entry of each Jacobian")
        batch.runEntries(pairs, logits: logits, output: &output, &scratch)
    }
}
