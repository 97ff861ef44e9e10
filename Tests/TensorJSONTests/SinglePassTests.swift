import Foundation
import TensorJSON
import Testing

@Suite("Reading in one pass, beside reading by tokens")
struct SinglePassTests {
    /// Bodies with every kind of member, both readers' own.
    static let bodies = [
        #"{"logits":[[1.5,-2e3,0.1],["-Infinity",0,-0]],"axis":-1}"#,
        #"{"temperature":2.5e0,"function":"log_softmax","logits":[1]}"#,
        #"{"entries":[[0,1],[1.0,1e1]],"mask":[[true,false],[true]],"vector":[[1,2],[3]]}"#,
        #"{"singles":[[[0.1,1e-50]],[[3.4028235e38,"-Infinity"]]],"mask":[]}"#,
        #" { "logits" : [ [ 1 , 2 ] , [ [ 3 ] ] ] , "axis" : 10e-1 , "entries" : [ ] } "#,
        "{}", "{\n}\t",
    ]

    private func refuses(_ body: String, limits: TensorLimits = TensorLimits()) -> Bool {
        ReadRequest(once: Array(body.utf8), limits: limits) == nil
    }

    @Test("All members are read, in any order", arguments: bodies)
    func reads(body: String) throws {
        let read = try #require(ReadRequest(once: Array(body.utf8), limits: TensorLimits()))
        #expect(read == ReadRequest(byTokens: Array(body.utf8), limits: TensorLimits()))
        #expect(ReadRequest.disagreement(about: Array(body.utf8)) == nil)
    }

    @Test("What is read is what is written there")
    func values() throws {
        let body = #"{"axis":7,"logits":[[1,"-Infinity"],[0.5,-3e-1]],"entries":[[2,3]],"mask":[true],"temperature":2}"#
        let read = try #require(ReadRequest(once: Array(body.utf8), limits: TensorLimits()))
        #expect(read.logits == Tensor(values: [1, -.infinity, 0.5, -0.3], layout: TensorLayout(shape: [2, 2])))
        #expect(read.axis == 7 && read.temperature == 2 && read.entries == [[2, 3]] && read.mask == [true])
        #expect(read.maskLayout == TensorLayout(shape: [1]) && read.vector == nil && read.function == nil)
    }

    @Test("Each byte of a body changed to any other, the readers agree", arguments: bodies)
    func mutations(body: String) {
        let body = Array(body.utf8)
        var disagreements: [String] = []
        for position in body.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = body
                changed[position] = byte
                if let disagreement = ReadRequest.disagreement(about: changed) { disagreements.append(disagreement) }
            }
        }
        #expect(disagreements.isEmpty)
    }

    @Test("A byte left out or put in anywhere, they agree", arguments: bodies)
    func insertions(body: String) {
        let body = Array(body.utf8)
        for position in 0...body.count {
            for byte in Array(#"{}[],:"-+.e0 1tf\#n"#.utf8) {
                var changed = body
                changed.insert(byte, at: position)
                #expect(ReadRequest.disagreement(about: changed) == nil)
            }
            guard position < body.count else { continue }
            var changed = body
            changed.remove(at: position)
            #expect(ReadRequest.disagreement(about: changed) == nil)
        }
    }

    @Test("A body that is cut anywhere is not read", arguments: bodies)
    func truncations(body: String) {
        let text = body.trimmingCharacters(in: .whitespacesAndNewlines)
        for length in 0..<text.utf8.count { #expect(refuses(String(text.prefix(length)))) }
    }

    @Test(
        "Values of every grammar are read alike at every place", arguments: GrammarCases.values + GrammarCases.nonValues
    )
    func grammar(value: String) {
        let places = [
            "{\"logits\":@}", "{\"logits\":[@]}", "{\"logits\":[1,@,2]}", "{\"singles\":[[1],[@]]}", "{\"mask\":[@]}",
            "{\"mask\":[true,@]}", "{\"entries\":[[@,1]]}", "{\"entries\":[[0,@]]}", "{\"entries\":[@]}",
            "{\"axis\":@}",
            "{\"axis\":@,\"logits\":[1]}", "{\"temperature\":@}", "{\"function\":@}", "{@:1}", "{\"axis\":1,@:1}", "@",
            "{\"axis\":1}@", "@{}", "{\"axis\" @ 1}",
        ]
        for place in places {
            let body = Array(place.replacingOccurrences(of: "@", with: value).utf8)
            let disagreement = ReadRequest.disagreement(about: body)
            #expect(disagreement == nil)
        }
    }

    @Test("Bytes that are not UTF-8 are not read", arguments: GrammarCases.invalidUTF8)
    func invalidUTF8(bytes: [UInt8]) {
        for (before, after) in [("{\"function\":\"", "\"}"), ("{\"", "\":1}"), ("{\"axis\":1", "}"), ("{}", "")] {
            #expect(ReadRequest(once: Array(before.utf8) + bytes + Array(after.utf8), limits: TensorLimits()) == nil)
        }
    }

    @Test(
        "What the reader does not vouch for makes it give up",
        arguments: [
            #"{"\u0061xis":1}"#, #"{"function":"\n"}"#, #"{"function":"é"}"#, #"{"logits":["\u002dInfinity"]}"#,
            #"{"logits":[1],"logits":[2]}"#, #"{"unknown":1}"#, #"{"logits":[[1],[]]}"#, #"{"logits":[1e999]}"#,
            #"{"singles":[1e39]}"#, #"{"vector":["-Infinity"]}"#, #"{"axis":0.5}"#, #"{"axis":1,}"#,
            #"{"entries":[[0,-1]]}"#,
            #"{"axis":null}"#, #"{"mask":[[]]}"#, #"{"logits":[1]} x"#, #"{"logits":[1]}}"#, "[]", "",
        ])
    func givesUp(body: String) {
        #expect(refuses(body))
        #expect(ReadRequest.disagreement(about: Array(body.utf8)) == nil)
    }

    @Test("Random bodies, white space everywhere, members in any order, are read alike", arguments: [UInt64](1...300))
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        let tensors: [(String, [String])] = [
            (
                "logits",
                ["1", "-0.5", "1e-300", "\"-Infinity\"", "12345678901234567890", "0.1000000000000000055511151231257"]
            ),
            ("singles", ["7", "-0", "1.00000005960464477539062500000000001", "1e-46"]),
            ("vector", ["0", "-1E+5", "2.2250738585072011e-308"]), ("mask", ["true", "false"]),
        ]
        var members = tensors.map { name, scalars in
            "\"\(name)\":\(nesting(of: scalars, depth: Int.random(in: 0...4, using: &generator), &generator))"
        }
        members += [#""axis":-3"#, #""temperature":0.25"#, #""function":"softmax""#, #""entries":[[0,1],[3,2]]"#]
        members = Array(members.shuffled(using: &generator).prefix(Int.random(in: 0...8, using: &generator)))
        let spaced = "{\(members.joined(separator: ","))}".map { character -> String in
            guard "[]{},:".contains(character), Bool.random(using: &generator) else { return String(character) }
            let space = ["", " ", "\n", "\t", "\r\n", "   "].randomElement(using: &generator) ?? ""
            return Bool.random(using: &generator) ? space + String(character) : String(character) + space
        }
        let body = Array(spaced.joined().utf8)
        #expect(ReadRequest(once: body, limits: TensorLimits()) != nil)
        #expect(ReadRequest.disagreement(about: body) == nil)
    }

    private func nesting(of scalars: [String], depth: Int, _ generator: inout SeededGenerator) -> String {
        let parts = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
            if depth == 0 { return scalars.randomElement(using: &generator) ?? "0" }
            let less =
                Int.random(in: 0...3, using: &generator) > 0 ? depth - 1 : Int.random(in: 0..<depth, using: &generator)
            return nesting(of: scalars, depth: less, &generator)
        }
        return "[\(parts.joined(separator: ","))]"
    }

    @Test("Limits hold at their edges", arguments: [0, 1, 2, 3, 4, 5, 64, 65], [-1, 0, 1, 2, 3, 64, 70])
    func limits(elements: Int, depth: Int) {
        var limits = TensorLimits()
        limits.elements = elements
        limits.depth = depth
        let deep = { (depth: Int) in
            String(repeating: "[", count: depth) + "true" + String(repeating: "]", count: depth)
        }
        var bodies = [
            "{}", #"{"axis":1}"#, #"{"function":""}"#, #"{"logits":[]}"#, #"{"entries":[]}"#, #"{"entries":[[0,1]]}"#,
        ]
        bodies += [
            #"{"entries":[[0,1],[0,1]]}"#, #"{"logits":[[1],[2],[3],[4]]}"#, #"{"mask":[[true,true],[[false]]]}"#,
        ]
        bodies += [1, 2, 3, 64, 65].map { "{\"mask\":\(deep($0))}" }
        bodies += (1...5).map { "{\"logits\":[\(Array(repeating: "1", count: $0).joined(separator: ","))],\"axis\":1}" }
        for body in bodies {
            // Without any value allowed the reader reads nothing at all.
            guard elements > 0 || ReadRequest(once: Array(body.utf8), limits: limits) != nil else { continue }
            let disagreement = ReadRequest.disagreement(about: Array(body.utf8), limits: limits)
            #expect(disagreement == nil)
        }
    }

    @Test("A tensor's storage is used again, whatever was in it")
    func reuses() throws {
        var tensor = Tensor<Double>(values: [], layout: .emptyBatch)
        var rows = RowRecords()
        for json in ["[[1,2],[3]]", "[]", "[1,2,3,4]", "[[5]]", "[[1],[2],[[3]]]", "[7]"] {
            let body = Array("{\"logits\":\(json)}".utf8)
            let isRead = body.withUnsafeBufferPointer { body in
                var reader = SinglePassReader(body, limits: TensorLimits())
                return reader.nextName() != nil && reader.read(&tensor, allowingNegativeInfinity: false, rows: &rows)
            }
            #expect(isRead)
            let expected: Tensor<Double> = try TensorJSONTests.tensor(json)
            #expect(tensor == expected)
        }
    }

    @Test("Work is linear in the body, whatever it is")
    func linear() {
        #if DEBUG
            let size = 1 << 16
            let patterns = [
                ("[", "", ""), ("{\"a\":", "", ""), ("[", "{\"logits\":", ""), ("1,", "{\"logits\":[", "1]}"),
                ("[1],", "{\"logits\":[", "[1]]}"), (" ", "{", "}"), ("true,", "{\"mask\":[", "true]}"),
                ("[1,2],", "{\"entries\":[", "[1,2]]}"), ("a", "{\"function\":\"", "\"}"), ("1", "{\"axis\":", "}"),
                ("\"axis\":1,", "{", "\"axis\":1}"), ("[1,", "{\"logits\":", ""), ("-", "{\"logits\":[", "]}"),
            ]
            for (pattern, prefix, suffix) in patterns {
                let body = Array((prefix + String(repeating: pattern, count: size / pattern.utf8.count) + suffix).utf8)
                let work = Work()
                let isRead = Work.$counter.withValue(work) { ReadRequest(once: body, limits: TensorLimits()) != nil }
                // What is given up may be so at its beginning; what is read was looked at.
                let least = isRead ? body.count / 2 : 0
                #expect((least...8 * body.count).contains(work.total), "\(pattern): \(work.total)")
            }
        #endif
    }
}
