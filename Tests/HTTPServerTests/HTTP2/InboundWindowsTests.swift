import HTTPServer
import Testing

@Suite("Inbound windows")
struct InboundWindowsTests {
    typealias WindowUpdate = InboundWindows.WindowUpdate
    static let second: UInt64 = 1_000_000_000

    /// Requests on streams 1, 3, 5 … that may have so much content each.
    private func windows(_ count: Int32, of length: Int = 1_000_000, room: Int = 400_000) -> InboundWindows {
        var windows = InboundWindows(room: room, span: 10 * Self.second, rate: 500)
        for index in 0..<count { windows.open(2 * index + 1, fields: 100, length: length, now: 0) }
        return windows
    }

    private func reopened(_ windows: inout InboundWindows, now: UInt64) -> [Int32: WindowUpdate] {
        var opened: [Int32: WindowUpdate] = [:]
        windows.reopen(now: now) { opened[$0] = $1 }
        return opened
    }

    @Test("While there is room windows open by what came; the oldest request's becomes wide once a client fills it")
    func opens() {
        var windows = windows(2)
        var arrivals = [1, 3].map { windows.receive(16_000, on: $0, now: 0) }
        #expect(arrivals == [.kept(WindowUpdate(bytes: 16_000)), .kept(WindowUpdate(bytes: 16_000))])
        arrivals = [1, 3, 1].map { windows.receive(1000, on: $0, now: 0) }
        #expect(
            arrivals == [
                .kept(WindowUpdate(bytes: 1000, isWidened: true)), .kept(WindowUpdate(bytes: 1000)),
                .kept(WindowUpdate(bytes: 1000)),
            ])
        #expect(windows.held == 35_000 && windows.waiting == 35_200)
    }

    @Test("Without room the oldest unfinished request goes on, each other up to 64 KiB; room opens the rest")
    func room() {
        var windows = windows(3)
        for stream in [3, 5] as [Int32] { _ = windows.receive(200_000, on: stream, now: 0) }
        #expect(windows.deadline == 10 * Self.second)
        var arrivals = [1, 3, 5].map { windows.receive(1000, on: $0, now: 7) }
        #expect(arrivals[0] == .kept(WindowUpdate(bytes: 1000)))
        #expect(arrivals[1...] == [.kept(WindowUpdate(bytes: 0)), .kept(WindowUpdate(bytes: 0))])
        #expect(windows.deadline == 7 + InboundWindows.shutSpan)
        // Nothing has changed yet.
        var opened = reopened(&windows, now: 8)
        #expect(opened.isEmpty)
        // The second is the oldest now.
        windows.finish(1)
        opened = reopened(&windows, now: 9)
        #expect(opened == [3: WindowUpdate(bytes: 1000, isWidened: true)])
        arrivals = [3, 5].map { windows.receive(10, on: $0, now: 10) }
        #expect(arrivals == [.kept(WindowUpdate(bytes: 10)), .kept(WindowUpdate(bytes: 0))])
        windows.close(3)
        opened = reopened(&windows, now: 11)
        #expect(opened == [5: WindowUpdate(bytes: 1010, isWidened: true)])
        // Its client could not send until now.
        #expect(windows.deadline == 11 + 10 * Self.second)
        #expect(windows.held == 202_010)
    }

    @Test("After a second of shut windows the newest requests that do not fit are named, but never the oldest")
    func crowdedOut() {
        var windows = windows(10, of: 300_000, room: 1_000_000)
        for stream in stride(from: 1, to: 20, by: 2) { _ = windows.receive(110_000, on: Int32(stream), now: 0) }
        var named = windows.takeCrowdedOut(now: InboundWindows.shutSpan - 1)
        #expect(named.isEmpty)
        named = windows.takeCrowdedOut(now: InboundWindows.shutSpan)
        // Three of 300 000 bytes fit into a million.
        #expect(named == [7, 9, 11, 13, 15, 17, 19])
        // Where nothing comes of it, it is said again a second later.
        named = windows.takeCrowdedOut(now: InboundWindows.shutSpan)
        #expect(named.isEmpty)
        #expect(windows.deadline == 2 * InboundWindows.shutSpan)
        var alone = self.windows(1, of: 300_000, room: 1000)
        let arrival = alone.receive(250_000, on: 1, now: 0)
        #expect(arrival == .kept(WindowUpdate(bytes: 250_000, isWidened: true)))
        #expect(alone.takeCrowdedOut(now: .max - Self.second).isEmpty)
    }

    @Test("A request has no more content than its length")
    func tooLarge() {
        var windows = windows(1, of: 10)
        let arrivals = [10, 1].map { windows.receive($0, on: 1, now: 0) }
        #expect(arrivals == [.kept(WindowUpdate(bytes: 10)), .tooLarge])
        #expect(windows.held == 10)
    }

    @Test("What comes of a refused or answered request is discarded with its window open, to a limit")
    func discards() {
        var windows = windows(2)
        for stream in [1, 3] as [Int32] { _ = windows.receive(400_000, on: stream, now: 0) }
        let owed = windows.refuse(3)
        #expect(owed == WindowUpdate(bytes: 400_000))
        #expect(windows.held == 400_000 && windows.waiting == 400_100)
        let arrivals = [InboundWindows.discardLimit, 1].map { windows.receive($0, on: 3, now: 0) }
        #expect(arrivals == [.discarded(WindowUpdate(bytes: InboundWindows.discardLimit)), .overrun])
        let unknown = windows.receive(9, on: 99, now: 0)
        #expect(unknown == .discarded(WindowUpdate(bytes: 9)))
        windows.finish(1)
        windows.discard(3, until: 50)
        #expect(windows.deadline == 50 || windows.deadline == InboundWindows.shutSpan)
        let streams = (windows.takeDiscarded(now: 49), windows.takeDiscarded(now: 50), windows.takeDiscarded(now: 51))
        #expect(streams.0 == [] && streams.1 == [3] && streams.2 == [])
    }

    @Test("Content and fields wait until a request is handed out; content is held until its reply begins")
    func sums() {
        var windows = windows(2)
        _ = windows.receive(1000, on: 1, now: 0)
        _ = windows.receive(2000, on: 3, now: 0)
        windows.receiveFields(50, on: 1)
        #expect(windows.waiting == 3250 && windows.held == 3000 && windows.largest == 3)
        windows.finish(3)
        windows.deliver(3)
        windows.receiveFields(50, on: 3)
        #expect(windows.waiting == 1150 && windows.held == 3000 && windows.largest == 1)
        windows.release(3)
        #expect(windows.held == 1000)
        for stream in [1, 3] as [Int32] { windows.close(stream) }
        #expect(windows.waiting == 0 && windows.held == 0 && windows.largest == nil && windows.deadline == .max)
    }

    @Test("Each request has the floor rate of its own content and an equal share of the others'")
    func rate() {
        var windows = windows(2)
        for turn in 1...100 as ClosedRange<UInt64> {
            _ = windows.receive(1000, on: 1, now: turn * Self.second)
            windows.creditArrivals(now: turn * Self.second)
            #expect(windows.late(now: turn * Self.second).isEmpty)
        }
        // Two requests at 1000 bytes a second are just fast enough together; a little less is not.
        #expect(windows.deadline == 110 * Self.second)
        for turn in 101...130 as ClosedRange<UInt64> {
            _ = windows.receive(500, on: 1, now: turn * Self.second)
            windows.creditArrivals(now: turn * Self.second)
        }
        #expect(windows.late(now: 130 * Self.second) == [3])
        #expect(windows.late(now: 141 * Self.second) == [1, 3])
        windows.finish(1)
        windows.finish(3)
        #expect(windows.deadline == .max && windows.late(now: .max - 1).isEmpty)
    }
}
