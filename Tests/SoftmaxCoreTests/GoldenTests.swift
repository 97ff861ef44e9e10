import SoftmaxCore
import Testing

@Suite struct GoldenTests {
    @Test(arguments: try GoldenFile.read())
    func `every result is within its promised ulps`(_ golden: GoldenCase) throws {
        if golden.isDouble {
            try check(golden, as: Double.self)
        } else {
            try check(golden, as: Float.self)
        }
    }

    @Test func `the file covers both formats, every size and every quantity`() throws {
        let cases = try GoldenFile.read()
        #expect(cases.count > 100)
        let names = Set(cases.filter { $0.isDouble }.map(\.name))
        #expect(names.isSuperset(of: ["normal-8-32000-1", "gap-700", "masked", "gap-1061-cold", "every-magnitude"]))
        #expect(cases.filter { !$0.isDouble }.count * 2 == cases.count)
        #expect(Set(cases.flatMap { $0.results.map(\.quantity) }).count == 10)
    }

    private func check<S: SoftmaxScalar>(_ golden: GoldenCase, as type: S.Type) throws {
        let logits = golden.logits.map { S($0) }
        let vector = golden.vector.map { S($0) }
        let temperature = golden.temperature
        var plain = Results(logits: logits, classes: logits.count)
        plain.options.temperature = temperature
        var logarithmic = plain
        logarithmic.options.function = .logSoftmax

        var computed: [Substring: [S]] = ["softmax": try plain.value(), "log": try logarithmic.value()]
        if 1 / temperature <= Double(S.greatestFiniteMagnitude) {
            computed["complement"] = try plain.factors().complements
            #expect(try plain.factors().probabilities.bitPatterns == computed["softmax"]?.bitPatterns)
            computed["diagonal"] = try plain.diagonal()
            computed["logdiagonal"] = try logarithmic.diagonal()
            computed["vjp"] = try plain.vjp(vector)
            #expect(try plain.jvp(vector).bitPatterns == computed["vjp"]?.bitPatterns)
            computed["logvjp"] = try logarithmic.vjp(vector)
            computed["logjvp"] = try logarithmic.jvp(vector)
            let places = golden.results.filter { $0.quantity == "entry" }
            let pairs = places.map { JacobianEntry(output: $0.row, input: $0.column) }
            computed["entry"] = try plain.entries(pairs)
            computed["logentry"] = try logarithmic.entries(pairs)
        } else {
            #expect(throws: SoftmaxError.temperatureTooSmall) { try plain.diagonal() }
        }

        var entryCounts: [Substring: Int] = [:]
        for result in golden.results {
            guard let values = computed[result.quantity] else { continue }
            var index = result.row
            if result.quantity.hasSuffix("entry") {
                index = entryCounts[result.quantity, default: 0]
                entryCounts[result.quantity] = index + 1
            }
            let error = result.exact.errorInUlp(of: values[index])
            let bound = promisedUlps(result.exact, as: type)
            #expect(error <= bound, "\(result.quantity) \(result.row),\(result.column) is \(values[index])")
        }
    }

    /// The bound that ErrorBounds promises.
    private func promisedUlps<S: SoftmaxScalar>(_ exact: ExactNumber, as type: S.Type) -> Double {
        let bound = exact.isSubnormal(as: type) ? 0.76 : 0.51
        let cancellation = exact.cancellation
        if cancellation > 0x1p+44 { return .infinity }
        return max(bound, min(0.5 + cancellation * 0x1p-15, 1.1))
    }
}
