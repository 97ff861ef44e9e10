import SoftmaxCore
import Testing

/// Gaps, temperatures and vectors from the ends of the exponent range, which a common scale for a row cannot cover.
///
/// The exact values, and the same rows for float32, are in golden.txt.
@Suite struct RangeTests {
    /// 1e-312, written as a product because the compiler warns of subnormal literals.
    static let tiny = 202402253307 * 0x1p-1074

    @Test func `a derivative at a gap of more than 1060 is not 0 if the temperature brings it into range`() throws {
        let near = Results(logits: [0, -1.059e-197], classes: 2, options: SoftmaxOptions(temperature: 1e-200))
        #expect(try near.diagonal() == [1.2082134455750666e-260, 1.2082134455750666e-260])
        let far = Results(logits: [0, -1.061e-197], classes: 2, options: SoftmaxOptions(temperature: 1e-200))
        let y = 1.635139088671814e-261
        #expect(try far.diagonal() == [y, y])
        #expect(try far.jacobian() == [y, -y, -y, y])
        let pairs = [JacobianEntry(output: 1, input: 0), JacobianEntry(output: 1, input: 1)]
        #expect(try far.entries(pairs) == [-y, y])
        #expect(try far.vjp([1, 0]) == [y, -y])
        #expect(try far.jvp([0, 1]) == [-y, y])

        var logarithmic = far
        logarithmic.options.function = .logSoftmax
        #expect(try logarithmic.diagonal() == [y, 1e200])
        #expect(try logarithmic.jacobian() == [y, -y, -1e200, 1e200])
        #expect(try logarithmic.vjp([1, 0]) == [y, -y])
        #expect(try logarithmic.jvp([0, 1]) == [-y, 1e200])
    }

    @Test func `a product at a gap of more than 1060 is not 0 if the vector brings it into range`() throws {
        let expected = 1.6351390886718224e-153
        for function in SoftmaxFunction.allCases {
            let results = Results<Double>(
                logits: [0, -1061], classes: 2, options: SoftmaxOptions(function: function))
            #expect(try results.vjp([1e308, 0]) == [expected, -expected])
            if function == .softmax { #expect(try results.jvp([1e308, 0]) == [expected, -expected]) }
        }
    }

    @Test func `a log-softmax VJP keeps the digits of tiny cotangents`() throws {
        let options = SoftmaxOptions(function: .logSoftmax, temperature: 1e-5)
        let pair = try Results<Double>(logits: [1e-5, 0], classes: 2, options: options).vjp([Self.tiny, 0])
        #expect(pair[0] == -pair[1])
        let three = try Results<Double>(logits: [2e-5, 1e-5, 0], classes: 3, options: options).vjp([0x1p-1074, 0, 0])
        #expect(three[1] == -24473 * 0x1p-1074)
    }

    @Test(arguments: [
        (-1500, 1e-200, -6.648056670790155e-203, 6.648056670790155e-203),
        (-1000, 1e-130, -1.6936706433803845e-126, -3.3738614352839514e-129),
    ])
    func `small components of a vector are not lost beside large ones`(
        _ gap: Double, _ small: Double, _ first: Double, _ last: Double
    ) throws {
        let results = Results<Double>(logits: [0, gap, -5], classes: 3)
        let vector = [0, 1e308, small]
        for product in [try results.vjp(vector), try results.jvp(vector)] {
            #expect(product[2] == last)
            if gap == -1500 { #expect(product[0] == first) }
        }
    }

    @Test(arguments: [3, 9, 64, 200], SoftmaxFunction.allCases)
    func `the component of a masked class changes no bit`(
        _ classes: Int, _ function: SoftmaxFunction
    ) throws {
        try checkMasked(classes, function, ends: [1e308, -1e308, 1, 0x1p-1074], scales: [1, 1e-130, Self.tiny, 1e300])
        let ends: [Float] = [3e38, -3e38, 1, 0x1p-149]
        try checkMasked(classes, function, ends: ends, scales: [1, 1e-30, 0x1p-146, 1e30])
    }

    private func checkMasked<S: SoftmaxScalar>(
        _ classes: Int, _ function: SoftmaxFunction, ends: [S], scales: [S]
    ) throws {
        for scale in scales {
            let rows = 3
            var logits = normalLike(seed: UInt64(classes), scale: 1, count: rows * classes).map { S($0) }
            var zeros = normalLike(seed: 1, scale: 1, count: rows * classes).map { S($0) * scale }
            var filled = zeros
            var keep = [Bool](repeating: true, count: rows * classes)
            for place in stride(from: 1, to: rows * classes, by: 3) {
                keep[place] = false
                zeros[place] = 0
                filled[place] = ends[place / 3 % ends.count]
            }
            var span = logits.mutableSpan
            try Softmax.mask(keep.span, applyTo: &span)
            for build in KernelBuild.supported {
                let results = Results(
                    logits: logits, classes: classes, options: SoftmaxOptions(function: function), build: build)
                #expect(try results.vjp(filled).bitPatterns == results.vjp(zeros).bitPatterns)
                #expect(try results.jvp(filled).bitPatterns == results.jvp(zeros).bitPatterns)
            }
        }
    }

    /// Ordinary rows beside rows with vectors, gaps and masks from the whole range.
    private func batch(rows: Int, classes: Int, temperature: Double) -> (logits: [Double], vector: [Double]) {
        var random = SplitMix64(state: UInt64(classes))
        func uniform(_ range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &random) }
        var logits: [Double] = []
        var vector: [Double] = []
        for row in 0..<rows {
            let reach = [3, 900, 2200][row % 3]
            logits += (0..<classes).map { $0 == row % classes ? 0 : -uniform(0...Double(reach)) * temperature }
            if row % 4 == 3, classes > 1 { logits[row * classes + (row + 1) % classes] = -.infinity }
            let exponents = [0...0, -1070 ... -1000, -1070...550, 390...550] as [ClosedRange<Double>]
            vector += (0..<classes).map { _ in
                uniform(-1...1) * Double(sign: .plus, exponent: Int(uniform(exponents[row % 4])), significand: 1)
            }
        }
        return (logits, vector)
    }

    @Test(arguments: [1, 2, 8, 10, 65, 129], [1, 1e-100, 1e-130, 1e200])
    func `rows of every range have the same bits alone, in a batch and from every build`(
        _ classes: Int, _ temperature: Double
    ) throws {
        let rows = 13
        let (logits, vector) = batch(rows: rows, classes: classes, temperature: temperature)
        for function in SoftmaxFunction.allCases {
            let options = SoftmaxOptions(function: function, temperature: temperature)
            let operations: [(Results<Double>, [Double]) throws -> [Double]] = [
                { results, _ in try results.diagonal() }, { try $0.vjp($1) }, { try $0.jvp($1) },
            ]
            for operation in operations {
                let together = try operation(Results(logits: logits, classes: classes, options: options), vector)
                for row in 0..<rows {
                    let range = row * classes..<(row + 1) * classes
                    let own = Array(logits[range])
                    for build in KernelBuild.supported {
                        let results = Results(logits: own, classes: classes, options: options, build: build)
                        let alone = try operation(results, Array(vector[range]))
                        #expect(alone.bitPatterns == Array(together[range]).bitPatterns, "\(build.name), row \(row)")
                    }
                }
            }
            let dense = try Results(logits: logits, classes: classes, options: options).jacobian()
            let prepared = try JacobianRows(logits[0..<classes].span, options: options)
            var first = [Double](repeating: .nan, count: classes * classes)
            var span = first.mutableSpan
            try prepared.rows(0..<classes, into: &span)
            #expect(first.bitPatterns == Array(dense[0..<classes * classes]).bitPatterns)
            let pairs = (0..<classes * classes).map { JacobianEntry(output: $0 / classes, input: $0 % classes) }
            let entries = try Results(logits: logits, classes: classes, options: options).entries(pairs)
            #expect(entries.bitPatterns == dense.bitPatterns)
        }
    }
}
