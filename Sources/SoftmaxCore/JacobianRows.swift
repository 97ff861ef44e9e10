import CSoftmaxKernels

/// The Jacobian of one sample, of which any thread can compute a few rows at a time.
///
/// It holds two numbers for each class (three at a temperature below 2^-400), so that a dense Jacobian can be streamed
/// without ever being held in memory. Each entry has the bits that ``Softmax/jacobian(_:classes:options:into:)`` gives
/// it.
public struct JacobianRows<S: SoftmaxScalar>: Sendable {
    private let sample: PreparedSample<S>

    /// Computes the sample's probabilities.
    ///
    /// - Parameters:
    ///   - logits: one sample; its count is the number of classes.
    ///   - options: the function and the temperature.
    /// - Throws: what ``Softmax/jacobian(_:classes:options:into:)`` throws.
    /// - Complexity: O(classes) time and memory.
    public init(_ logits: Span<S>, options: SoftmaxOptions = SoftmaxOptions()) throws(SoftmaxError) {
        let batch = try Batch(
            logits, classes: logits.count, options: options, differentiating: true, build: .fastest)
        var scratch = SoftmaxScratch()
        var sample = PreparedSample(batch, storage: &scratch)
        sample.prepare(batch, logits: logits, row: 0, scratch: scratch.pointer(classes: batch.classes))
        self.sample = sample
    }

    /// The number of classes, which is the number of rows and of columns.
    public var classes: Int { sample.classes }

    /// Writes some rows of the Jacobian.
    ///
    /// - Parameters:
    ///   - range: the output classes j, within 0 ..< classes.
    ///   - output: range.count × classes; row j holds ∂y_j/∂z_i for every i. Each entry is within 0.51 ulp, or 0.76
    ///     where it is subnormal.
    /// - Throws: `indexOutOfRange`, `shapeMismatch`.
    /// - Complexity: O(range.count × classes) time, no allocation.
    public func rows(_ range: Range<Int>, into output: inout MutableSpan<S>) throws(SoftmaxError) {
        guard range.lowerBound >= 0, range.upperBound <= classes else { throw .indexOutOfRange(position: 0) }
        let (expected, overflow) = range.count.multipliedReportingOverflow(by: classes)
        guard !overflow, output.count == expected else {
            throw .shapeMismatch(expected: overflow ? Int.max : expected, actual: output.count)
        }
        sample.fill(rows: range, into: &output, at: 0)
    }
}
