import HTTPServer
import SoftmaxCore
import TensorJSON

extension Calculation {
    /// Computes all results on the calling thread.
    ///
    /// - Throws: `overflow`, the one failure of a request that only shows in the computing.
    mutating func compute(_ scratch: inout SoftmaxScratch) throws(ReplyFailure) {
        let samples = 0..<arrangement.samples
        try fill { calculation, output throws(ReplyFailure) in
            try calculation.compute(samples, into: output, &scratch)
        }
    }

    /// Computes all results but dense Jacobians, which are computed while they are written, on several threads.
    ///
    /// - Throws: `overflow` for the first sample with one, or `cancelled`.
    mutating func compute(_ workers: Workers) throws(ReplyFailure) {
        try workers.check()
        guard !options.isDense else { return }
        let ranges = arrangement.ranges(ofAbout: numbersPerPiece, weight: { weight(classes: $0) })
        try fill { calculation, output throws(ReplyFailure) in
            var failures = [ReplyFailure?](repeating: nil, count: ranges.count)
            failures.withUnsafeMutableBufferPointer { failures in
                let failures = SharedOutput(buffer: failures)
                let output = SharedOutput(buffer: output)
                workers.untilCancelled(ranges.count) { index in
                    var scratch = SoftmaxScratch()
                    do throws(ReplyFailure) {
                        try calculation.compute(ranges[index], into: output.buffer, &scratch)
                    } catch {
                        failures.buffer[index] = error
                    }
                }
            }
            try workers.check()
            if let failure = failures.lazy.compactMap({ $0 }).first { throw failure }
        }
    }

    /// A sample's share of the work.
    private func weight(classes: Int) -> Int {
        switch (options.operation, options.form) {
        case (.jacobian, .factored): 2 * classes
        case (.jacobian, .entries): classes + pairs.count
        default: classes
        }
    }

    /// Has the closure write all results, and puts them in the order in which they are written.
    private mutating func fill(
        _ write: (borrowing Calculation, UnsafeMutableBufferPointer<Scalar>) throws(ReplyFailure) -> Void
    ) throws(ReplyFailure) {
        var results: [Scalar] = []
        swap(&results, &self.results)
        defer { swap(&results, &self.results) }
        results.removeAll(keepingCapacity: true)
        let count = resultNumbers
        // At least 1: for 0 the standard library writes the count of the empty array that all threads share.
        try results.append(addingCapacity: max(1, count)) { output throws(ReplyFailure) in
            try output.withUnsafeMutableBufferPointer { buffer, initialized throws(ReplyFailure) in
                try write(self, UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                initialized = count
            }
        }
        if !isWrittenBySample { arrangement.scatter(&results, &spare) }
    }

    /// How many numbers are computed: those of the reply but for the scale of factors.
    private var resultNumbers: Int {
        options.operation == .jacobian && options.form == .factored ? 2 * logits.values.count : replyNumbers
    }

    /// Computes some samples into their part of all results; dense Jacobians into the beginning.
    private func compute(
        _ samples: Range<Int>, into output: UnsafeMutableBufferPointer<Scalar>, _ scratch: inout SoftmaxScratch
    ) throws(ReplyFailure) {
        let count = logits.values.count
        var written = 0
        func span(_ range: Range<Int>) -> UnsafeMutableBufferPointer<Scalar> {
            UnsafeMutableBufferPointer(rebasing: output[range])
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
                var jacobians = span(written..<written + values.count * classes).mutableSpan
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

    /// The dense Jacobians of some samples, one after the other.
    func jacobians(of samples: Range<Int>, numbers: Int) throws(ReplyFailure) -> [Scalar] {
        var scratch = SoftmaxScratch()
        var values: [Scalar] = []
        try values.append(addingCapacity: max(1, numbers)) { output throws(ReplyFailure) in
            try output.withUnsafeMutableBufferPointer { buffer, count throws(ReplyFailure) in
                try compute(samples, into: UnsafeMutableBufferPointer(rebasing: buffer[..<numbers]), &scratch)
                count = numbers
            }
        }
        return values
    }
}
