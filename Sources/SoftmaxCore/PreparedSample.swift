import CSoftmaxKernels

/// The probabilities of one sample as pairs, from which any entry of its Jacobian is computed in O(1).
///
/// Its callers check shapes and indices.
struct PreparedSample<S: SoftmaxScalar>: Sendable {
    /// y in the format of `softmax_sample`: high parts, low parts and, at a temperature below 2^-400, exponents.
    private var probabilities: [Double]
    private var argmax: Int64 = 0
    private var complement = SIMD2<Double>.zero
    private var complementExponent: Int64 = 0
    private var scale = SIMD2<Double>.zero
    private var scaleExponent: Int64 = 0
    private let isLogarithmic: Bool
    private let build: KernelBuild
    let classes: Int

    /// A sample for the rows of a batch, in the scratch's storage if that is large enough.
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

    /// Returns the storage to the scratch, after which the sample must not be used.
    mutating func returnStorage(to scratch: inout SoftmaxScratch) {
        swap(&probabilities, &scratch.probabilities)
    }

    private func kernelSample(_ probabilities: UnsafeMutablePointer<Double>) -> softmax_sample {
        softmax_sample(
            probabilities: probabilities, classes: Int64(classes), argmax: argmax, complement_high: complement.x,
            complement_low: complement.y, complement_exponent: complementExponent, scale_high: scale.x,
            scale_low: scale.y, scale_exponent: scaleExponent, is_single: S.softmaxFormat.isSingle,
            is_logarithmic: isLogarithmic)
    }

    /// Computes the probabilities of a row; `scratch` is from ``SoftmaxScratch/pointer(classes:)``.
    mutating func prepare(
        _ batch: Batch<S>, logits: Span<S>, row: Int, scratch: UnsafeMutablePointer<Double>
    ) {
        logits.withUnsafeBufferPointer { logits in
            guard let source = logits.baseAddress else { return }
            // The kernel only writes to the scratch and the probabilities; it does not use `output`.
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
            // These functions take a constant sample and do not write to its probabilities.
            var sample = kernelSample(UnsafeMutablePointer(mutating: base))
            body(&sample)
        }
    }
}
