import HTTPServer
import Testing

@Suite("Stream table")
struct StreamTableTests {
    @Test("Finds every open stream and no other, however slots are used again", arguments: [1, 2, 3, 10, 1000])
    func finds(count: Int32) {
        var table = StreamTable<String>()
        var open: [Int32: String] = [:]
        for round in 0..<3 as Range<Int32> {
            for index in 0..<count {
                let id = 2 * (round * count + index) + 1
                let slot = table.open(id, "\(id)")
                open[id] = "\(id)!"
                table[slot] += "!"
                // Every third goes on.
                for old in [id - 4, id - 6] where old > 0 && index % 3 != 0 {
                    table.close(old, leaving: "")
                    open[old] = nil
                }
            }
            #expect(table.ids == open.keys.sorted())
            for id in 0...2 * (round + 1) * count + 2 {
                #expect(table.slot(of: id).map { table[$0] } == open[id])
            }
        }
        for id in table.ids { table.close(id, leaving: "") }
        #expect(table.isEmpty && table.slot(of: 1) == nil)
    }

    @Test("A slot is used again, and holds nothing of the stream that was there")
    func slots() {
        final class Content {}
        var table = StreamTable<Content?>()
        weak var content: Content?
        do {
            let made = Content()
            content = made
            #expect(table.open(1, made) == 0)
        }
        #expect(content != nil)
        table.close(1, leaving: nil)
        #expect(content == nil)
        #expect(table.open(3, nil) == 0)
        #expect(table.open(5, nil) == 1)
    }

    @Test("Streams may be opened out of order")
    func order() {
        var table = StreamTable<Int32>()
        for id in [9, 1, 5, 3, 7] as [Int32] { _ = table.open(id, id) }
        #expect(table.ids == [1, 3, 5, 7, 9])
        for id in table.ids { #expect(table.slot(of: id).map { table[$0] } == id) }
    }
}
