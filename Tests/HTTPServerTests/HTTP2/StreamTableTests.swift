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
                let slot = table.open(id, "blank")
                table[slot] = "\(id)"
                open[id] = "\(id)!"
                table[slot] += "!"
                // Every third goes on.
                for old in [id - 4, id - 6] where old > 0 && index % 3 != 0 {
                    table.close(old)
                    open[old] = nil
                }
            }
            #expect(table.ids == open.keys.sorted())
            for id in 0...2 * (round + 1) * count + 2 {
                #expect(table.slot(of: id).map { table[$0] } == open[id])
            }
        }
        for id in table.ids { table.close(id) }
        #expect(table.isEmpty && table.slot(of: 1) == nil)
    }

    @Test("A slot is used again, with what its last stream left in it")
    func slots() {
        var table = StreamTable<String>()
        #expect(table.open(1, "blank") == 0)
        #expect(table[0] == "blank")
        table[0] = "left"
        table.close(1)
        #expect(table.open(3, "blank") == 0)
        #expect(table[0] == "left")
        #expect(table.open(5, "blank") == 1)
        #expect(table[1] == "blank")
    }

    @Test("Streams may be opened out of order")
    func order() {
        var table = StreamTable<Int32>()
        for id in [9, 1, 5, 3, 7] as [Int32] {
            let slot = table.open(id, 0)
            table[slot] = id
        }
        #expect(table.ids == [1, 3, 5, 7, 9])
        for id in table.ids { #expect(table.slot(of: id).map { table[$0] } == id) }
    }
}
