import SoftmaxCore
import Testing

@Suite struct DomainTests {
    @Test(
        arguments: [
            ([1, .nan, 2, 3], SoftmaxError.notANumberOrInfinite(row: 0, column: 1)),
            ([1, 2, 3, .infinity], .notANumberOrInfinite(row: 1, column: 1)),
            ([1, 2, -.infinity, -.infinity], .allClassesMasked(row: 1)),
            ([-.infinity, -.infinity, .nan, 0], .allClassesMasked(row: 0)),
            ([1, 2, 3], .shapeMismatch(expected: 2, actual: 3)),
        ] as [([Double], SoftmaxError)])
    func `invalid logits are refused before anything is written`(_ logits: [Double], _ error: SoftmaxError) throws {
        var output = [Double](repeating: 7, count: logits.count)
        #expect(throws: error) { try Softmax.validate(logits.span, classes: 2) }
        #expect(throws: error) {
            var span = output.mutableSpan
            try Softmax.evaluate(logits.span, classes: 2, into: &span)
        }
        #expect(output == [Double](repeating: 7, count: logits.count))
        let single = logits.map { Float($0) }
        #expect(throws: error) { try Softmax.validate(single.span, classes: 2) }
    }

    @Test(arguments: [9, 64, 129]) func `an invalid number is found anywhere in a long row`(_ classes: Int) throws {
        for column in 0..<classes {
            var logits = [Double](repeating: 0, count: classes)
            logits[column] = .nan
            #expect(throws: SoftmaxError.notANumberOrInfinite(row: 0, column: column)) {
                try Softmax.validate(logits.span, classes: classes)
            }
            let good = [Double](repeating: 0, count: classes)
            var vector = good
            vector[column] = -.infinity
            #expect(throws: SoftmaxError.notFiniteVector(row: 0, column: column)) {
                try Softmax.validate(good.span, vector: vector.span, classes: classes)
            }
        }
    }

    @Test(arguments: [0, -1, Int.min]) func `a row without classes is refused`(_ classes: Int) {
        let logits: [Double] = []
        #expect(throws: SoftmaxError.noClasses) { try Softmax.validate(logits.span, classes: classes) }
        #expect(throws: SoftmaxError.noClasses) { try JacobianRows(logits.span) }
    }

    @Test func `an empty batch has an empty result`() throws {
        let empty = Results<Double>(logits: [], classes: 5)
        #expect(try empty.value().isEmpty)
        #expect(try empty.vjp([]).isEmpty)
        #expect(try empty.jacobian().isEmpty)
        #expect(try empty.entries([]).isEmpty)
    }

    @Test(arguments: [0, -1, .nan, .infinity, -.infinity] as [Double])
    func `a temperature that is not positive and finite is refused`(_ temperature: Double) {
        let options = SoftmaxOptions(temperature: temperature)
        let results = Results<Double>(logits: [1, 2], classes: 2, options: options)
        #expect(throws: SoftmaxError.temperatureNotPositive) { try results.value() }
        #expect(throws: SoftmaxError.temperatureNotPositive) { try results.jacobian() }
    }

    @Test func `at a temperature whose reciprocal overflows there are values but no derivatives`() throws {
        let cold = SoftmaxOptions(temperature: 0x1p-1074)
        let results = Results<Double>(logits: [0x1p-1074, 0, 0], classes: 3, options: cold)
        let e = 2.718281828459045
        let value = try results.value()
        #expect(abs(value[0] - e / (e + 2)) < 1e-15)
        #expect(throws: SoftmaxError.temperatureTooSmall) { try results.diagonal() }
        let single = Results<Float>(logits: [1, 0], classes: 2, options: SoftmaxOptions(temperature: 1e-39))
        #expect(throws: SoftmaxError.temperatureTooSmall) { try single.vjp([1, 2]) }
    }

    @Test func `shapes that differ are refused, however large`() throws {
        let logits: [Double] = [1, 2, 3, 4]
        #expect(throws: SoftmaxError.shapeMismatch(expected: 4, actual: 3)) {
            try Results(logits: logits, classes: 2).vjp([1, 2, 3])
        }
        var short: [Double] = [0]
        let keep = [true]
        #expect(throws: SoftmaxError.shapeMismatch(expected: 8, actual: 1)) {
            var span = short.mutableSpan
            try Softmax.jacobian(logits.span, classes: 2, into: &span)
        }
        #expect(throws: SoftmaxError.shapeMismatch(expected: 4, actual: 1)) {
            var all = logits
            var span = all.mutableSpan
            try Softmax.mask(keep.span, applyTo: &span)
        }
        let prepared = try JacobianRows(logits.span)
        #expect(throws: SoftmaxError.shapeMismatch(expected: 8, actual: 1)) {
            var span = short.mutableSpan
            try prepared.rows(1..<3, into: &span)
        }
        #expect(throws: SoftmaxError.indexOutOfRange(position: 0)) {
            var span = short.mutableSpan
            try prepared.rows(3..<5, into: &span)
        }
        #expect(throws: SoftmaxError.indexOutOfRange(position: 0)) {
            var span = short.mutableSpan
            try prepared.rows(Int.min..<Int.max, into: &span)
        }
    }

    @Test(arguments: [(0, 2), (2, 0), (-1, 0), (0, Int.max), (Int.min, 0)])
    func `an entry outside the Jacobian is refused`(_ output: Int, _ input: Int) {
        let pairs = [JacobianEntry(output: 0, input: 1), JacobianEntry(output: output, input: input)]
        #expect(throws: SoftmaxError.indexOutOfRange(position: 1)) {
            try Results<Double>(logits: [1, 2], classes: 2).entries(pairs)
        }
    }

    @Test func `a product that overflows is refused`() {
        let most = Double.greatestFiniteMagnitude
        let results = Results<Double>(
            logits: [0, 0], classes: 2, options: SoftmaxOptions(function: .logSoftmax, temperature: 0.5))
        #expect(throws: SoftmaxError.resultOverflows(row: 0, column: 0)) { try results.vjp([most, -most]) }
        let single = Results<Float>(logits: [0, 0], classes: 2, options: SoftmaxOptions(temperature: 1e-20))
        #expect(throws: SoftmaxError.resultOverflows(row: 0, column: 0)) { try single.vjp([1e30, -1e30]) }
    }

    @Test(arguments: SoftmaxFunction.allCases) func `results with a masked class are those without that class`(
        _ function: SoftmaxFunction
    ) throws {
        let options = SoftmaxOptions(function: function, temperature: 1.25)
        let kept: [Double] = [0.5, -1, 2]
        var logits: [Double] = [9, 0.5, 11, -1, 2]
        var span = logits.mutableSpan
        let keep = [false, true, false, true, true]
        try Softmax.mask(keep.span, applyTo: &span)
        let masked = Results(logits: logits, classes: 5, options: options)
        let plain = Results(logits: kept, classes: 3, options: options)
        let indices = [1, 3, 4]
        let vector: [Double] = [1e30, 3, -1e30, 0.25, -2]

        func expectSame(_ with: [Double], _ without: [Double], _ hidden: Double) {
            for (position, index) in indices.enumerated() {
                #expect(abs(with[index] - without[position]) <= without[position].ulp)
            }
            #expect(with[0] == hidden && with[2] == hidden)
        }
        expectSame(try masked.value(), try plain.value(), function == .softmax ? 0 : -.infinity)
        expectSame(try masked.diagonal(), try plain.diagonal(), 0)
        expectSame(try masked.vjp(vector), try plain.vjp([3, 0.25, -2]), 0)
        expectSame(try masked.jvp(vector), try plain.jvp([3, 0.25, -2]), 0)
        let dense = try masked.jacobian()
        for j in 0..<5 {
            for i in 0..<5 where !keep[j] || !keep[i] { #expect(dense[j * 5 + i].bitPattern == 0) }
        }
    }

    @Test func `a single class has exactly probability 1 and derivative 0`() throws {
        for logit in [0, -0.0, 1e300, -.greatestFiniteMagnitude, 0x1p-1074] as [Double] {
            let results = Results(logits: [logit], classes: 1)
            #expect(try results.value() == [1])
            #expect(try results.jacobian().bitPatterns == [0])
            #expect(try results.vjp([5]).bitPatterns == [0])
            let logarithmic = Results(
                logits: [logit], classes: 1, options: SoftmaxOptions(function: .logSoftmax))
            #expect(try logarithmic.value().bitPatterns == [0])
            #expect(try logarithmic.jacobian().bitPatterns == [0])
        }
    }

    @Test func `logits and temperatures at the ends of the range give no NaN`() throws {
        let most = Double.greatestFiniteMagnitude
        let logits: [Double] = [most, -most, 0, 0x1p-1074, -0.0, 0x1p-1022, most, 1]
        for temperature in [0x1p-1022, 1e-300, 0.3, 1, 1e300, most] {
            for function in SoftmaxFunction.allCases {
                let results = Results(
                    logits: logits, classes: 8, options: SoftmaxOptions(function: function, temperature: temperature))
                #expect(try results.value().allSatisfy { !$0.isNaN && $0 < .infinity })
                #expect(try results.jacobian().allSatisfy { $0.isFinite })
                #expect(try results.factors().complements.allSatisfy { $0 >= 0 && $0 <= 1 })
            }
        }
    }
}
