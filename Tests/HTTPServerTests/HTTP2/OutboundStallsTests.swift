import HTTPServer
import Testing

@Suite("Outbound windows that stay shut")
struct OutboundStallsTests {
    static let second: UInt64 = 1_000_000_000

    private func stalls(_ streams: Int32...) -> OutboundStalls {
        var stalls = OutboundStalls(span: 10 * Self.second, rate: 500)
        for stream in streams { stalls.begin(stream) }
        return stalls
    }

    @Test("A shut window is waited for from when it was seen shut; an open one is not")
    func deadline() {
        var stalls = stalls(1, 3)
        #expect(stalls.deadline == .max)
        stalls.update(now: 5) { $0 == 3 }
        #expect(stalls.deadline == 5 + 10 * Self.second)
        stalls.update(now: 9) { _ in true }
        // What was seen first is due first.
        #expect(stalls.deadline == 5 + 10 * Self.second)
        let early = stalls.takeLate(now: 4 + 10 * Self.second)
        #expect(early.isEmpty)
        let late = stalls.takeLate(now: 5 + 10 * Self.second)
        #expect(late == [3])
        // Named once; the others stay as they are.
        #expect(stalls.deadline == 9 + 10 * Self.second)
        stalls.update(now: 10) { _ in false }
        #expect(stalls.deadline == .max)
    }

    @Test("What goes out through a window earns time at the floor rate, up to the span")
    func progress() {
        var stalls = stalls(1)
        stalls.update(now: 0) { $0 == 1 }
        stalls.send(500, on: 1)
        stalls.update(now: 4 * Self.second) { $0 == 1 }
        #expect(stalls.deadline == 11 * Self.second)
        stalls.send(1_000_000, on: 1)
        // Credited as late as when the deadline passes.
        let late = stalls.takeLate(now: 11 * Self.second)
        #expect(late.isEmpty)
        #expect(stalls.deadline == 21 * Self.second)
    }

    @Test("The connection's window is credited with all streams, and matters only while replies wait")
    func connection() {
        var stalls = stalls(1, 3)
        stalls.update(now: 0) { $0 == 0 }
        stalls.send(500, on: 1)
        stalls.send(500, on: 3)
        stalls.update(now: Self.second) { $0 == 0 }
        #expect(stalls.deadline == 11 * Self.second)
        stalls.end(1)
        stalls.update(now: 2 * Self.second) { $0 == 0 }
        #expect(stalls.deadline == 11 * Self.second)
        var shut = stalls
        let late = shut.takeLate(now: 11 * Self.second)
        #expect(late == [0])
        stalls.end(3)
        stalls.update(now: 3 * Self.second) { _ in true }
        #expect(stalls.deadline == .max)
    }

    @Test("A reply that is out or given up is waited for no more")
    func ends() {
        var stalls = stalls(1, 3)
        stalls.update(now: 0) { $0 != 0 }
        stalls.end(1)
        stalls.end(1)
        let late = stalls.takeLate(now: .max - 1)
        #expect(late == [3])
        stalls.end(3)
        #expect(stalls.deadline == .max)
    }
}
