import CSoftmaxKernels

/// The position of an entry in a Jacobian: the derivative of one output class by one input class.
public struct JacobianEntry: Sendable, Equatable, BitwiseCopyable {
    /// The class j of the probability that is differentiated: the row.
    public var output: Int

    /// The class i of the logit that it is differentiated by: the column.
    public var input: Int

    /// The position of ∂y_output / ∂z_input.
    public init(output: Int, input: Int) {
        self.output = output
        self.input = input
    }
}

extension Softmax {
    /// Computes the Jacobian's diagonal ∂y_j/∂z_j (or ∂ log y_j/∂z_j) of every row.
    ///
    /// Each number is within 0.51 ulp, or 0.76 where it is subnormal, also where y_j rounds to 1.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - classes: numbers per row, positive.
    ///   - options: the function and the temperature.
    ///   - output: rows × classes.
    /// - Throws: what ``evaluate(_:classes:options:into:)`` throws, and `temperatureTooSmall`.
    /// - Complexity: O(rows × classes).
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func jacobianDiagonal<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions = SoftmaxOptions(), into output: inout MutableSpan<S>
    ) throws(SoftmaxError) {
        try jacobianDiagonal(logits, classes: classes, options: options, into: &output, build: .fastest)
    }

    /// Computes the O(classes) factors that every entry of the Jacobian is a product of: y and 1 - y.
    ///
    /// With s = 1/τ, softmax has J_jj = s y_j (1 - y_j) and J_ji = -s y_j y_i; log-softmax has s (1 - y_j) and -s y_i,
    /// except that a masked class's whole row is 0. The complement is computed, not subtracted, so that it keeps its
    /// digits where y rounds to 1. Each number is within 0.51 ulp, or 0.76 where it is subnormal.
    ///
    /// A product of them is within a relative 5u of the entry (u = 2^-53, in float32 2^-24) if its factors, every
    /// intermediate product and the result are normal numbers. A factor that is subnormal or underflows to 0 has lost
    /// digits, and a large s can bring the entry back into the normal range. Such entries are only accurate from
    /// ``jacobian(_:classes:options:into:)``, ``jacobianDiagonal(_:classes:options:into:)``,
    /// ``jacobianEntries(_:classes:options:pairs:into:)`` and ``JacobianRows``.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - classes: numbers per row, positive.
    ///   - options: the temperature; the factors are the same for both functions.
    ///   - probabilities: y, rows × classes.
    ///   - complements: 1 - y, rows × classes.
    /// - Throws: what ``evaluate(_:classes:options:into:)`` throws, and `temperatureTooSmall`.
    /// - Complexity: O(rows × classes).
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func jacobianFactors<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions = SoftmaxOptions(),
        probabilities: inout MutableSpan<S>, complements: inout MutableSpan<S>
    ) throws(SoftmaxError) {
        try jacobianFactors(
            logits, classes: classes, options: options, probabilities: &probabilities, complements: &complements,
            build: .fastest)
    }

    /// Computes the whole Jacobian of every row.
    ///
    /// Each entry is within 0.51 ulp, or 0.76 where it is subnormal.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - classes: numbers per row, positive.
    ///   - options: the function and the temperature.
    ///   - output: rows × classes × classes; for each sample, row j is the output class and column i the input class.
    /// - Throws: what ``evaluate(_:classes:options:into:)`` throws, and `temperatureTooSmall`.
    /// - Complexity: O(rows × classes²).
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func jacobian<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions = SoftmaxOptions(), into output: inout MutableSpan<S>
    ) throws(SoftmaxError) {
        try jacobian(logits, classes: classes, options: options, into: &output, build: .fastest)
    }

    /// Computes chosen entries of every row's Jacobian.
    ///
    /// Each has the bits that ``jacobian(_:classes:options:into:)`` gives it.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - classes: numbers per row, positive.
    ///   - options: the function and the temperature.
    ///   - pairs: the positions, the same for every row; repetitions are allowed.
    ///   - output: rows × pairs.
    /// - Throws: what ``evaluate(_:classes:options:into:)`` throws, `temperatureTooSmall`, and `indexOutOfRange` for
    ///   the first position that the Jacobian does not have.
    /// - Complexity: O(rows × (classes + pairs)).
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func jacobianEntries<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions = SoftmaxOptions(), pairs: Span<JacobianEntry>,
        into output: inout MutableSpan<S>
    ) throws(SoftmaxError) {
        try jacobianEntries(
            logits, classes: classes, options: options, pairs: pairs, into: &output, build: .fastest)
    }
}

extension Softmax {
    package static func jacobianDiagonal<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions, into output: inout MutableSpan<S>, build: KernelBuild
    ) throws(SoftmaxError) {
        let batch = try Batch(logits, classes: classes, options: options, differentiating: true, build: build)
        try batch.checkCount(output.count, perRow: classes)
        var scratch = SoftmaxScratch()
        batch.run(SOFTMAX_DIAGONAL, logits: logits, output: &output, &scratch)
    }

    package static func jacobianFactors<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions, probabilities: inout MutableSpan<S>,
        complements: inout MutableSpan<S>, build: KernelBuild
    ) throws(SoftmaxError) {
        let batch = try Batch(logits, classes: classes, options: options, differentiating: true, build: build)
        try batch.checkCount(probabilities.count, perRow: classes)
        try batch.checkCount(complements.count, perRow: classes)
        var scratch = SoftmaxScratch()
        batch.runFactors(logits: logits, probabilities: &probabilities, complements: &complements, &scratch)
    }

    package static func jacobian<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions, into output: inout MutableSpan<S>, build: KernelBuild
    ) throws(SoftmaxError) {
        let batch = try Batch(logits, classes: classes, options: options, differentiating: true, build: build)
        let (size, overflow) = classes.multipliedReportingOverflow(by: classes)
        guard !overflow else { throw .shapeMismatch(expected: Int.max, actual: output.count) }
        try batch.checkCount(output.count, perRow: size)
        var scratch = SoftmaxScratch()
        batch.runJacobian(logits: logits, output: &output, &scratch)
    }

    package static func jacobianEntries<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions, pairs: Span<JacobianEntry>,
        into output: inout MutableSpan<S>, build: KernelBuild
    ) throws(SoftmaxError) {
        let batch = try Batch(logits, classes: classes, options: options, differentiating: true, build: build)
        if let position = batch.firstOutOfRange(pairs) { throw .indexOutOfRange(position: position) }
        try batch.checkCount(output.count, perRow: pairs.count)
        var scratch = SoftmaxScratch()
        batch.runEntries(pairs, logits: logits, output: &output, &scratch)
    }
}
