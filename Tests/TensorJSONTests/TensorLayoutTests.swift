import TensorJSON
import Testing

@Suite("Layouts")
struct TensorLayoutTests {
    @Test(
        "A row's pointer leads to it",
        arguments: [
            ("[1,2]", [""]), ("[[1],[2]]", ["/0", "/1"]), ("[[[1]],[[2]]]", ["/0/0", "/1/0"]),
            ("[[[1],[2]],[[3],[4]],[[5],[6]]]", ["/0/0", "/0/1", "/1/0", "/1/1", "/2/0", "/2/1"]),
            ("[[1],[[2],[3]],[[[4]]],[5]]", ["/0", "/1/0", "/1/1", "/2/0/0", "/3"]),
            ("[[[[1]],[2]],[3,4],[[5]]]", ["/0/0/0", "/0/1", "/1", "/2/0"]),
        ])
    func findsRows(json: String, pointers: [String]) throws {
        let layout = try tensor(json).layout
        #expect((0..<layout.rows).map { layout.pointer(row: $0, column: nil) } == pointers)
        #expect(layout.pointer(row: layout.rows - 1, column: 0) == (pointers.last ?? "") + "/0")
    }

    @Test(
        "The first difference of two nestings is the innermost array they share",
        arguments: [
            ("[1,2]", "[1,2]", nil), ("[1,2]", "[1]", ""), ("[[1],[2]]", "[[1]]", ""), ("[[1]]", "[[1],[2]]", ""),
            ("[[1,2],[3]]", "[[1,2],[3,4]]", "/1"), ("[[1],[2]]", "[[1],[[2]]]", "/1"),
            ("[[1],[[2]]]", "[[1],[2]]", "/1"),
            ("[1]", "[[1]]", ""), ("[[1]]", "[1]", ""), ("[]", "[1]", ""), ("[1]", "[]", ""),
            ("[[[1]],[[2]]]", "[[[1],[9]],[[2]]]", "/0"), ("[[[1],[9]],[[2]]]", "[[[1]],[[2]]]", "/0"),
            ("[[[1,2]],[[3,4]]]", "[[[1,2]],[[3]]]", "/1/0"), ("[[1,2],[3,4]]", "[[1,2],[3,4],[5,6]]", ""),
            ("[[[1],[2]],[[3]]]", "[[[1],[2]],[[3],[4]]]", "/1"),
        ] as [(String, String, String?)])
    func findsDifference(first: String, second: String, pointer: String?) throws {
        let layouts = try (tensor(first).layout, tensor(second).layout)
        #expect(layouts.0.firstDifference(from: layouts.1) == pointer)
        #expect(layouts.1.firstDifference(from: layouts.0) == pointer)
        #expect((layouts.0 == layouts.1) == (pointer == nil))
    }

    @Test("Equal nestings have equal layouts, with whatever numbers and white space")
    func equality() throws {
        #expect(try tensor("[[1,2],[3]]").layout == (try tensor(" [ [ 5e1 , 0 ] , [ -1 ] ] ").layout))
        #expect(try tensor("[[1,2],[3]]").layout != (try tensor("[[1],[2,3]]").layout))
        #expect(try tensor("[[1,2]]").layout != (try tensor("[1,2]").layout))
    }
}
