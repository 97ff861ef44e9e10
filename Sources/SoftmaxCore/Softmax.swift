import CSoftmaxKernels

/// Softmax, log-softmax and their derivatives, right to the last digit.
///
/// Every function takes a batch of samples: `logits` holds rows of `classes` numbers each, row-major, and a result has
/// the shape that its documentation gives. A logit of -infinity masks its class: the probability of the class and all
/// its derivatives are 0, as is the derivative of every other class by it; its log-probability is -infinity.
///
/// Inputs are taken as exact. A row's results depend on that row and the options only: not on the other rows, its
/// position in the batch or the processor. All checks come before the first write.
///
/// Error bounds are in <doc:ErrorBounds>, the method is in <doc:Algorithm>. No function allocates more than scratch for
/// one row (or for eight rows of up to 128 classes).
public enum Softmax {
    /// Computes y, or log y, of every row.
    ///
    /// Each number is within 0.51 ulp, or 0.76 ulp where it is subnormal. A log-probability below the least finite
    /// number is -infinity, though the class is not masked.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - classes: numbers per row, positive.
    ///   - options: the function and the temperature.
    ///   - output: rows × classes.
    /// - Throws: `temperatureNotPositive`, `noClasses`, `shapeMismatch`, `notANumberOrInfinite`, `allClassesMasked`.
    /// - Complexity: O(rows × classes).
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func evaluate<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions = SoftmaxOptions(), into output: inout MutableSpan<S>
    ) throws(SoftmaxError) {
        try evaluate(logits, classes: classes, options: options, into: &output, build: .fastest)
    }

    /// Computes the vector-Jacobian product Jᵀg of every row, as reverse-mode differentiation needs it.
    ///
    /// Each number is within 0.5 + κ 2^-15 ulp, and within 1.1 ulp up to κ = 2^44. κ is the cancellation number of
    /// <doc:ErrorBounds>.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - cotangents: g, rows × classes, finite. Those of masked classes are taken as 0.
    ///   - classes: numbers per row, positive.
    ///   - options: the function and the temperature.
    ///   - output: rows × classes.
    /// - Throws: what ``evaluate(_:classes:options:into:)`` throws, `temperatureTooSmall`, `notFiniteVector`, and
    ///   `resultOverflows`, after the output has been written.
    /// - Complexity: O(rows × classes); the Jacobian is never formed.
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func vjp<S: SoftmaxScalar>(
        _ logits: Span<S>, cotangents: Span<S>, classes: Int, options: SoftmaxOptions = SoftmaxOptions(),
        into output: inout MutableSpan<S>
    ) throws(SoftmaxError) {
        try multiply(
            SOFTMAX_VJP, logits, by: cotangents, classes: classes, options: options, into: &output, build: .fastest)
    }

    /// Computes the Jacobian-vector product Jv of every row: the derivative of the function along v.
    ///
    /// For softmax, whose J is symmetric, this is the same as ``vjp(_:cotangents:classes:options:into:)``. Error bounds
    /// and complexity are those of that function.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - tangents: v, rows × classes, finite. Those of masked classes are taken as 0.
    ///   - classes: numbers per row, positive.
    ///   - options: the function and the temperature.
    ///   - output: rows × classes.
    /// - Throws: as ``vjp(_:cotangents:classes:options:into:)``.
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func jvp<S: SoftmaxScalar>(
        _ logits: Span<S>, tangents: Span<S>, classes: Int, options: SoftmaxOptions = SoftmaxOptions(),
        into output: inout MutableSpan<S>
    ) throws(SoftmaxError) {
        try multiply(
            SOFTMAX_JVP, logits, by: tangents, classes: classes, options: options, into: &output, build: .fastest)
    }

    /// Masks classes by setting their logits to -infinity.
    ///
    /// - Parameters:
    ///   - keep: one for each logit; false masks the class.
    ///   - logits: changed in place.
    /// - Throws: `shapeMismatch`, with `logits` unchanged.
    public static func mask<S: SoftmaxScalar>(
        _ keep: Span<Bool>, applyTo logits: inout MutableSpan<S>
    ) throws(SoftmaxError) {
        guard keep.count == logits.count else {
            throw .shapeMismatch(expected: logits.count, actual: keep.count)
        }
        for index in 0..<keep.count where !keep[index] {
            logits[index] = -S.infinity
        }
    }

    /// Checks logits as the other functions do, without computing anything.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - classes: numbers per row, positive.
    /// - Throws: `noClasses`, `shapeMismatch`, `notANumberOrInfinite`, `allClassesMasked`: the first in row order.
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func validate<S: SoftmaxScalar>(_ logits: Span<S>, classes: Int) throws(SoftmaxError) {
        _ = try Batch(
            logits, classes: classes, options: SoftmaxOptions(), differentiating: false, build: .fastest)
    }

    /// Checks logits and their cotangents or tangents as ``vjp(_:cotangents:classes:options:into:)`` does.
    ///
    /// - Parameters:
    ///   - logits: rows × classes.
    ///   - vector: the cotangents or tangents, rows × classes.
    ///   - classes: numbers per row, positive.
    /// - Throws: what ``validate(_:classes:)`` throws; then `shapeMismatch` or `notFiniteVector` for the vector.
    @specialized(where S == Double)
    @specialized(where S == Float)
    public static func validate<S: SoftmaxScalar>(
        _ logits: Span<S>, vector: Span<S>, classes: Int
    ) throws(SoftmaxError) {
        let batch = try Batch(
            logits, classes: classes, options: SoftmaxOptions(), differentiating: false, build: .fastest)
        try batch.checkVector(vector)
    }
}

extension Softmax {
    package static func evaluate<S: SoftmaxScalar>(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions, into output: inout MutableSpan<S>, build: KernelBuild
    ) throws(SoftmaxError) {
        let batch = try Batch(logits, classes: classes, options: options, differentiating: false, build: build)
        try batch.checkCount(output.count, perRow: classes)
        var scratch = SoftmaxScratch()
        batch.run(SOFTMAX_EVALUATE, logits: logits, output: &output, &scratch)
    }

    package static func vjp<S: SoftmaxScalar>(
        _ logits: Span<S>, cotangents: Span<S>, classes: Int, options: SoftmaxOptions,
        into output: inout MutableSpan<S>, build: KernelBuild
    ) throws(SoftmaxError) {
        try multiply(
            SOFTMAX_VJP, logits, by: cotangents, classes: classes, options: options, into: &output, build: build)
    }

    package static func jvp<S: SoftmaxScalar>(
        _ logits: Span<S>, tangents: Span<S>, classes: Int, options: SoftmaxOptions,
        into output: inout MutableSpan<S>, build: KernelBuild
    ) throws(SoftmaxError) {
        try multiply(
            SOFTMAX_JVP, logits, by: tangents, classes: classes, options: options, into: &output, build: build)
    }

    private static func multiply<S: SoftmaxScalar>(
        _ operation: softmax_operation, _ logits: Span<S>, by vector: Span<S>, classes: Int, options: SoftmaxOptions,
        into output: inout MutableSpan<S>, build: KernelBuild
    ) throws(SoftmaxError) {
        let batch = try Batch(logits, classes: classes, options: options, differentiating: true, build: build)
        try batch.checkVector(vector)
        try batch.checkCount(output.count, perRow: classes)
        var scratch = SoftmaxScratch()
        try batch.runProduct(operation, logits: logits, vector: vector, output: &output, &scratch)
    }
}
