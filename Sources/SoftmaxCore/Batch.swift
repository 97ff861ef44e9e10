import CSoftmaxKernels

/// One call on a batch whose logits and options have been checked, with the kernels to run it.
struct Batch<S: SoftmaxScalar> {
    let rows: Int
    let classes: Int
    let options: SoftmaxOptions
    let build: KernelBuild

    private var isSingle: Bool { S.softmaxFormat.isSingle }

    /// Checks logits and options.
    ///
    /// - Throws: every ``SoftmaxError`` that ``Softmax/evaluate(_:classes:options:into:)`` documents, and
    ///   `temperatureTooSmall` if `differentiating`.
    init(
        _ logits: Span<S>, classes: Int, options: SoftmaxOptions, differentiating: Bool, build: KernelBuild
    ) throws(SoftmaxError) {
        self.build = build
        self.classes = classes
        self.options = options
        try options.validate(for: S.self, differentiating: differentiating)
        guard classes > 0 else { throw .noClasses }
        rows = logits.count / classes
        try checkCount(logits.count, perRow: classes)
        try checkLogits(logits)
    }

    /// A batch of logits and options that have been validated before.
    init(validated logits: Span<S>, classes: Int, options: SoftmaxOptions, build: KernelBuild) {
        precondition(classes > 0 && logits.count.isMultiple(of: classes), "validated logits are whole rows")
        self.build = build
        self.classes = classes
        self.options = options
        rows = logits.count / classes
    }

    /// Checks that a span has `perRow` numbers for each row.
    func checkCount(_ actual: Int, perRow: Int) throws(SoftmaxError) {
        let (expected, overflow) = rows.multipliedReportingOverflow(by: perRow)
        guard !overflow, actual == expected else {
            throw .shapeMismatch(expected: overflow ? Int.max : expected, actual: actual)
        }
    }

    private func checkLogits(_ logits: Span<S>) throws(SoftmaxError) {
        let isValid = logits.withUnsafeBufferPointer { numbers in
            guard let base = numbers.baseAddress else { return true }
            return build.kernels.are_logits(base, Int64(rows), Int64(classes), isSingle)
        }
        if isValid { return }
        // The kernel only says that some number is invalid; this finds the first one.
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
        let areFinite = numbers.withUnsafeBufferPointer { numbers in
            guard let base = numbers.baseAddress else { return true }
            return build.kernels.are_finite(base, Int64(numbers.count), isSingle)
        }
        guard !areFinite, let index = numbers.indices.first(where: { !numbers[$0].isFinite }) else { return nil }
        return (index / classes, index % classes)
    }

    /// Checks that cotangents or tangents are shaped like the logits and finite.
    func checkVector(_ vector: Span<S>) throws(SoftmaxError) {
        try checkCount(vector.count, perRow: classes)
        if let place = firstNotFinite(vector) { throw .notFiniteVector(row: place.row, column: place.column) }
    }

    /// The kernels' description of `rows` rows from `row` on.
    func kernelBatch(
        _ logits: UnsafePointer<S>, row: Int, rows: Int, output: UnsafeMutableRawPointer,
        scratch: UnsafeMutablePointer<Double>
    ) -> softmax_batch {
        softmax_batch(
            logits: logits + row * classes, vector: nil, output: output, complements: nil, scratch: scratch,
            rows: Int64(rows), classes: Int64(classes), temperature: options.temperature, is_single: isSingle,
            is_logarithmic: options.function == .logSoftmax)
    }

    /// Runs an operation on every row; `vector` and `complements` are for the operations that have them.
    func run(
        _ operation: softmax_operation, logits: Span<S>, vector: UnsafePointer<S>? = nil, output: inout MutableSpan<S>,
        complements: UnsafeMutablePointer<S>? = nil, _ scratch: inout SoftmaxScratch
    ) {
        let scratch = scratch.pointer(classes: classes)
        logits.withUnsafeBufferPointer { logits in
            output.withUnsafeMutableBufferPointer { output in
                guard let source = logits.baseAddress, let target = output.baseAddress else { return }
                var batch = kernelBatch(source, row: 0, rows: rows, output: target, scratch: scratch)
                batch.vector = UnsafeRawPointer(vector)
                batch.complements = UnsafeMutableRawPointer(complements)
                build.kernels.rows(&batch, operation)
            }
        }
    }

    /// Writes the product of every row's Jacobian with its vector.
    ///
    /// - Throws: `resultOverflows`, after the output has been written.
    func runProduct(
        _ operation: softmax_operation, logits: Span<S>, vector: Span<S>, output: inout MutableSpan<S>,
        _ scratch: inout SoftmaxScratch
    ) throws(SoftmaxError) {
        vector.withUnsafeBufferPointer {
            run(operation, logits: logits, vector: $0.baseAddress, output: &output, &scratch)
        }
        if let place = firstNotFinite(output.span) { throw .resultOverflows(row: place.row, column: place.column) }
    }

    /// Writes y and 1 - y of every row.
    func runFactors(
        logits: Span<S>, probabilities: inout MutableSpan<S>, complements: inout MutableSpan<S>,
        _ scratch: inout SoftmaxScratch
    ) {
        complements.withUnsafeMutableBufferPointer {
            run(
                SOFTMAX_FACTORS, logits: logits, output: &probabilities, complements: $0.baseAddress, &scratch)
        }
    }

    /// Calls `body` with each row, prepared.
    func forEachSample(
        _ logits: Span<S>, _ scratch: inout SoftmaxScratch, _ body: (_ row: Int, borrowing PreparedSample<S>) -> Void
    ) {
        var sample = PreparedSample(self, storage: &scratch)
        let pointer = scratch.pointer(classes: classes)
        for row in 0..<rows {
            sample.prepare(self, logits: logits, row: row, scratch: pointer)
            body(row, sample)
        }
        sample.returnStorage(to: &scratch)
    }

    /// Writes the Jacobian of every row, `classes` × `classes` numbers each.
    func runJacobian(logits: Span<S>, output: inout MutableSpan<S>, _ scratch: inout SoftmaxScratch) {
        forEachSample(logits, &scratch) { row, sample in
            sample.fill(rows: 0..<classes, into: &output, at: row * classes * classes)
        }
    }

    /// Writes the same entries of the Jacobian of every row.
    func runEntries(
        _ pairs: Span<JacobianEntry>, logits: Span<S>, output: inout MutableSpan<S>, _ scratch: inout SoftmaxScratch
    ) {
        forEachSample(logits, &scratch) { row, sample in
            sample.fill(entries: pairs, into: &output, at: row * pairs.count)
        }
    }

    /// The position of the first entry that is outside a row's Jacobian.
    func firstOutOfRange(_ pairs: Span<JacobianEntry>) -> Int? {
        let range = 0..<classes
        return pairs.indices.first { !range.contains(pairs[$0].output) || !range.contains(pairs[$0].input) }
    }
}
