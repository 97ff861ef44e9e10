import TensorJSON
import Testing

@Suite("Limits")
struct LimitTests {
    private func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)
    }

    @Test("Nesting is accepted up to the limit and refused one deeper")
    func limitsDepth() throws {
        let deepest = try tensor(nested(32))
        #expect(deepest.layout.shape == Array(repeating: 1, count: 32))
        #expect(try written(deepest) == Array(nested(32).utf8))
        let error = refusal(of: "{\"logits\":\(nested(33))}")
        #expect(error?.kind == .depth)
        #expect(error?.limit == 32)
        #expect(error?.offset == 42)
        #expect(error?.pointer == "/logits" + String(repeating: "/0", count: 32))
        let mixed = refusal(of: "{\"logits\":[[1],\(nested(32))]}")
        #expect(mixed?.pointer == "/logits/1" + String(repeating: "/0", count: 31))
        let objects = String(repeating: "{\"a\":", count: 33) + "1" + String(repeating: "}", count: 33)
        #expect(refusal(of: "{\"nonsense\":\(objects)}")?.kind == .depth)
    }

    @Test("The depth limit is bounded itself", arguments: [(-1, 1), (0, 1), (1, 1), (2, 2), (64, 64), (1000, 64)])
    func boundsDepthLimit(limit: Int, effective: Int) {
        var limits = TensorLimits()
        limits.depth = limit
        #expect(refusal(of: "{\"logits\":\(nested(effective))}", limits: limits) == nil)
        #expect(refusal(of: "{\"logits\":\(nested(effective + 1))}", limits: limits)?.limit == effective)
    }

    @Test("Values are accepted up to the limit and refused one more, of whatever type")
    func limitsElements() {
        var limits = TensorLimits()
        limits.elements = 3
        for json in [
            "[1,2,3]", "[[1],[2],[3]]", "[true,false,null]", "[\"\",1,\"\"]", "{\"a\":[1,2],\"b\":3}", "1", "[[[[]]]]",
        ] {
            #expect(refusal(of: "{\"mask\":[1,2,3],\"logits\":\(json)}", limits: limits) == nil)
        }
        for json in [
            "[1,2,3,4]", "[[1],[2],[3],[4]]", "[true,false,null,1]", "[\"\",1,\"\",\"\"]", "{\"a\":[1,2],\"b\":[3,4]}",
        ] {
            let error = refusal(of: "{\"axis\":1,\"logits\":\(json)}", limits: limits)
            #expect(error?.kind == .elements)
            #expect(error?.limit == 3)
            #expect(error?.pointer == "/logits")
        }
    }

    @Test("Bombs are refused after a few passes over them")
    func refusesBombs() {
        #if DEBUG
            // Long enough to tell a few passes from the square, and short enough for the square to end.
            let size = 1 << 16
        #else
            let size = 1 << 24
        #endif
        func bomb(_ pattern: String, _ prefix: String = "", _ suffix: String = "") -> [UInt8] {
            let pattern = Array(pattern.utf8)
            var body = Array(prefix.utf8)
            body.reserveCapacity(size + 64)
            while body.count < size { body.append(contentsOf: pattern) }
            return body + Array(suffix.utf8)
        }
        let bombs: [([UInt8], TensorJSONError.Kind?)] = [
            (bomb("["), .depth), (bomb("{\"a\":"), .depth), (bomb("[", "{\"logits\":"), .depth), (bomb("{"), .syntax),
            (bomb("\""), .syntax), (bomb("a", "{\"dtype\":\"", "\"}"), nil),
            (bomb("\\u0061", "{\"", "\":1}"), .unknownMember),
            (bomb("\\", "{\"dtype\":\"", "\"}"), nil), (bomb("a", "{\"", "\":1}"), .unknownMember),
            (bomb("\"x\":1,", "{", "\"axis\":1}"), .unknownMember),
            (bomb("\"axis\":1,", "{", "\"axis\":1}"), .duplicateMember),
            (bomb("1", "{\"axis\":", "}"), nil), (bomb("0", "{\"axis\":0.", "}"), nil), (bomb(" "), .syntax),
            (bomb("[],", "{\"logits\":[", "[]]}"), nil), (bomb("1,", "{\"logits\":[", "1]}"), nil),
            (bomb(","), .syntax),
            (bomb("\u{1}"), .syntax), (bomb("é", "{\"dtype\":\"", "\u{0}\"}"), .syntax),
        ]
        for (body, kind) in bombs {
            let work = Work()
            let found = Work.$counter.withValue(work) { refusal(of: body)?.kind }
            #expect(found == kind)
            #if DEBUG
                // A few passes over the body, where anything quadratic would be some 10⁹.
                #expect((body.count...8 * body.count).contains(work.total), "\(body.prefix(20)): \(work.total)")
            #endif
        }
    }

    @Test("A long name is neither compared nor repeated in full")
    func shortensNames() {
        let name = String(repeating: "é", count: 1000)
        let error = refusal(of: "{\"\(name)\":1}")
        #expect(error?.kind == .unknownMember)
        #expect((error?.detail.utf8.count ?? .max) < 300)
        #expect((error?.pointer?.utf8.count ?? .max) < 300)
    }

    @Test("Requests may live side by side, be large and small in turn, and end in any order")
    func sharesIndexes() throws {
        for size in [1, 5000, 30_000, 3, 200_000, 2] {
            let json = "[\(String(repeating: "1,", count: size))2]"
            let first = try JSONRequest(
                Array("{\"logits\":\(json)}".utf8), members: knownMembers, limits: TensorLimits())
            #expect(try tensor("[3]").values == [3])
            let second = try JSONRequest(Array("{\"axis\":7}".utf8), members: knownMembers, limits: TensorLimits())
            let values = try first.tensor("logits", as: Double.self, allowingNegativeInfinity: false).values
            #expect(values.count == size + 1 && values.last == 2)
            #expect(try second.integer("axis") == 7)
        }
    }
}
