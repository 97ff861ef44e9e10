import TensorJSON
import Testing

@Suite("Nested arrays become flat buffers")
struct TensorReadingTests {
    @Test(
        "A rectangular nesting is known by its shape",
        arguments: [
            ("[]", [0], []), ("[1]", [1], [1]), ("[1,2,3]", [3], [1, 2, 3]), ("[[1,2],[3,4]]", [2, 2], [1, 2, 3, 4]),
            ("[[1],[2],[3]]", [3, 1], [1, 2, 3]), ("[[[1,2]],[[3,4]],[[5,6]]]", [3, 1, 2], [1, 2, 3, 4, 5, 6]),
            ("[[[1],[2]],[[3],[4]]]", [2, 2, 1], [1, 2, 3, 4]), ("[[[[7]]]]", [1, 1, 1, 1], [7]),
            (" [ [ 1 , 2 ] , [ 3 , 4 ] ] ", [2, 2], [1, 2, 3, 4]),
        ] as [(String, [Int], [Double])])
    func readsRectangular(json: String, shape: [Int], values: [Double]) throws {
        let tensor = try tensor(json)
        #expect(tensor.layout.shape == shape)
        #expect(tensor.values == values)
        #expect(tensor.layout == TensorLayout(shape: shape))
        #expect(tensor.layout.scalars == values.count)
    }

    @Test(
        "Ragged and mixed nestings are known by their rows",
        arguments: [
            ("[[1,2],[3]]", [2, 1]), ("[[1],[2,3],[4]]", [1, 2, 1]), ("[[1,2],[[3],[4]]]", [2, 1, 1]),
            ("[[[1],[2]],[[3]]]", [1, 1, 1]), ("[[[1]],[2]]", [1, 1]), ("[[[[1]],[2]],[3,4]]", [1, 1, 2]),
            ("[[[1,2],[3,4]],[[5,6],[7,8]],[[9,0]]]", [2, 2, 2, 2, 2]),
        ])
    func readsIrregular(json: String, lengths: [Int]) throws {
        let layout = try tensor(json).layout
        #expect(layout.shape == nil)
        #expect((0..<layout.rows).map { layout.rowLength($0) } == lengths)
        #expect((0..<layout.rows).map { layout.rowStart($0) } == lengths.indices.map { lengths[..<$0].reduce(0, +) })
        #expect(layout.scalars == lengths.reduce(0, +))
    }

    @Test("Every nesting and every number survive reading, writing and reading", arguments: [UInt64](1...200))
    func roundTrips(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        var json = randomNesting(depth: Int.random(in: 0...4, using: &generator), &generator)
        if seed % 7 == 0 { json = "[\(json),\(json),\(json)]" }
        let read = try tensor(json)
        #expect(try written(read) == Array(json.utf8))
        #expect(read.layout.firstDifference(from: read.layout) == nil)
    }

    private func randomNesting(depth: Int, _ generator: inout SeededGenerator) -> String {
        let length = Int.random(in: 1...3, using: &generator)
        let parts = (0..<length).map { _ in
            if depth == 0 { return ["1", "-0.5", "1e-300", "\"-Infinity\""].randomElement(using: &generator) ?? "0" }
            let less = Bool.random(using: &generator) ? depth - 1 : Int.random(in: 0..<depth, using: &generator)
            return randomNesting(depth: less, &generator)
        }
        return "[\(parts.joined(separator: ","))]"
    }

    @Test(
        "What is not a nested array of numbers is refused with its place",
        arguments: [
            ("1", .type, "/logits", 10), ("\"x\"", .type, "/logits", 10), ("null", .type, "/logits", 10),
            ("{}", .type, "/logits", 10), ("[{}]", .type, "/logits/0", 11), ("[true]", .type, "/logits/0", 11),
            ("[1,null]", .type, "/logits/1", 13), ("[1,[2]]", .type, "/logits/1", 13),
            ("[[1],2]", .type, "/logits/1", 15),
            ("[[1,2],[3,\"4\"]]", .type, "/logits/1/1", 20), ("[[[1],[2]],[[3],{\"a\":4}]]", .type, "/logits/1/1", 26),
            ("[[1],[]]", .noClasses, "/logits/1", 15), ("[[]]", .noClasses, "/logits/0", 11),
            ("[[[]]]", .noClasses, "/logits/0/0", 12), ("[[[1],[]]]", .noClasses, "/logits/0/1", 16),
            ("[1,1e999]", .range, "/logits/1", 13), ("[[0],[1,2,-1e400]]", .range, "/logits/1/2", 20),
            ("[\"Infinity\"]", .type, "/logits/0", 11), ("[\"NaN\"]", .type, "/logits/0", 11),
            ("[1,\"-infinity\"]", .type, "/logits/1", 13), ("[[1],\"-Infinity\"]", .type, "/logits/1", 15),
        ] as [(String, TensorJSONError.Kind, String, Int)])
    func refuses(json: String, kind: TensorJSONError.Kind, pointer: String, offset: Int) {
        let error = tensorRefusal(json)
        #expect(error?.kind == kind)
        #expect(error?.pointer == pointer)
        #expect(error?.offset == offset)
        #expect(error?.detail.contains(pointer) == true)
    }

    @Test("The string -Infinity is a number where the caller says so, however it is escaped")
    func readsNegativeInfinity() throws {
        let json = #"[1,"-Infinity",2,"\u002dInfinity","-Infinity"]"#
        #expect(try tensor(json).values == [1, -.infinity, 2, -.infinity, -.infinity])
        #expect(try tensor(json, as: Float.self).values == [1, -.infinity, 2, -.infinity, -.infinity])
        #expect(tensorRefusal(json, allowingNegativeInfinity: false)?.pointer == "/logits/1")
    }

    @Test("Booleans nest like numbers")
    func readsBooleans() throws {
        let body = Array(#"{"mask":[[true,false],[true]],"axis":1,"logits":[[true],[1]],"dtype":[]}"#.utf8)
        let request = try JSONRequest(body, members: knownMembers, limits: TensorLimits())
        let mask = try request.booleans("mask")
        #expect(mask.values == [true, false, true])
        #expect(mask.layout == (try tensor("[[0,0],[0]]").layout))
        let empty = try request.booleans("dtype")
        #expect(empty.values.isEmpty && empty.layout == .emptyBatch)
        let places: [(StaticString, String)] = [("axis", "/axis"), ("logits", "/logits/1/0"), ("temperature", "")]
        for (name, pointer) in places {
            do throws(TensorJSONError) {
                _ = try request.booleans(name)
                Issue.record("\(name) is not made of booleans")
            } catch {
                #expect(error.pointer == pointer)
                #expect(error.kind == (pointer.isEmpty ? .missingMember : .type))
            }
        }
    }

    @Test(
        "Objects and empty arrays, which hold no values, are refused in whatever way they are read",
        arguments: ["{}", "[{}]", "[[{}]]", "[{\"logits\":[]}]", "[[],{}]", "[[[]],[{}]]"])
    func refusesValuelessMembers(json: String) throws {
        let body = Array("{\"logits\":\(json)}".utf8)
        let request = try JSONRequest(body, members: knownMembers, limits: TensorLimits())
        var kinds: [TensorJSONError.Kind] = []
        do throws(TensorJSONError) { _ = try request.booleans("logits") } catch { kinds.append(error.kind) }
        do throws(TensorJSONError) { _ = try request.indexPairs("logits") } catch { kinds.append(error.kind) }
        do throws(TensorJSONError) {
            _ = try request.tensor("logits", as: Float.self, allowingNegativeInfinity: true)
        } catch { kinds.append(error.kind) }
        #expect(kinds.count == 3 && Set(kinds).isSubset(of: [.type, .noClasses]))
    }

    @Test("Pairs are read in order")
    func readsPairs() throws {
        let body = Array(#"{"entries":[[0,1],[ 2 , 30 ],[1.0,1e1]],"mask":[]}"#.utf8)
        let request = try JSONRequest(body, members: knownMembers, limits: TensorLimits())
        let pairs = try request.indexPairs("entries")
        #expect(pairs.map { [$0.0, $0.1] } == [[0, 1], [2, 30], [1, 10]])
        #expect(try request.indexPairs("mask").isEmpty)
    }

    @Test(
        "What is not a list of pairs is refused with its place",
        arguments: [
            ("1", .type, "/entries"), ("[1]", .type, "/entries/0"), ("[[1]]", .type, "/entries/0"),
            ("[[]]", .type, "/entries/0"), ("[[0,1],[1,2,3]]", .type, "/entries/1"),
            ("[[0,-1]]", .range, "/entries/0/1"),
            ("[[0.5,1]]", .type, "/entries/0/0"), ("[[0,\"1\"]]", .type, "/entries/0/1"),
            ("[[0,[1]]]", .type, "/entries/0/1"),
            ("[[0,1e30]]", .range, "/entries/0/1"), ("[[0,1],{}]", .type, "/entries/1"),
        ] as [(String, TensorJSONError.Kind, String)])
    func refusesOtherThanPairs(json: String, kind: TensorJSONError.Kind, pointer: String) throws {
        let request = try JSONRequest(
            Array("{\"entries\":\(json)}".utf8), members: knownMembers, limits: TensorLimits())
        do throws(TensorJSONError) {
            _ = try request.indexPairs("entries")
            Issue.record("\(json) is not a list of pairs")
        } catch {
            #expect(error.kind == kind)
            #expect(error.pointer == pointer)
        }
    }
}
