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

    @Test("Rows may be written as anything")
    func writesAnything() throws {
        let layout = try tensor("[[[1,2]],[3,4]]").layout
        let values: [Double] = [1, 0.5, -2, 1e-7]
        var output: [UInt8] = []
        try layout.appendRows(0..<2, to: &output) { _, output throws(UnwritableNumber) in
            output.append(UInt8(ascii: "{"))
            try TensorWriter.append(values: values.span, to: &output)
            output.append(UInt8(ascii: "}"))
        }
        #expect(String(decoding: output, as: UTF8.self) == "[[{1,0.5,-2,1e-07}],{1,0.5,-2,1e-07}]")
    }

    @Test("-Infinity is written as a string that is read again, no numbers as nothing")
    func writesNegativeInfinity() throws {
        var output: [UInt8] = []
        try TensorWriter.append(values: [-Double.infinity, -0.0, -.infinity].span, to: &output)
        try TensorWriter.append(values: [Float]().span, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == #""-Infinity",-0,"-Infinity""#)
    }

    @Test("Many numbers are written as one after the other", arguments: [1023, 1024, 1025, 2048, 5000])
    func writesBlocks(count: Int) throws {
        let values = (0..<count).map { Float($0) / 8 }
        var whole: [UInt8] = []
        try TensorWriter.append(values: values.span, to: &whole)
        var single: [UInt8] = []
        for value in values {
            if !single.isEmpty { single.append(UInt8(ascii: ",")) }
            try TensorWriter.append(values: [value].span, to: &single)
        }
        #expect(whole == single)
    }

    @Test("The output grows geometrically, also number by number")
    func growsGeometrically() throws {
        var output: [UInt8] = []
        var growths = 0
        for _ in 0..<100_000 {
            let capacity = output.capacity
            try TensorWriter.append(values: [1.25].span, to: &output)
            if output.capacity != capacity { growths += 1 }
        }
        #expect(growths < 40)
    }
}

/// How deep a text's first bracket run goes.
private enum JSONSerializationDepth {
    static func of(_ text: [UInt8]) -> Int { text.prefix { $0 == UInt8(ascii: "[") }.count }
}
