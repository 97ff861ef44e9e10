import SoftmaxCore
import Testing

@Suite struct PropertyTests {
    /// Rows from uniform to so saturated that y rounds to 1.
    static let rows: [[Double]] = [
        normalLike(seed: 1, scale: 1, count: 10), normalLike(seed: 2, scale: 8, count: 33), [0, -40, -41, -42.5],
        [0, -700, -690], [5, 5, 5], [1e300, -1e300, 1e300], [3, -.infinity, 2.5, 0],
    ]

    @Test(arguments: rows, SoftmaxFunction.allCases)
    func `rows of both Jacobians, and columns of softmax, sum to zero within rounding`(
        _ logits: [Double], _ function: SoftmaxFunction
    ) throws {
        let count = logits.count
        let dense = try Results(logits: logits, classes: count, options: SoftmaxOptions(function: function)).jacobian()
        for j in 0..<count {
            let row = dense[j * count..<(j + 1) * count]
            expectZeroSum(Array(row))
            if function == .softmax { expectZeroSum((0..<count).map { dense[$0 * count + j] }) }
        }
    }

    /// Expects a sum within the rounding of its terms, which are added from the smallest to keep the rounding of the
    /// sum small.
    private func expectZeroSum(_ numbers: [Double]) {
        let sum = numbers.sorted { abs($0) < abs($1) }.reduce(0, +)
        let rounding = numbers.reduce(0) { $0 + $1.ulp }
        #expect(abs(sum) <= rounding)
    }

    @Test(arguments: rows) func `the softmax Jacobian is symmetric to one ulp`(_ logits: [Double]) throws {
        let count = logits.count
        let dense = try Results(logits: logits, classes: count).jacobian()
        for j in 0..<count {
            for i in 0..<count where abs(dense[j * count + i]) > 0 {
                // y_i (y_j / τ) and y_j (y_i / τ) differ in the last bits of the pair before it is rounded.
                #expect(abs(dense[j * count + i] - dense[i * count + j]) <= dense[j * count + i].ulp)
            }
        }
    }

    @Test(arguments: rows, SoftmaxFunction.allCases)
    func `VJP is the transposed Jacobian times g and JVP the Jacobian times v`(
        _ logits: [Double], _ function: SoftmaxFunction
    ) throws {
        let count = logits.count
        let results = Results(
            logits: logits, classes: count, options: SoftmaxOptions(function: function, temperature: 1.7))
        let vector = normalLike(seed: 9, scale: 1, count: count)
        let (dense, vjp, jvp) = (try results.jacobian(), try results.vjp(vector), try results.jvp(vector))
        for k in 0..<count {
            let columnTerms = (0..<count).map { dense[$0 * count + k] * vector[$0] }
            let rowTerms = (0..<count).map { dense[k * count + $0] * vector[$0] }
            for (terms, value) in [(columnTerms, vjp[k]), (rowTerms, jvp[k])] {
                let size = terms.reduce(0) { $0 + abs($1) }
                #expect(abs(terms.reduce(0, +) - value) <= size * Double(count + 4) * 0x1p-53)
            }
        }
    }

    @Test(arguments: [64.0, -1024, 0x1p+30]) func `an exact shift changes no bit`(_ shift: Double) throws {
        // Multiples of 2^-10 plus any of these shifts are exact.
        let logits = normalLike(seed: 3, scale: 8, count: 50).map { ($0 * 1024).rounded() / 1024 }
        let vector = normalLike(seed: 4, scale: 1, count: 50)
        for function in SoftmaxFunction.allCases {
            let options = SoftmaxOptions(function: function)
            let original = try Results(logits: logits, classes: 50, options: options).everything(vector)
            let shifted = try Results(logits: logits.map { $0 + shift }, classes: 50, options: options)
                .everything(vector)
            #expect(original.bitPatterns == shifted.bitPatterns)
        }
    }

    @Test(arguments: SoftmaxFunction.allCases) func `permuting the classes permutes the results`(
        _ function: SoftmaxFunction
    ) throws {
        let options = SoftmaxOptions(function: function)
        let logits = normalLike(seed: 5, scale: 8, count: 200)
        var random = SplitMix64(state: 6)
        let order = Array(0..<200).shuffled(using: &random)
        let value = try Results(logits: logits, classes: 200, options: options).value()
        let permuted = try Results(logits: order.map { logits[$0] }, classes: 200, options: options).value()
        for (position, index) in order.enumerated() {
            #expect(abs(permuted[position] - value[index]) <= value[index].ulp)
        }
    }

    @Test(arguments: SoftmaxFunction.allCases) func `finite differences approach the Jacobian`(
        _ function: SoftmaxFunction
    ) throws {
        let options = SoftmaxOptions(function: function, temperature: 0.8)
        let logits = normalLike(seed: 7, scale: 1, count: 6)
        let dense = try Results(logits: logits, classes: 6, options: options).jacobian()
        let step = 0x1p-17
        for i in 0..<6 {
            var (above, below) = (logits, logits)
            above[i] += step
            below[i] -= step
            let high = try Results(logits: above, classes: 6, options: options).value()
            let low = try Results(logits: below, classes: 6, options: options).value()
            for j in 0..<6 {
                #expect(abs((high[j] - low[j]) / (2 * step) - dense[j * 6 + i]) < 1e-9)
            }
        }
    }

    @Test func `probabilities sum to one within their rounding`() throws {
        for logits in Self.rows {
            let value = try Results(logits: logits, classes: logits.count).value()
            #expect(abs(value.reduce(0, +) - 1) <= Double(value.count) * 0x1p-53)
        }
    }
}
