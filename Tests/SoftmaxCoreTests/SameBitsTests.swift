import SoftmaxCore
import Testing

/// A row's bits depend on that row and the options only.
@Suite struct SameBitsTests {
    static let sizes = [1, 2, 7, 8, 9, 10, 16, 31, 64, 127, 128, 129, 1000]
    static let optionSets = [
        SoftmaxOptions(), SoftmaxOptions(function: .logSoftmax), SoftmaxOptions(temperature: 0.7),
        SoftmaxOptions(function: .logSoftmax, temperature: 1e-3),
    ]

    /// Rows of different spreads, some with masked classes, and vectors, some of which cancel.
    static func batch<S: SoftmaxScalar>(rows: Int, classes: Int, as type: S.Type) -> (logits: [S], vector: [S]) {
        var logits: [S] = []
        var vector: [S] = []
        for row in 0..<rows {
            let spread = [1.0, 8, 100, 0.001][row % 4]
            logits += normalLike(seed: UInt64(row * 1000 + classes), scale: spread, count: classes).map { S($0) }
            if row % 3 == 1, classes > 1 { logits[row * classes + classes / 2] = -S.infinity }
            let scale = row % 5 == 2 ? 0x1p-30 : 1
            vector += normalLike(seed: UInt64(row * 1000 + classes + 1), scale: scale, count: classes)
                .map { S(row % 5 == 2 ? $0 + 1 : $0) }
        }
        return (logits, vector)
    }

    @Test(arguments: sizes, optionSets)
    func `a row alone and in any position of a batch has the same bits`(
        _ classes: Int, _ options: SoftmaxOptions
    ) throws {
        try checkPositions(classes, options, as: Double.self)
        try checkPositions(classes, options, as: Float.self)
    }

    private func checkPositions<S: SoftmaxScalar>(_ classes: Int, _ options: SoftmaxOptions, as type: S.Type) throws {
        let rows = classes > 200 ? 3 : 19
        let (logits, vector) = Self.batch(rows: rows, classes: classes, as: type)
        let operations: [(Results<S>, [S]) throws -> [S]] = [
            { results, _ in try results.value() }, { results, _ in try results.diagonal() },
            { results, _ in try results.factors().complements }, { try $0.vjp($1) }, { try $0.jvp($1) },
        ]
        for operation in operations {
            let together = try operation(Results(logits: logits, classes: classes, options: options), vector)
            for row in 0..<rows {
                let range = row * classes..<(row + 1) * classes
                let alone = try operation(
                    Results(logits: Array(logits[range]), classes: classes, options: options), Array(vector[range]))
                #expect(alone.bitPatterns == Array(together[range]).bitPatterns)
            }
            // The same rows behind three others, so that each is in another lane.
            let moved = try operation(
                Results(logits: logits.suffix(3 * classes) + logits, classes: classes, options: options),
                vector.suffix(3 * classes) + vector)
            #expect(Array(moved.dropFirst(3 * classes)).bitPatterns == together.bitPatterns)
        }
    }

    @Test(arguments: sizes, optionSets)
    func `every build of the kernels gives the same bits`(_ classes: Int, _ options: SoftmaxOptions) throws {
        let wide = Self.batch(rows: 11, classes: classes, as: Double.self)
        let narrow = Self.batch(rows: 11, classes: classes, as: Float.self)
        func bits(_ build: KernelBuild) throws -> [UInt64] {
            let double = Results(logits: wide.logits, classes: classes, options: options, build: build)
            let single = Results(logits: narrow.logits, classes: classes, options: options, build: build)
            return try double.everything(wide.vector).bitPatterns + single.everything(narrow.vector).bitPatterns
        }
        let first = try bits(.fastest)
        for build in KernelBuild.supported {
            #expect(try bits(build) == first, "\(build.name)")
        }
    }

    @Test(arguments: [1, 2, 9, 33], optionSets)
    func `rows, entries and the diagonal have the dense Jacobian's bits`(
        _ classes: Int, _ options: SoftmaxOptions
    ) throws {
        try checkJacobians(classes, options, as: Double.self)
        try checkJacobians(classes, options, as: Float.self)
    }

    private func checkJacobians<S: SoftmaxScalar>(_ classes: Int, _ options: SoftmaxOptions, as type: S.Type) throws {
        let rows = 6
        let results = Results(
            logits: Self.batch(rows: rows, classes: classes, as: type).logits, classes: classes, options: options)
        let dense = try results.jacobian()
        let pairs = (0..<classes * classes).map { JacobianEntry(output: $0 / classes, input: $0 % classes) }
        #expect(try results.entries(pairs).bitPatterns == dense.bitPatterns)
        let diagonal = stride(from: 0, to: dense.count, by: classes * classes).flatMap { start in
            (0..<classes).map { dense[start + $0 * (classes + 1)] }
        }
        #expect(try results.diagonal().bitPatterns == diagonal.bitPatterns)

        for row in 0..<rows {
            let logits = Array(results.logits[row * classes..<(row + 1) * classes])
            let prepared = try JacobianRows(logits.span, options: options)
            var streamed: [S] = []
            var first = 0
            for step in sequence(first: 1, next: { $0 + 1 }) where first < classes {
                let range = first..<min(first + step, classes)
                var part = [S](repeating: .nan, count: range.count * classes)
                var span = part.mutableSpan
                try prepared.rows(range, into: &span)
                streamed += part
                first = range.upperBound
                if first == classes { break }
            }
            let expected = dense[row * classes * classes..<(row + 1) * classes * classes]
            #expect(streamed.bitPatterns == Array(expected).bitPatterns)
        }
    }
}

/// The unchecked calls with a reused scratch, as the service makes them.
@Suite struct ValidatedTests {
    @Test func `unchecked calls have the bits of the public ones, whatever the scratch was used for before`() throws {
        try check(as: Double.self)
        try check(as: Float.self)
    }

    private func check<S: SoftmaxScalar>(as type: S.Type) throws {
        var scratch = SoftmaxScratch()
        for classes in [33, 1, 9, 200, 2] {
            for options in [SoftmaxOptions(), SoftmaxOptions(function: .logSoftmax, temperature: 0.3)] {
                let (logits, vector) = SameBitsTests.batch(rows: 5, classes: classes, as: type)
                let results = Results(logits: logits, classes: classes, options: options)
                for (operation, expected) in [
                    (.value, try results.value()), (.vjp, try results.vjp(vector)), (.jvp, try results.jvp(vector)),
                    (.diagonal, try results.diagonal()),
                ] as [(Softmax.RowOperation, [S])] {
                    var computed = [S](repeating: .nan, count: logits.count)
                    var output = computed.mutableSpan
                    try Softmax.compute(
                        operation, validated: logits.span, vector: vector.span, classes: classes, options: options,
                        into: &output, &scratch)
                    #expect(computed.bitPatterns == expected.bitPatterns)
                }
                var jacobian = [S](repeating: .nan, count: logits.count * classes)
                var output = jacobian.mutableSpan
                Softmax.jacobian(
                    validated: logits.span, classes: classes, options: options, into: &output, &scratch)
                #expect(jacobian.bitPatterns == (try results.jacobian().bitPatterns))
                let pairs = [JacobianEntry(output: classes - 1, input: 0), JacobianEntry(output: 0, input: 0)]
                var entries = [S](repeating: .nan, count: 5 * pairs.count)
                output = entries.mutableSpan
                Softmax.jacobianEntries(
                    validated: logits.span, classes: classes, options: options, pairs: pairs.span, into: &output,
                    &scratch)
                #expect(entries.bitPatterns == (try results.entries(pairs).bitPatterns))
                let factors = try results.factors()
                var (probabilities, complements) = (
                    [S](repeating: .nan, count: logits.count), [S](repeating: .nan, count: logits.count)
                )
                output = probabilities.mutableSpan
                var complementOutput = complements.mutableSpan
                Softmax.jacobianFactors(
                    validated: logits.span, classes: classes, options: options, probabilities: &output,
                    complements: &complementOutput, &scratch)
                #expect(probabilities.bitPatterns == factors.probabilities.bitPatterns)
                #expect(complements.bitPatterns == factors.complements.bitPatterns)
            }
        }
    }

    @Test func `an unchecked product that overflows is an error`() {
        var scratch = SoftmaxScratch()
        var results = [Double](repeating: 0, count: 2)
        var output = results.mutableSpan
        #expect(throws: SoftmaxError.resultOverflows(row: 0, column: 0)) {
            try Softmax.compute(
                .vjp, validated: [0.0, 0].span, vector: [1e308, -1e308].span, classes: 2,
                options: SoftmaxOptions(temperature: 1e-9), into: &output, &scratch)
        }
    }
}
