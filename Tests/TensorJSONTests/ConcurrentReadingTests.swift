import Dispatch
import Testing

@testable import TensorJSON

/// A body that is cut into pieces, each read by whatever thread takes it, is read as in one pass, or not at all.
@Suite("Reading on several threads")
struct ConcurrentReadingTests {
    private static var threads: ConcurrentLoop {
        { DispatchQueue.concurrentPerform(iterations: $0, execute: $1) }
    }
    private static var backwards: ConcurrentLoop {
        { count, body in for index in (0..<count).reversed() { body(index) } }
    }

    /// What several threads make of the logits of a body; nil where they are not cut or not read.
    private func readCut<Scalar: TensorScalar>(
        _ body: [UInt8], as _: Scalar.Type, _ loop: ConcurrentLoop, allowingNegativeInfinity: Bool = true
    ) -> Tensor<Scalar>? {
        body.withUnsafeBufferPointer { bytes in
            var reader = SinglePassReader(bytes, limits: TensorLimits())
            var rows = RowRecords()
            guard reader.nextName() != nil, let cut = reader.cut(rows: &rows) else { return nil }
            let tensor: Tensor<Scalar>? = cut.read(
                of: bytes, allowingNegativeInfinity: allowingNegativeInfinity, loop)
            // What follows the tensor is still to be read.
            guard tensor == nil || (reader.nextName() == nil && reader.isWhole) else { return nil }
            return tensor
        }
    }

    /// What one thread makes of them; nil where it gives up.
    private func readOnce<Scalar: TensorScalar>(
        _ body: [UInt8], as _: Scalar.Type, allowingNegativeInfinity: Bool = true
    ) -> Tensor<Scalar>? {
        body.withUnsafeBufferPointer { bytes in
            var reader = SinglePassReader(bytes, limits: TensorLimits())
            var rows = RowRecords()
            var tensor = Tensor<Scalar>(values: [], layout: .emptyBatch)
            guard reader.nextName() != nil,
                reader.read(&tensor, allowingNegativeInfinity: allowingNegativeInfinity, rows: &rows),
                reader.nextName() == nil, reader.isWhole
            else { return nil }
            return tensor
        }
    }

    /// Compares without printing tens of thousands of numbers.
    private func expect<Scalar: TensorScalar>(
        _ tensor: Tensor<Scalar>?, is expected: Tensor<Scalar>?, _ location: SourceLocation = #_sourceLocation
    ) {
        let isSame = tensor == expected
        #expect(isSame, sourceLocation: location)
    }

    private func body(_ logits: String) -> [UInt8] { Array("{\"logits\":\(logits)}".utf8) }

    /// Nested arrays of so many numbers in all, with the text of some of them replaced.
    private static func rows(
        _ lengths: [Int], _ replaced: [Int: String] = [:], comma: String = ",", bracket: String = ""
    ) -> String {
        var number = 0
        let rows = lengths.map { length in
            let numbers = (number..<number + length).map { replaced[$0] ?? "\(Double($0) * -0.37)" }
            number += length
            return "[" + bracket + numbers.joined(separator: comma) + bracket + "]"
        }
        return "[" + rows.joined(separator: comma) + "]"
    }

    static let shapes = [
        [40_000], [1, 40_000, 2], [Int](repeating: 100, count: 300), [Int](repeating: 1, count: 20_000),
        [8192, 8192], [8191, 8193, 1], [16_384, 1], [5, 26_379], [3, 20_000, 1, 1, 50_000, 7],
    ]

    @Test("numbers and nesting are those that one thread reads", arguments: shapes)
    func equal(lengths: [Int]) throws {
        let count = lengths.reduce(0, +)
        let infinite = Dictionary(
            uniqueKeysWithValues: Set([0, 8191, 8192, count - 1]).map { ($0, #""-Infinity""#) })
        for json in [
            Self.rows(lengths), Self.rows(lengths, infinite), Self.rows(lengths, comma: " ,\n\t", bracket: " "),
            "[" + Self.rows(lengths) + "," + Self.rows(lengths.reversed()) + "]",
        ] {
            let body = body(json)
            let expected = try #require(readOnce(body, as: Double.self))
            expect(readCut(body, as: Double.self, Self.threads), is: expected)
            expect(readCut(body, as: Double.self, Self.backwards), is: expected)
            let single = try #require(readOnce(body, as: Float.self))
            expect(readCut(body, as: Float.self, Self.threads), is: single)
        }
    }

    @Test("a long row is cut within, many rows between them, and every piece is of a size worth a thread's while")
    func pieces() throws {
        for lengths in Self.shapes {
            let bytes = body(Self.rows(lengths))
            let found = bytes.withUnsafeBufferPointer { bytes in
                var reader = SinglePassReader(bytes, limits: TensorLimits())
                var rows = RowRecords()
                _ = reader.nextName()
                return reader.cut(rows: &rows)
            }
            let cut = try #require(found)
            let sizes = zip(cut.pieces.dropFirst(), cut.pieces).map { $0.numbers - $1.numbers }
            #expect(sizes.reduce(0, +) == lengths.reduce(0, +))
            #expect(sizes.dropLast().allSatisfy { $0 >= TensorCutter.numbersPerPiece / 2 }, "\(sizes)")
            #expect(sizes.allSatisfy { $0 <= 3 * TensorCutter.numbersPerPiece }, "\(sizes)")
        }
    }

    @Test(
        "what one thread does not read, several do not read",
        arguments: [
            "01", "1e999", "true", #""Infinity""#, "[1]", "1 2", "-", "1.", "null", #""-\u0049nfinity""#, "{}", "",
            "1]", "[1", "1,", ",1", "1],[", "1],[]", "]", "[", "1 ]", "1]]", "\"[\"", "\"]\"", "\",\"", "1}",
        ], [0, 8191, 8192, 20_000, 39_998, 39_999])
    func refusals(text: String, place: Int) {
        let body = body(Self.rows([10_000, 30_000], [place: text]))
        let expected = readOnce(body, as: Double.self)
        expect(readCut(body, as: Double.self, Self.threads), is: expected)
        expect(readCut(body, as: Double.self, Self.backwards), is: expected)
    }

    @Test("an array that does not end, and one beyond a limit, are not cut", arguments: 0..<40)
    func unfinished(cut: Int) {
        let whole = body(Self.rows([10_000, 30_000]))
        expect(readCut(Array(whole.prefix(whole.count - 2 - 4000 * cut)), as: Double.self, Self.threads), is: nil)
        let deep = body(String(repeating: "[", count: 32) + Self.rows([40_000]) + String(repeating: "]", count: 32))
        expect(readCut(deep, as: Double.self, Self.threads), is: nil)
        var limits = TensorLimits()
        limits.elements = 39_999
        whole.withUnsafeBufferPointer { bytes in
            var reader = SinglePassReader(bytes, limits: limits)
            var rows = RowRecords()
            _ = reader.nextName()
            let isCut = reader.cut(rows: &rows) != nil
            #expect(!isCut)
        }
    }

    @Test("\"-Infinity\" is refused where it is not allowed")
    func cotangents() {
        let body = body(Self.rows([40_000], [20_000: #""-Infinity""#]))
        let tensor = readCut(body, as: Double.self, Self.threads)
        #expect(tensor?.values[20_000] == -.infinity)
        expect(readCut(body, as: Double.self, Self.threads, allowingNegativeInfinity: false), is: nil)
    }
}
