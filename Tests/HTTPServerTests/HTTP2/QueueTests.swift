import HTTPServer
import Testing

@Suite("Queue")
struct QueueTests {
    @Test("Gives what it got, in order, however it is filled and emptied", arguments: 0..<20)
    func order(seed: UInt64) {
        var random = SplitMix(state: seed)
        var queue = Queue<Int>()
        var model: [Int] = []
        for number in 0..<2000 {
            switch random.next() % 16 {
            case 0..<8:
                queue.append(number)
                model.append(number)
            case 8..<15:
                let first = queue.popFirst()
                #expect(first == (model.isEmpty ? nil : model.removeFirst()))
            default:
                queue.removeAll { $0 % 7 == 0 }
                model.removeAll { $0 % 7 == 0 }
            }
            #expect(queue.isEmpty == model.isEmpty)
        }
        queue.removeAll()
        let nothing = queue.popFirst()
        #expect(queue.isEmpty && nothing == nil)
    }

    /// A small generator, so that every run is the same.
    private struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }
}
