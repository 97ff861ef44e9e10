import Foundation
import Testing

/// A real number as (high + low) 2^exponent with about 100 exact bits; or zero, or -infinity.
enum ExactNumber: Sendable {
    case zero
    case negativeInfinity
    case scaled(high: Double, low: Double, exponent: Int, cancellation: Double)

    /// The error of a result in units in the last place of the exact number.
    func errorInUlp<S: BinaryFloatingPoint>(of result: S) -> Double {
        let digits = S.significandBitCount
        let leastExponent = Int(S.leastNonzeroMagnitude.exponent)
        switch self {
        case .zero:
            return abs(Double(result)) / Double(S.leastNonzeroMagnitude)
        case .negativeInfinity:
            return result == -S.infinity ? 0 : .infinity
        case .scaled(let high, let low, let exponent, _):
            let unit = max(exponent - digits, leastExponent)
            if exponent > Int(S.greatestFiniteMagnitude.exponent) {
                return result == (high < 0 ? -S.infinity : S.infinity) ? 0 : .infinity
            }
            if result == 0 { return abs(high) * Self.power(exponent - unit) }
            let half = -exponent / 2
            let scaled = Double(result) * Self.power(half) * Self.power(-exponent - half)
            let error = abs((scaled - high) - low)
            return error * Self.power(exponent - unit)
        }
    }

    /// Whether the number is subnormal in a type.
    func isSubnormal<S: BinaryFloatingPoint>(as type: S.Type) -> Bool {
        guard case .scaled(_, _, let exponent, _) = self else { return false }
        return exponent < Int(S.leastNormalMagnitude.exponent)
    }

    /// The cancellation number κ of ErrorBounds; 0 if nothing cancels.
    var cancellation: Double {
        guard case .scaled(_, _, _, let cancellation) = self else { return 0 }
        return cancellation
    }

    private static func power(_ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: 1)
    }
}

/// An exact result of a case.
struct GoldenResult: Sendable {
    var quantity: Substring
    var row: Int
    var column: Int
    var exact: ExactNumber
}

/// One row with its exact results; see Golden/generate.py for the file's format.
struct GoldenCase: Sendable, CustomTestStringConvertible {
    var name: String
    var isDouble: Bool
    var temperature: Double
    var logits: [Double]
    var vector: [Double] = []
    var results: [GoldenResult] = []

    var testDescription: String { "\(name), float\(isDouble ? 64 : 32)" }
}

enum GoldenFile {
    struct Malformed: Error {
        var line: Substring
    }

    /// Reads every case of golden.txt.
    static func read() throws -> [GoldenCase] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let text = try String(contentsOf: folder.appendingPathComponent("Golden/golden.txt"), encoding: .utf8)
        var cases: [GoldenCase] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words[0] == "case", words.count > 5, let temperature = Double(words[3]) {
                cases.append(
                    GoldenCase(
                        name: String(words[1]), isDouble: words[2] == "64", temperature: temperature,
                        logits: try numbers(words[4...], line)))
            } else if words[0] == "vector", !cases.isEmpty {
                cases[cases.count - 1].vector = try numbers(words[1...], line)
            } else if words.count >= 3, !cases.isEmpty {
                cases[cases.count - 1].results.append(try result(words, line))
            } else {
                throw Malformed(line: line)
            }
        }
        return cases
    }

    private static func result(_ words: [Substring], _ line: Substring) throws -> GoldenResult {
        let indices = words[1].split(separator: ",").compactMap { Int($0) }
        guard let row = indices.first, let column = indices.last else { throw Malformed(line: line) }
        if words.count == 3 {
            let exact: ExactNumber = words[2] == "zero" ? .zero : .negativeInfinity
            return GoldenResult(quantity: words[0], row: row, column: column, exact: exact)
        }
        guard words.count == 6, let high = Double(words[2]), let low = Double(words[3]), let exponent = Int(words[4]),
            let cancellation = Double(words[5])
        else { throw Malformed(line: line) }
        return GoldenResult(
            quantity: words[0], row: row, column: column,
            exact: .scaled(high: high, low: low, exponent: exponent, cancellation: cancellation))
    }

    private static func numbers(_ words: ArraySlice<Substring>, _ line: Substring) throws -> [Double] {
        let values = Array(words.dropFirst())
        if words.first == "list" {
            let numbers = values.compactMap { Double($0) }
            guard numbers.count == values.count else { throw Malformed(line: line) }
            return numbers
        }
        guard words.first == "normal", values.count == 3, let seed = UInt64(values[0]), let scale = Double(values[1]),
            let count = Int(values[2])
        else { throw Malformed(line: line) }
        return normalLike(seed: seed, scale: scale, count: count)
    }
}

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Sums of twelve uniform numbers, without rounding: mean 0, standard deviation `scale`, which must be a power of two.
func normalLike(seed: UInt64, scale: Double, count: Int) -> [Double] {
    var source = SplitMix64(state: seed)
    return (0..<count).map { _ in
        let sum = (0..<12).reduce(Int64(0)) { sum, _ in sum + Int64(source.next() >> 16) }
        return Double(sum - 6 * (1 << 48)) * 0x1p-48 * scale
    }
}
