import CSoftmaxKernels

/// A checked call on a batch: the shapes, the options and the kernels that compute it.
struct Batch<S: SoftmaxScalar> {
    let rows: Int
    let classes: Int
    let options: SoftmaxOptions
    let build: KernelBuild

    private var isSingle: Bool { S.softmaxFormat.isSingle }

    /// Checks everything about the logits and options; throws what ``SoftmaxError`` says of each.
    init(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions, differentiating: Bool, build: KernelBuild
    ) throws(SoftmaxError) {
        self.build = build
        self.classes = classes
        self.options = options
        try options.validate(for: S.self, differentiating: differentiating)
        rows = try Self.rowCount(logits.count, classes: classes)
        try checkLogits(logits)
    }

    /// A batch whose logits and options have been checked before.
    init(validated logits: Span<S>, classes: Int, options: SoftmaxOptions, build: KernelBuild) {
        precondition(classes > 0 && logits.count.isMultiple(of: classes), "what was validated is whole rows")
        self.build = build
        self.classes = classes
        self.options = options
        rows = logits.count / classes
    }

    /// How many rows of `classes` numbers there are.
    static func rowCount(_ count: Int, classes: Int) throws(SoftmaxError) -> Int {
        guard classes > 0 else { throw .noClasses }
        let (rows, rest) = count.quotientAndRemainder(dividingBy: classes)
        guard rest == 0 else { throw .shapeMismatch(expected: count - rest, actual: count) }
        return rows
    }

    /// Checks that a span holds this many numbers per row.
    func checkCount(_ actual: Int, perRow: Int) throws(SoftmaxError) {
        let (expected, overflow) = rows.multipliedReportingOverflow(by: perRow)
        guard !overflow, actual == expected else {
            throw .shapeMismatch(expected: overflow ? Int.max : expected, actual: actual)
        }
    }

    private func checkLogits(_ logits: Span<S>) throws(SoftmaxError) {
        let good = logits.withUnsafeBufferPointer { numbers in
            guard let base = numbers.baseAddress else { return true }
            return build.kernels.are_logits(base, Int64(rows), Int64(classes), isSingle)
        }
        if good { return }
        for row in 0..<rows {
            var isMasked = true
            for column in 0..<classes {
                let logit = logits[row * classes + column]
                guard logit < S.infinity else { throw .notANumberOrInfinite(row: row, column: column) }
                if logit > -S.infinity { isMasked = false }
            }
            if isMasked { throw .allClassesMasked(row: row) }
        }
    }

    /// The position of the first number that is NaN or infinite.
    func firstNotFinite(_ numbers: Span<S>) -> (row: Int, column: Int)? {
        let good = numbers.withUnsafeBufferPointer { numbers in
            guard let base = numbers.baseAddress else { return true }
            return build.kernels.are_finite(base, Int64(numbers.count), isSingle)
        }
        if good { return nil }
        for index in 0..<numbers.count where !numbers[index].isFinite {
            return (index / classes, index % classes)
        }
        return nil
    }

    /// Checks that cotangents or tangents are shaped like the logits and finite.
    func checkVector(_ vector: Span<S>) throws(SoftmaxError) {
        try checkCount(vector.count, perRow: classes)
        if let place = firstNotFinite(vector) { throw .notFiniteVector(row: place.row, column: place.column) }
    }

    /// A kernel's view of the batch from one row on; `output` and `scratch` are the caller's.
    func kernelBatch(
        _ logits: UnsafePointer<S>, row: Int, rows: Int, output: UnsafeMutableRawPointer,
        scratch: UnsafeMutablePointer<Double>
    ) -> softmax_batch {
        softmax_batch(
            logits: logits + row * classes, vector: nil, output: output, complements: nil, scratch: scratch,
            rows: Int64(rows), classes: Int64(classes), temperature: options.temperature, is_single: isSingle,
            is_logarithmic: options.function == .logSoftmax)
    }

    /// Runs one operation over every row.
    func run(
        _ operation: softmax_operation, logits: Span<S>, vector: Span<S>? = nil, output: inout MutableSpan<S>,
        _ scratch: inout SoftmaxScratch
    ) {
        let scratch = scratch.pointer(classes: classes)
        logits.withUnsafeBufferPointer { logits in
            output.withUnsafeMutableBufferPointer { output in
                guard let source = logits.baseAddress, let target = output.baseAddress else { return }
                var batch = kernelBatch(source, row: 0, rows: rows, output: target, scratch: scratch)
                guard let vector else {
                    build.kernels.rows(&batch, operation)
                    return
                }
                vector.withUnsafeBufferPointer { vector in
                    batch.vector = UnsafeRawPointer(vector.baseAddress)
                    build.kernels.rows(&batch, operation)
                }
            }
        }
    }

    /// Writes the product of every row's Jacobian with its vector, or throws `resultOverflows`.
    func runProduct(
        _ operation: softmax_operation, logits: Span<S>, vector: Span<S>, output: inout MutableSpan<S>,
        _ scratch: inout SoftmaxScratch
    ) throws(SoftmaxError) {
        run(operation, logits: logits, vector: vector, output: &output, &scratch)
        if let place = firstNotFinite(output.span) { throw .resultOverflows(row: place.row, column: place.column) }
    }

    /// Writes y and 1 - y of every row.
    func runFactors(
        logits: Span<S>, probabilities: inout MutableSpan<S>, complements: inout MutableSpan<S>,
        _ scratch: inout SoftmaxScratch
    ) {
        let scratch = scratch.pointer(classes: classes)
        logits.withUnsafeBufferPointer { logits in
            probabilities.withUnsafeMutableBufferPointer { output in
                complements.withUnsafeMutableBufferPointer { complements in
                    guard let source = logits.baseAddress, let target = output.baseAddress else { return }
                    var batch = kernelBatch(source, row: 0, rows: rows, output: target, scratch: scratch)
                    batch.complements = UnsafeMutableRawPointer(complements.baseAddress)
                    build.kernels.rows(&batch, SOFTMAX_FACTORS)
                }
            }
        }
    }
    /// Prepares one row after the other and hands each to a closure.
    func forEachSample(
        _ logits: Span<S>, _ scratch: inout SoftmaxScratch, _ body: (_ row: Int, borrowing PreparedSample<S>) -> Void
    ) {
        var sample = PreparedSample(self, storage: &scratch)
        let pointer = scratch.pointer(classes: classes)
        for row in 0..<rows {
            sample.prepare(self, logits: logits, row: row, scratch: pointer)
            body(row, sample)
        }
        sample.giveBack(to: &scratch)
    }

    /// Writes every row's Jacobian, `classes` × `classes` numbers each.
    func runJacobian(logits: Span<S>, output: inout MutableSpan<S>, _ scratch: inout SoftmaxScratch) {
        forEachSample(logits, &scratch) { row, sample in
            sample.fill(rows: 0..<classes, into: &output, at: row * classes * classes)
        }
    }

    /// Writes the same entries of every row's Jacobian.
    func runEntries(
        _ pairs: Span<JacobianEntry>, logits: Span<S>, output: inout MutableSpan<S>, _ scratch: inout SoftmaxScratch
    ) {
        forEachSample(logits, &scratch) { row, sample in
            sample.fill(entries: pairs, into: &output, at: row * pairs.count)
        }
    }

    /// The position of the first of these that a row's Jacobian does not have.
    func firstMissing(_ pairs: Span<JacobianEntry>) -> Int? {
        let range = 0..<classes
        return pairs.indices.first { !range.contains(pairs[$0].output) || !range.contains(pairs[$0].input) }
    }
}
