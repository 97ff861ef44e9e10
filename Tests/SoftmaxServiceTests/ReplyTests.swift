import Foundation
import HTTPServer
import Testing

@testable import SoftmaxService

@Suite struct ReplyTests {
    /// The text of a request's reply, made in pieces by some threads, buffered or streamed.
    private func reply(_ operation: SoftmaxOperation, _ text: String, threads: Int, streamed: Bool) throws -> String {
        try answer(operation, text, Workers(ComputePool(threads: threads)), streamed ? .streamed : .buffered)
    }

    /// JSON of pseudo-random logits, in rows of the given lengths.
    private func rows(_ lengths: [Int]) -> String {
        var state: UInt64 = 7
        let rows = lengths.map { length in
            (0..<length).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return "\(Double(Int64(bitPattern: state) >> 40) / 1_048_576)"
            }.joined(separator: ",")
        }
        return "[" + rows.map { "[\($0)]" }.joined(separator: ",") + "]"
    }

    static let shapes: [[Int]] = [
        [3, 1, 2], [5000, 1, 20000, 7, 16384, 3], Array(repeating: 10, count: 3000), [40000], [1, 16383, 1],
        [8191, 4095, 1, 4096, 8192, 4097],
    ]

    @Test(arguments: shapes)
    func `the text does not depend on threads or streaming, nor a row on its batch`(lengths: [Int]) throws {
        let logits = rows(lengths)
        let requests: [(SoftmaxOperation, String)] = [
            (.softmax, #"{"logits":\#(logits)}"#), (.softmax, #"{"logits":\#(logits),"dtype":"float32"}"#),
            (.vjp, #"{"logits":\#(logits),"cotangents":\#(logits)}"#),
            (.jacobian, #"{"logits":\#(logits),"form":"factored"}"#),
            (.jacobian, #"{"logits":\#(logits),"form":"entries","entries":[[0,0]]}"#),
        ]
        for (operation, request) in requests {
            let plain = try reply(operation, request, threads: 1, streamed: false)
            #expect(try answer(operation, request) == plain)
            #expect(try reply(operation, request, threads: 4, streamed: false) == plain)
            #expect(try reply(operation, request, threads: 1, streamed: true) == plain)
            #expect(try reply(operation, request, threads: 3, streamed: true) == plain)
        }
        let batch = try reply(.softmax, requests[0].1, threads: 4, streamed: true)
        let nested = try #require(try member("probabilities", of: batch) as? [[Double]])
        #expect(nested.map(\.count) == lengths)
        let alone = try reply(.softmax, #"{"logits":\#(rows([lengths[0]]))}"#, threads: 1, streamed: false)
        #expect(try #require(try member("probabilities", of: alone) as? [[Double]])[0] == nested[0])
    }

    @Test(arguments: [[4, 1, 3], [200, 2, 300], Array(repeating: 12, count: 400)])
    func `dense Jacobians have the same text in pieces as in one piece`(lengths: [Int]) throws {
        let request = #"{"logits":\#(rows(lengths))}"#
        let plain = try reply(.jacobian, request, threads: 1, streamed: false)
        #expect(try answer(.jacobian, request) == plain)
        #expect(try reply(.jacobian, request, threads: 4, streamed: false) == plain)
        #expect(try reply(.jacobian, request, threads: 2, streamed: true) == plain)
        let nested = try #require(try member("jacobian", of: plain) as? [[[Double]]])
        #expect(nested.map(\.count) == lengths)
        #expect(nested.allSatisfy { sample in sample.allSatisfy { $0.count == sample.count } })
        let diagonal = try reply(
            .jacobian, String(request.dropLast()) + #","form":"diagonal"}"#, threads: 1, streamed: false)
        let entries = try #require(try member("diagonal", of: diagonal) as? [[Double]])
        for (sample, expected) in zip(nested, entries) {
            #expect(sample.indices.map { sample[$0][$0] } == expected)
        }
    }

    @Test func `any class axis gives the results of the transposed tensor`() throws {
        // A tensor of shape (2, 3, 4), and the same values with axis 1 moved last.
        let values = (0..<24).map { Double($0 * 7 % 11) / 4 }
        func nested(_ shape: [Int], _ value: ([Int]) -> Double, _ index: [Int] = []) -> Any {
            guard index.count < shape.count else { return value(index) }
            return (0..<shape[index.count]).map { nested(shape, value, index + [$0]) }
        }
        func json(_ any: Any) throws -> String {
            String(decoding: try JSONSerialization.data(withJSONObject: any), as: UTF8.self)
        }
        let straight = try json(nested([2, 3, 4]) { values[($0[0] * 3 + $0[1]) * 4 + $0[2]] })
        let moved = try json(nested([2, 4, 3]) { values[($0[0] * 3 + $0[2]) * 4 + $0[1]] })
        for axis in [1, -2] {
            let ours = try #require(
                try member(
                    "probabilities",
                    of: reply(.softmax, #"{"logits":\#(straight),"axis":\#(axis)}"#, threads: 1, streamed: false))
                    as? [[[Double]]])
            let other = try #require(
                try member("probabilities", of: reply(.softmax, #"{"logits":\#(moved)}"#, threads: 1, streamed: false))
                    as? [[[Double]]])
            for i in 0..<2 { for j in 0..<3 { for k in 0..<4 { #expect(ours[i][j][k] == other[i][k][j]) } } }
        }
        // A dense Jacobian has its two class axes last, whichever axis the classes are on.
        let dense = try reply(.jacobian, #"{"logits":\#(straight),"axis":1}"#, threads: 1, streamed: false)
        #expect(try dense == reply(.jacobian, #"{"logits":\#(moved)}"#, threads: 1, streamed: false))
    }

    @Test func `a reply is nested exactly like its request`() throws {
        let cases = [
            "[]": "[]", "[7]": "[1]", "[[7]]": "[[1]]", "[[[7]],[[7],[7]]]": "[[[1]],[[1],[1]]]",
            "[[7],[[7],[[7]]]]": "[[1],[[1],[[1]]]]",
        ]
        for (logits, expected) in cases {
            let got = try reply(.softmax, #"{"logits":\#(logits)}"#, threads: 1, streamed: false)
            #expect(got == #"{"probabilities":\#(expected)}"#)
            #expect(try answer(.softmax, #"{"logits":\#(logits)}"#) == got)
        }
        #expect(try reply(.jacobian, #"{"logits":[]}"#, threads: 1, streamed: false) == #"{"jacobian":[]}"#)
        #expect(
            try reply(.jacobian, #"{"logits":[[7],[8]]}"#, threads: 1, streamed: false)
                == #"{"jacobian":[[[0]],[[0]]]}"#)
    }

    @Test(arguments: [
        (SoftmaxOperation.vjp, #"{"logits":[],"cotangents":[]}"#, #"{"vjp":[]}"#),
        (.jvp, #"{"logits":[],"tangents":[]}"#, #"{"jvp":[]}"#),
        (.softmax, #"{"logits":[],"axis":0}"#, #"{"probabilities":[]}"#),
        (.jacobian, #"{"logits":[],"form":"diagonal"}"#, #"{"diagonal":[]}"#),
        (.jacobian, #"{"logits":[],"form":"factored"}"#, #"{"probabilities":[],"complements":[],"scale":1}"#),
        (.jacobian, #"{"logits":[],"form":"entries","entries":[[5,5]]}"#, #"{"entries":[]}"#),
        (.jacobian, #"{"logits":[[1,2],[3,4]],"form":"entries","entries":[]}"#, #"{"entries":[[],[]]}"#),
    ])
    func `an empty batch or an empty list of entries has an empty reply`(
        _ operation: SoftmaxOperation, _ request: String, _ expected: String
    )
        throws
    {
        #expect(try answer(operation, request) == expected)
        #expect(try reply(operation, request, threads: 1, streamed: false) == expected)
        #expect(try reply(operation, request, threads: 2, streamed: true) == expected)
    }

    @Test func `temperature is float64 whatever the dtype, and a scale below float32's range is 0`() throws {
        let request = #"{"logits":[3,0,0],"temperature":1e60,"form":"factored","dtype":"float32"}"#
        #expect(
            try reply(.jacobian, request, threads: 1, streamed: false)
                == #"{"probabilities":[0.33333334,0.33333334,0.33333334],"#
                + #""complements":[0.6666667,0.6666667,0.6666667],"scale":0}"#)
    }

    @Test func `removed classes have probability 0 and the logarithm "-Infinity"`() throws {
        let masked = #"{"logits":[1,2,1],"mask":[true,false,true]}"#
        #expect(try reply(.softmax, masked, threads: 1, streamed: false) == #"{"probabilities":[0.5,0,0.5]}"#)
        let logarithm = #"{"logits":[1,"-Infinity",1],"function":"log_softmax"}"#
        let half = "-0.6931471805599453"
        #expect(
            try reply(.softmax, logarithm, threads: 1, streamed: false)
                == #"{"log_probabilities":[\#(half),"-Infinity",\#(half)]}"#)
    }
}
