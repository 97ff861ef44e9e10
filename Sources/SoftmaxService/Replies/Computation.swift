import HTTPServer
import SoftmaxCore
import TensorJSON

extension Calculation {
    /// Computes all results on the calling thread.
    ///
    /// - Throws: `overflow`, the only error of a request that cannot be found before computing it.
    mutating func compute(_ scratch: inout SoftmaxScratch) throws(ReplyFailure) {
        let samples = 0..<arrangement.samples
        try fill { calculation, output throws(ReplyFailure) in
            try calculation.compute(samples, into: output, from: 0, &scratch)
        }
    }

    /// Whether ``LargeReply`` computes each piece's results as it writes them, while they are in the thread's cache.
    ///
    /// That is so where nothing can fail any more (a product can overflow, which has to be known before the reply's head
    /// is sent), and where the reply has whole samples in the order in which they are computed: of dense Jacobians a piece
    /// may be some rows.
    var isComputedByPiece: Bool {
        if options.isDense { return true }
        guard options.operation == .softmax, arrangement.isContiguous, arrangement.sampleLayout.isRectangular else {
            return false
        }
        return arrangement.samples > 0 && !isSplit(row: 0)
    }

    /// Computes all results on several threads, except those that ``LargeReply`` computes as it writes them.
    ///
    /// - Throws: `overflow` for the first sample that overflows, or `cancelled`.
    mutating func compute(_ workers: Workers) throws(ReplyFailure) {
        try workers.checkCancellation()
        guard !isComputedByPiece else { return }
        let ranges = arrangement.ranges(ofAbout: numbersPerPiece, weight: { weight(classes: $0) })
        try fill { calculation, output throws(ReplyFailure) in
            let output = SharedOutput(buffer: output)
            try workers.performUntilCancelled(ranges.count) { index throws(ReplyFailure) in
                var scratch = SoftmaxScratch()
                try calculation.compute(ranges[index], into: output.buffer, from: 0, &scratch)
            }
        }
    }

    /// The work of computing one sample, in numbers.
    private func weight(classes: Int) -> Int {
        switch (options.operation, options.form) {
        case (.jacobian, .factored): 2 * classes
        case (.jacobian, .entries): classes + pairs.count
        default: classes
        }
    }

    /// Has `write` compute all results, then brings them into the order of the reply.
    @inline(__always)
    private mutating func fill(
        _ write: (borrowing Calculation, UnsafeMutableBufferPointer<Scalar>) throws(ReplyFailure) -> Void
    ) throws(ReplyFailure) {
        var results: [Scalar] = []
        swap(&results, &self.results)
        defer { swap(&results, &self.results) }
        if results.count == replyNumbers {
            // Requests of one size often follow each other: the numbers of the last one are overwritten.
            try results.withUnsafeMutableBufferPointer { buffer throws(ReplyFailure) in try write(self, buffer) }
        } else {
            results.removeAll(keepingCapacity: true)
            try results.append(count: replyNumbers) { buffer throws(ReplyFailure) in try write(self, buffer) }
        }
        if !isWrittenBySample { arrangement.scatter(&results, &spare) }
    }

    /// Computes some samples.
    ///
    /// `output` is for the results of all samples from the number `start` on; for dense Jacobians it is for those of
    /// these samples only.
    private func compute(
        _ samples: Range<Int>, into output: UnsafeMutableBufferPointer<Scalar>, from start: Int,
        _ scratch: inout SoftmaxScratch
    ) throws(ReplyFailure) {
        let count = logits.values.count
        var written = 0
        func span(_ range: Range<Int>) -> UnsafeMutableBufferPointer<Scalar> {
            UnsafeMutableBufferPointer(rebasing: output[range.lowerBound - start..<range.upperBound - start])
        }
        try arrangement.forEachRun(in: samples) { values, classes, first throws(ReplyFailure) in
            let logits = logits.values.span.extracting(values)
            switch (options.operation, options.form) {
            case (.softmax, _): try compute(.value, values, classes, first, span(values), &scratch)
            case (.vjp, _): try compute(.vjp, values, classes, first, span(values), &scratch)
            case (.jvp, _): try compute(.jvp, values, classes, first, span(values), &scratch)
            case (.jacobian, .diagonal): try compute(.diagonal, values, classes, first, span(values), &scratch)
            case (.jacobian, .factored):
                var probabilities = span(values).mutableSpan
                var complements = span(values.lowerBound + count..<values.upperBound + count).mutableSpan
                Softmax.jacobianFactors(
                    validated: logits, classes: classes, options: options.softmax, probabilities: &probabilities,
                    complements: &complements, &scratch)
            case (.jacobian, .entries):
                let end = first + values.count / classes
                var entries = span(first * pairs.count..<end * pairs.count).mutableSpan
                Softmax.jacobianEntries(
                    validated: logits, classes: classes, options: options.softmax, pairs: pairs.span, into: &entries,
                    &scratch)
            case (.jacobian, .dense):
                let entries = output[written..<written + values.count * classes]
                var jacobians = UnsafeMutableBufferPointer(rebasing: entries).mutableSpan
                Softmax.jacobian(
                    validated: logits, classes: classes, options: options.softmax, into: &jacobians, &scratch)
                written += values.count * classes
            }
        }
    }

    private func compute(
        _ operation: Softmax.RowOperation, _ values: Range<Int>, _ classes: Int, _ first: Int,
        _ output: UnsafeMutableBufferPointer<Scalar>, _ scratch: inout SoftmaxScratch
    ) throws(ReplyFailure) {
        let vector = vector.values.span
        var output = output.mutableSpan
        do throws(SoftmaxError) {
            try Softmax.compute(
                operation, validated: logits.values.span.extracting(values),
                vector: vector.isEmpty ? vector : vector.extracting(values), classes: classes,
                options: options.softmax, into: &output, &scratch)
        } catch {
            guard case .resultOverflows(let row, _) = error else {
                preconditionFailure("a calculation is validated before it is computed")
            }
            throw .overflow(sample: first + row)
        }
    }

    /// The results of some samples, `numbers` altogether, where ``isComputedByPiece``.
    func results(of samples: Range<Int>, numbers: Int) throws(ReplyFailure) -> [Scalar] {
        var scratch = SoftmaxScratch()
        var values: [Scalar] = []
        let start = arrangement.values(of: samples).lowerBound
        try values.append(count: numbers) { buffer throws(ReplyFailure) in
            try compute(samples, into: buffer, from: start, &scratch)
        }
        return values
    }
}
