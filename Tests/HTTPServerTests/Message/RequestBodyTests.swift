import Testing

@testable import HTTPServer

@Suite("Request bodies")
struct RequestBodyTests {
    @Test(
        "a body of any length grows so that what its storages took together is at most twice the limit, and rounding",
        arguments: [1, 100, 4095, 65_424, 65_536, 70_000])
    func growth(piece: Int) {
        let limit = 1 << 20
        // malloc may map a large array by itself, in whole pages, and an array has all of what it got for its capacity.
        let page = 4096
        let bytes = [UInt8](repeating: 1, count: piece)
        var body = RequestBody()
        var capacities: [Int] = []
        while body.count < limit {
            let before = body.count
            body.append(bytes.span.extracting(0..<min(piece, limit - before)), atMost: limit)
            if body.capacity != capacities.last {
                capacities.append(body.capacity)
                // No claim allocates more than twice what was received.
                #expect(body.capacity < 2 * body.count + 64 + page)
            }
        }
        #expect(body.bytes == [UInt8](repeating: 1, count: limit))
        #expect(capacities.reduce(0, +) < 2 * limit + 4096 + page * capacities.count)
    }
}
