import HTTPServer
import Testing

@Suite("The order of eviction")
struct EvictionOrderTests {
    @Test("least recently used comes first, whatever is moved or taken out")
    func order() {
        var order = EvictionOrder()
        var model: [Int] = []
        var state: UInt64 = 7
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let slot = Int(state >> 33) % 9
            model.removeAll { $0 == slot }
            if state >> 62 == 0 {
                order.remove(slot)
            } else {
                order.append(slot)
                model.append(slot)
            }
            #expect(order.oldest == model.first)
        }
        for slot in model {
            #expect(order.oldest == slot)
            order.remove(slot)
        }
        #expect(order.oldest == nil)
    }
}
