import Foundation
import TensorJSON
import Testing

@Suite("Numbers")
struct NumberTests {
    /// Values at the edges of a format.
    static func edges<Scalar: TensorScalar>(_: Scalar.Type) -> [Scalar] {
        let positive: [Scalar] = [
            0, 1, 0.1, 1.5, 10, 123, 1e5, 1e7, 9_007_199_254_740_993, 1e15, 1e16, 1e17, 1e21, 1e22, 1e23, 1e-5, 1e-7,
            1 / 3,
            .pi, .ulpOfOne, .leastNonzeroMagnitude, .leastNormalMagnitude, .leastNormalMagnitude.nextDown,
            .leastNormalMagnitude.nextUp, .greatestFiniteMagnitude, .greatestFiniteMagnitude.nextDown,
        ]
        return positive + positive.map { -$0 }
    }

    /// Values of random sign, exponent and significand.
    static func random<Scalar: TensorScalar>(_ count: Int, _ bits: (UInt64) -> Scalar) -> [Scalar] {
        var generator = SeededGenerator(state: 20)
        return (0..<count).map { _ in bits(generator.next()) }.filter(\.isFinite)
    }

    @Test("Every float64 is printed as the shortest text that reads back to it")
    func printsShortestDoubles() throws {
        try check(Self.edges(Double.self) + Self.random(30_000) { Double(bitPattern: $0) })
    }

    @Test("Every float32 is printed as the shortest text that reads back to it")
    func printsShortestFloats() throws {
        try check(Self.edges(Float.self) + Self.random(30_000) { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) })
    }

    private func check<Scalar: TensorScalar & LosslessStringConvertible>(_ values: [Scalar]) throws {
        let original = Tensor(values: values, layout: TensorLayout(shape: [values.count]))
        let text = String(decoding: try written(original), as: UTF8.self)
        let read = try tensor(text, as: Scalar.self)
        let isSame = zip(read.values, values).allSatisfy { $0 == $1 && $0.sign == $1.sign }
        #expect(isSame && read.values.count == values.count)
        let numbers = text.dropFirst().dropLast().split(separator: ",")
        for (number, value) in zip(numbers, values) {
            // Swift's description is the shortest as well, if not of the same form.
            #expect(significantDigits(number) <= significantDigits(Substring(value.description)), "\(number) \(value)")
        }
    }

    /// How many digits there are between the leading and the trailing zeros, counted without the exponent.
    private func significantDigits(_ number: Substring) -> Int {
        let mantissa = number.prefix { $0 != "e" }
        let digits = mantissa.filter(\.isNumber).drop { $0 == "0" }
        // An integer printed in full, 2^70 say, has all its digits; the shortest form has no more than 17.
        let trailing = digits.reversed().prefix { $0 == "0" }.count
        return mantissa.contains(".") || number.contains("e")
            ? digits.count - trailing : min(digits.count - trailing, 1)
    }

    @Test(
        "The shorter of the fixed and the scientific form is printed, the fixed one where they are as long",
        arguments: [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-7, "-7"), (10, "10"), (1000, "1000"), (10_000, "10000"),
            (100_000, "1e+05"), (123_000, "123000"), (1_200_000, "1200000"), (12_000_000, "1.2e+07"),
            (12_300_000, "12300000"), (100_000_000_000, "1e+11"), (1.5e10, "1.5e+10"),
            (123456.75, "123456.75"), (1.5, "1.5"), (-0.25, "-0.25"),
            (0.001, "0.001"), (0.0001, "1e-04"), (0.00012, "0.00012"), (0.000012, "1.2e-05"), (-1e-5, "-1e-05"),
            (1.25e-9, "1.25e-09"), (1e-10, "1e-10"), (2.5e-100, "2.5e-100"), (.leastNonzeroMagnitude, "5e-324"),
            (-2.2250738585072014e-308, "-2.2250738585072014e-308"), (0.1, "0.1"), (1 / 3, "0.3333333333333333"),
            (0.00012345678901234567, "0.00012345678901234567"), (9_007_199_254_740_991, "9007199254740991"),
            (9_007_199_254_740_992, "9007199254740992"), (1e16, "1e+16"),
            (12_345_678_901_234_567_168, "12345678901234567168"),
            (1e23, "1e+23"), (1.7976931348623157e308, "1.7976931348623157e+308"),
        ] as [(Double, String)])
    func laysOut(value: Double, text: String) throws {
        #expect(try printed([value]) == text)
        #expect(try printed([value, value]) == "\(text),\(text)")
    }

    @Test("A float32 is laid out in the same way")
    func laysOutFloats() throws {
        let values: [Float] = [
            0, -1, 0.1, 0.001, 1e-4, 16_777_215, 16_777_216, 33_554_432, 1e8, 3.4028235e38, .leastNonzeroMagnitude,
        ]
        #expect(
            try printed(values)
                == "0,-1,0.1,0.001,1e-04,16777215,16777216,33554432,1e+08,3.4028235e+38,1e-45")
    }

    @Test("Numbers of every magnitude from 1e-9 to 1e20 and every number of digits read back")
    func printsEveryMagnitude() throws {
        var generator = SeededGenerator(state: 7)
        let values = (0..<60_000).map { index in
            let digits = Double(UInt64.random(in: 1..<(1 << UInt64(index % 53 + 1)), using: &generator))
            return (index % 2 == 0 ? digits : -digits) * pow(10, Double(index % 36 - 20))
        }
        try check(values)
        try check(values.map { Float($0) })
    }

    private func printed<Scalar: TensorScalar>(_ values: [Scalar]) throws -> String {
        String(decoding: try written(values.span), as: UTF8.self)
    }

    @Test("A float32 is rounded once, from its text, not by way of float64")
    func roundsOnce() throws {
        // Just above the middle between 1 and its successor; as a float64 it is that middle, which rounds to even, 1.
        let text = "1.00000005960464477539062500000000001"
        #expect(Float(try #require(Double(text))) == 1)
        #expect(try tensor("[\(text)]", as: Float.self).values == [Float(1).nextUp])
        #expect(try tensor("[1.000000059604644775390625]", as: Float.self).values == [1])
        #expect(try tensor("[1.00000005960464477539062499999999999]", as: Float.self).values == [1])
    }

    @Test(
        "Numbers of many digits are rounded correctly",
        arguments: [
            ("9007199254740993", 9_007_199_254_740_992),
            ("9007199254740993.0000000000000000000000001", 9_007_199_254_740_994),
            ("1.7976931348623158e308", .greatestFiniteMagnitude), ("2.4703282292062327e-324", 0),
            ("2.4703282292062328e-324", .leastNonzeroMagnitude),
            ("2.2250738585072011e-308", .leastNormalMagnitude.nextDown),
            ("0.1000000000000000055511151231257827021181583404541015625", 0.1),
            ("0.1000000000000000124900090270330610871315002441406250000000000001", 0.1.nextUp), ("-0", -0.0),
            ("1e-99999999999999999999", 0), ("-1e-400", -0.0), ("0e99999999999999999999", 0),
        ] as [(String, Double)])
    func roundsCorrectly(text: String, value: Double) throws {
        #expect(try tensor("[\(text)]").values.map(\.bitPattern) == [value.bitPattern])
    }

    @Test("Random texts are read as Swift's own correctly rounding reader reads them")
    func agreesWithSwift() throws {
        var generator = SeededGenerator(state: 4)
        let texts = (0..<20_000).map { _ in
            let digits = (0..<Int.random(in: 1...25, using: &generator)).map { _ in
                String(Int.random(in: 0...9, using: &generator))
            }.joined()
            let sign = Bool.random(using: &generator) ? "-" : ""
            let exponent = Bool.random(using: &generator) ? "e\(Int.random(in: -60...30, using: &generator))" : ""
            return "\(sign)\(Int.random(in: 0...99, using: &generator)).\(digits)\(exponent)"
        }
        let json = "[\(texts.joined(separator: " , "))]"
        #expect(try tensor(json).values == texts.compactMap { Double($0) })
        let floats = texts.map { Float($0) ?? .nan }
        let fitting = zip(texts, floats).filter { $1.isFinite }
        let read = try tensor("[\(fitting.map(\.0).joined(separator: ","))]", as: Float.self)
        #expect(read.values == fitting.map(\.1))
    }

    @Test("A literal that overflows its format is out of range; one that underflows is not")
    func refusesOverflow() throws {
        for json in ["[1,3.5e38]", "[1,1e39]", "[1,-1e39]", "[1,340282356779733661637539395458142568448]"] {
            #expect(tensorRefusal(json, as: Double.self) == nil)
            let error = tensorRefusal(json, as: Float.self)
            #expect(error?.kind == .range)
            #expect(error?.pointer == "/logits/1")
            #expect(error?.detail.contains("float32") == true)
        }
        #expect(try tensor("[3.4028235e38]", as: Float.self).values == [.greatestFiniteMagnitude])
        #expect(
            try tensor("[340282356779733661637539395458142568447]", as: Float.self).values == [.greatestFiniteMagnitude]
        )
        #expect(try tensor("[1e-46,1e-45,-1e-300]", as: Float.self).values == [0, .leastNonzeroMagnitude, 0])
        for json in ["[1e309]", "[1.7976931348623159e308]", "[1\(String(repeating: "0", count: 309))]"] {
            #expect(tensorRefusal(json)?.kind == .range)
        }
        let tiny = "0.\(String(repeating: "0", count: 400))1"
        #expect(try tensor("[\(tiny),\(tiny)e401]").values == [0, 1])
    }

    @Test(
        "What JSON has no number for is thrown with its place, not written", arguments: [Double.nan, .infinity, -.nan])
    func refusesUnwritable(value: Double) {
        var values = [Double](repeating: 1, count: 3000)
        values[2345] = value
        let floats = values.map { Float($0) }
        #expect(throws: UnwritableNumber(position: 2345)) { try written(values.span) }
        #expect(throws: UnwritableNumber(position: 2345)) { try written(floats.span) }
        // Nothing of them is written.
        let text = output(room: values.count * TensorWriter.bytesPerNumber + TensorWriter.slack) { output in
            #expect(throws: UnwritableNumber(position: 2345)) { try TensorWriter.append(values.span, to: &output) }
        }
        #expect(text.isEmpty)
    }
}
