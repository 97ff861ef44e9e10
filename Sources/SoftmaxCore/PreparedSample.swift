import CSoftmaxKernels

/// The probabilities of one sample in pairs, from which any entry of its Jacobian takes O(1).
///
/// Shapes and indices are the callers' to check.
struct PreparedSample<S: SoftmaxScalar>: Sendable {
    /// y as `softmax_sample` holds it: high parts, low parts, and below a temperature of 2^-400 exponents.
    private var probabilities: [Double]
    private var argmax: Int64 = 0
    private var complement = SIMD2<Double>.zero
    private var complementExponent: Int64 = 0
    private var scale = SIMD2<Double>.zero
    private var scaleExponent: Int64 = 0
    private let isLogarithmic: Bool
    private let build: KernelBuild
    let classes: Int

    /// A sample of that batch, in memory that the scratch has.
    init(_ batch: Batch<S>, storage scratch: inout SoftmaxScratch) {
        classes = batch.classes
        isLogarithmic = batch.options.function == .logSoftmax
        build = batch.build
        let count = Int(softmax_probability_count(Int64(batch.classes), batch.options.temperature))
        probabilities = []
        if scratch.probabilities.count >= count {
            swap(&probabilities, &scratch.probabilities)
        } else {
            probabilities = [Double](repeating: 0, count: count)
        }
    }

    /// Leaves its memory to the scratch; the sample is of no use any more.
    mutating func giveBack(to scratch: inout SoftmaxScratch) {
        swap(&probabilities, &scratch.probabilities)
    }

    private func kernelSample(_ probabilities: UnsafeMutablePointer<Double>) -> softmax_sample {
        softmax_sample(
            probabilities: probabilities, classes: Int64(classes), argmax: argmax, complement_high: complement.x,
            complement_low: complement.y, complement_exponent: complementExponent, scale_high: scale.x,
            scale_low: scale.y, scale_exponent: scaleExponent, is_single: S.softmaxFormat.isSingle,
            is_logarithmic: isLogarithmic)
    }

    /// Takes another row of the batch; `scratch` is as for the batch's own operations.
    mutating func prepare(
        _ batch: Batch<S>, logits: Span<S>, row: Int, scratch: UnsafeMutablePointer<Double>
    ) {
        logits.withUnsafeBufferPointer { logits in
            guard let source = logits.baseAddress else { return }
            // The kernel writes to the scratch and the probabilities alone: `output` is a place it never looks at.
            var view = batch.kernelBatch(source, row: row, rows: 1, output: scratch, scratch: scratch)
            var buffer = probabilities
            probabilities = []
            buffer.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                var sample = kernelSample(base)
                build.kernels.prepare(&view, &sample)
                argmax = sample.argmax
                complement = SIMD2(sample.complement_high, sample.complement_low)
                complementExponent = sample.complement_exponent
                scale = SIMD2(sample.scale_high, sample.scale_low)
                scaleExponent = sample.scale_exponent
            }
            probabilities = buffer
        }
    }

    /// Writes rows of the Jacobian from `offset` on, `classes` numbers each.
    func fill(rows: Range<Int>, into output: inout MutableSpan<S>, at offset: Int) {
        withKernelSample { sample in
            output.withUnsafeMutableBufferPointer { output in
                guard let base = output.baseAddress else { return }
                build.kernels.jacobian(sample, Int64(rows.lowerBound), Int64(rows.count), base + offset)
            }
        }
    }

    /// Writes entries of the Jacobian from `offset` on.
    func fill(entries: Span<JacobianEntry>, into output: inout MutableSpan<S>, at offset: Int) {
        withKernelSample { sample in
            entries.withUnsafeBytes { entries in
                output.withUnsafeMutableBufferPointer { output in
                    guard let base = output.baseAddress else { return }
                    let pairs = entries.assumingMemoryBound(to: softmax_entry.self)
                    guard let first = pairs.baseAddress else { return }
                    build.kernels.entries(sample, first, Int64(pairs.count), base + offset)
                }
            }
        }
    }

    private func withKernelSample(_ body: (UnsafePointer<softmax_sample>) -> Void) {
        probabilities.withUnsafeBufferPointer { numbers in
            guard let base = numbers.baseAddress else { return }
            // Reading alone: the functions that take a prepared sample leave it unchanged.
            var sample = kernelSample(UnsafeMutablePointer(mutating: base))
            body(&sample)
        }
    }
}
