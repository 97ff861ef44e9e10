import Foundation
import TensorJSON
import Testing

@Suite("The writer")
struct WriterTests {
    static let nestings = [
        "[]", "[1]", "[1,2]", "[[1,2]]", "[[1,2],[3,4]]", "[[1],[2,3]]", "[[[1],[2]],[[3],[4]]]", "[[[1],[2]],[[3]]]",
        "[[1,2],[[3],[4,5]],6]".replacing(",6", with: ""), "[[[[1]]],[[[2]]],[[[3]]]]", "[[[[1]],[2]],[3,4],[[5]]]",
        "[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]],[[13,14,15],[16,17,18]]]",
    ]

    @Test("Pieces of consecutive ranges make the whole, however it is divided", arguments: nestings)
    func concatenates(json: String) throws {
        let tensor = try tensor(json)
        let whole = try written(tensor)
        #expect(whole == Array(json.utf8))
        let rows = tensor.layout.rows
        guard rows > 0 else { return }
        for first in 0...rows {
            for second in first...rows {
                let pieces = try [0..<first, first..<second, second..<rows].map { try written(tensor, $0) }
                #expect(Array(pieces.joined()) == whole)
            }
        }
    }

    @Test("A layout prints the same whether it was read or made from its shape")
    func printsShapes() throws {
        for shape in [[1], [3], [2, 3], [3, 1, 2], [2, 2, 2, 2], [1, 1, 4], [4, 1, 1]] {
            let count = shape.reduce(1, *)
            let made = Tensor(values: (0..<count).map { Float($0) }, layout: TensorLayout(shape: shape))
            let text = try written(made)
            let read = try tensor(String(decoding: text, as: UTF8.self), as: Float.self)
            #expect(read == made)
            #expect(Double(JSONSerializationDepth.of(text)) == Double(shape.count))
        }
        #expect(TensorLayout(shape: [0, 5]) == .emptyBatch)
        #expect(TensorLayout(shape: [3, 0]).rows == 0)
    }

    @Test("Rows may be written as anything, in the room that their punctuation takes at most")
    func writesAnything() throws {
        let layout = try tensor("[[[1,2]],[3,4]]").layout
        #expect(layout.rank == 3)
        let text = (0..<2).map { row in
            output(room: layout.rank) { layout.appendOpening(row, to: &$0) } + Array("{}".utf8)
                + output(room: layout.rank - 1) { layout.appendClosing(row, to: &$0) }
        }
        #expect(String(decoding: text.joined(), as: UTF8.self) == "[[{}],{}]")
    }

    @Test("-Infinity is written as a string that is read again, no numbers as nothing")
    func writesNegativeInfinity() throws {
        let text = try written([-Double.infinity, -0.0, -.infinity].span) + written([Float]().span)
        #expect(String(decoding: text, as: UTF8.self) == #""-Infinity",-0,"-Infinity""#)
    }

    @Test("Many numbers are written as one after the other", arguments: [1023, 1024, 1025, 2048, 5000])
    func writesBlocks(count: Int) throws {
        let values = (0..<count).map { Float($0) / 8 }
        var single: [UInt8] = []
        for value in values {
            if !single.isEmpty { single.append(UInt8(ascii: ",")) }
            single += try written([value].span)
        }
        #expect(try written(values.span) == single)
    }

    @Test("Numbers of the longest text fit the room that is stated")
    func longest() throws {
        let longest = -2.2250738585072014e-308
        #expect(try written([longest].span).count == TensorWriter.bytesPerNumber - 1)
        #expect(
            try written([Double](repeating: longest, count: 100).span).count == 100 * TensorWriter.bytesPerNumber - 1)
    }
}

/// How deep a text's first bracket run goes.
private enum JSONSerializationDepth {
    static func of(_ text: [UInt8]) -> Int { text.prefix { $0 == UInt8(ascii: "[") }.count }
}
