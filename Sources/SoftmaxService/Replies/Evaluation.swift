import HTTPServer
import SoftmaxCore
import TensorJSON

extension DecodedRequest {
    /// Computes the reply; see ``DecodedOperation/reply(_:)``.
    func reply(_ workers: Workers) throws(HTTPProblem) -> Reply {
        try workers.check()
        switch (operation, form) {
        case (.softmax, _):
            let values = try values(workers) { run, output throws(SoftmaxError) in
                try Softmax.evaluate(run.logits, classes: run.classes, options: options, into: &output)
            }
            return reply(options.function == .softmax ? "probabilities" : "log_probabilities", nested(values))
        case (.vjp, _):
            let products = try values(workers) { run, output throws(SoftmaxError) in
                try Softmax.vjp(
                    run.logits, cotangents: run.vector, classes: run.classes, options: options, into: &output)
            }
            return reply("vjp", nested(products))
        case (.jvp, _):
            let products = try values(workers) { run, output throws(SoftmaxError) in
                try Softmax.jvp(run.logits, tangents: run.vector, classes: run.classes, options: options, into: &output)
            }
            return reply("jvp", nested(products))
        case (.jacobian, .diagonal):
            let values = try values(workers) { run, output throws(SoftmaxError) in
                try Softmax.jacobianDiagonal(run.logits, classes: run.classes, options: options, into: &output)
            }
            return reply("diagonal", nested(values))
        case (.jacobian, .factored):
            return try factored(workers)
        case (.jacobian, .entries):
            return reply("entries", try entries(workers))
        case (.jacobian, .dense):
            return reply("jacobian", JacobianSection(self))
        }
    }

    private func reply(_ name: StaticString, _ section: some ReplySection) -> Reply {
        Reply(members: [Reply.Member(name: name, section: section)], numbers: replyNumbers)
    }

    /// Values nested like the request.
    private func nested(_ values: [Scalar]) -> ValueSection<Scalar> {
        ValueSection(arrangement.scattered(values), layout: layout)
    }

    /// A run of equally long samples, as the kernels take it.
    struct Run: ~Escapable {
        let logits: Span<Scalar>
        let vector: Span<Scalar>
        let classes: Int

        @_lifetime(copy logits, copy vector)
        init(logits: Span<Scalar>, vector: Span<Scalar>, classes: Int) {
            self.logits = logits
            self.vector = vector
            self.classes = classes
        }
    }

    /// One value for each logit, samples contiguous.
    private func values(
        _ workers: Workers, _ compute: @Sendable (Run, inout MutableSpan<Scalar>) throws(SoftmaxError) -> Void
    ) throws(HTTPProblem) -> [Scalar] {
        let (logits, vector) = (logits, vector)
        return try filled(logits.count, workers, weight: { $0 }) { samples, output throws(HTTPProblem) in
            try arrangement.forEachRun(in: samples) { values, classes, first throws(HTTPProblem) in
                let run = Run(
                    logits: logits.span.extracting(values),
                    vector: vector.isEmpty ? vector.span : vector.span.extracting(values), classes: classes)
                var span = UnsafeMutableBufferPointer(rebasing: output.buffer[values]).mutableSpan
                do throws(SoftmaxError) {
                    try compute(run, &span)
                } catch {
                    throw HTTPProblem(error) { arrangement.pointer(sample: first + $0) }
                }
            }
        }
    }

    /// An array that `fill` makes by ranges of samples, on several threads; `weight` is a sample's share of the work.
    ///
    /// - Throws: what `fill` throws for the first samples for which it does.
    private func filled(
        _ count: Int, _ workers: Workers, weight: (_ classes: Int) -> Int,
        _ fill: @Sendable (_ samples: Range<Int>, _ output: SharedOutput<Scalar>) throws(HTTPProblem) -> Void
    ) throws(HTTPProblem) -> [Scalar] {
        let ranges = arrangement.ranges(ofAbout: numbersPerPiece, weight: weight)
        if ranges.count <= 1 { return try filled(count, fill) }
        var problems = [HTTPProblem?](repeating: nil, count: ranges.count)
        // At least 1: for 0 the standard library writes the count of the empty array that all threads share.
        let values = [Scalar](unsafeUninitializedCapacity: max(1, count)) { output, initialized in
            output.initialize(repeating: 0)
            initialized = count
            let shared = SharedOutput(buffer: output)
            problems.withUnsafeMutableBufferPointer { problems in
                let failures = SharedOutput(buffer: problems)
                workers.untilCancelled(ranges.count) { index in
                    do throws(HTTPProblem) {
                        try fill(ranges[index], shared)
                    } catch {
                        failures.buffer[index] = error
                    }
                }
            }
        }
        try workers.check()
        if let problem = problems.lazy.compactMap({ $0 }).first { throw problem }
        return values
    }

    private func factored(_ workers: Workers) throws(HTTPProblem) -> Reply {
        // Both in one array, the complements behind: they come out of one pass.
        let (logits, count) = (logits, logits.count)
        let both = try filled(2 * count, workers, weight: { 2 * $0 }) { samples, output throws(HTTPProblem) in
            try arrangement.forEachRun(in: samples) { values, classes, first throws(HTTPProblem) in
                var probabilities = UnsafeMutableBufferPointer(rebasing: output.buffer[values]).mutableSpan
                let behind = values.lowerBound + count..<values.upperBound + count
                var complements = UnsafeMutableBufferPointer(rebasing: output.buffer[behind]).mutableSpan
                do throws(SoftmaxError) {
                    try Softmax.jacobianFactors(
                        logits.span.extracting(values), classes: classes, options: options,
                        probabilities: &probabilities, complements: &complements)
                } catch {
                    throw HTTPProblem(error) { arrangement.pointer(sample: first + $0) }
                }
            }
        }
        let probabilities = Array(both[..<count])
        let complements = Array(both[count...])
        let scale = [Scalar(1 / options.temperature)]
        return Reply(
            members: [
                Reply.Member(name: "probabilities", section: nested(probabilities)),
                Reply.Member(name: "complements", section: nested(complements)),
                Reply.Member(name: "scale", section: NumberSection(number: scale)),
            ], numbers: replyNumbers)
    }

    /// The same by one thread, without the means to share.
    private func filled(
        _ count: Int,
        _ fill: @Sendable (_ samples: Range<Int>, _ output: SharedOutput<Scalar>) throws(HTTPProblem) -> Void
    ) throws(HTTPProblem) -> [Scalar] {
        var problem: HTTPProblem?
        let values = [Scalar](unsafeUninitializedCapacity: max(1, count)) { output, initialized in
            output.initialize(repeating: 0)
            initialized = count
            do throws(HTTPProblem) {
                try fill(0..<arrangement.samples, SharedOutput(buffer: output))
            } catch {
                problem = error
            }
        }
        if let problem { throw problem }
        return values
    }

    private func entries(_ workers: Workers) throws(HTTPProblem) -> ValueSection<Scalar> {
        let (logits, pairs) = (logits, pairs)
        let count = pairs.count
        let values = try filled(arrangement.samples * count, workers, weight: { $0 + count }) {
            samples, output throws(HTTPProblem) in
            try arrangement.forEachRun(in: samples) { values, classes, first throws(HTTPProblem) in
                let target = first * count..<(first + values.count / max(classes, 1)) * count
                var span = UnsafeMutableBufferPointer(rebasing: output.buffer[target]).mutableSpan
                do throws(SoftmaxError) {
                    try Softmax.jacobianEntries(
                        logits.span.extracting(values), classes: classes, options: options, pairs: pairs.span,
                        into: &span)
                } catch {
                    throw HTTPProblem(error) { arrangement.pointer(sample: first + $0) }
                }
            }
        }
        return ValueSection(values, layout: arrangement.sampleLayout, rowLength: count)
    }
}
