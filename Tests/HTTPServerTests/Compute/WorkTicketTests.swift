import Dispatch
import Synchronization
import Testing

@testable import HTTPServer

@Suite("Work tickets") struct WorkTicketTests {
    private let total = BoundedTotal()

    private func take(_ cost: Int, limit: Int = 100) -> HTTPWorkTicket? {
        .taking(cost, of: total, limit: limit)
    }

    @Test("what is held is given back once")
    func releasedOnce() throws {
        let (first, second) = (try #require(take(30)), try #require(take(70)))
        #expect(take(1) == nil)
        #expect(total.value == 100)
        first.release()
        first.release()
        #expect(total.value == 70)
        second.release()
        #expect(total.value == 0)
    }

    @Test("a raise holds the difference, as far as the budget goes")
    func raised() throws {
        let (first, second) = (try #require(take(30)), try #require(take(20)))
        #expect(first.raise(to: 80))
        #expect(total.value == 100)
        #expect(!first.raise(to: 81) && !second.raise(to: 21) && !second.raise(to: .max))
        #expect(total.value == 100)
        #expect(second.raise(to: 20))
        second.release()
        #expect(first.raise(to: 100))
        #expect(total.value == 100)
        first.release()
        #expect(total.value == 0)
    }

    @Test("a lower cost changes nothing", arguments: [29, 0, -1, Int.min])
    func lower(cost: Int) throws {
        let ticket = try #require(take(30))
        #expect(ticket.raise(to: cost))
        #expect(total.value == 30)
        ticket.release()
        #expect(total.value == 0)
    }

    @Test("no cost is below 0, none of all possible overflows", arguments: [Int.min, -1, 0])
    func extremes(cost: Int) throws {
        let ticket = try #require(take(cost, limit: .max))
        #expect(total.value == 0)
        #expect(ticket.raise(to: .max))
        #expect(total.value == .max)
        #expect(take(1, limit: .max) == nil)
        ticket.release()
        #expect(total.value == 0)
    }

    @Test("one that was given back, or that nobody waits for, holds no more")
    func over() throws {
        let (released, cancelled) = (try #require(take(10)), try #require(take(20)))
        released.release()
        #expect(!released.raise(to: 50) && !released.raise(to: 1))
        #expect(!cancelled.isCancelled)
        cancelled.cancel()
        #expect(cancelled.isCancelled && !cancelled.raise(to: 50))
        #expect(total.value == 20)
        cancelled.release()
        #expect(total.value == 0)
    }

    @Test("without a server every cost fits")
    func serverless() {
        let ticket = HTTPWorkTicket()
        #expect(ticket.raise(to: .max) && !ticket.isCancelled)
    }

    @Test("raised and given back by several threads at once, the total is never above its limit and 0 in the end")
    func concurrent() throws {
        let other = try #require(take(50))
        let highest = Atomic<Int>(0)
        let refused = Atomic<Int>(0)
        let total = total
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for round in 0..<2_000 {
                guard let ticket = HTTPWorkTicket.taking(10, of: total, limit: 100) else { continue }
                let others = DispatchGroup()
                if thread == 0, round % 20 == 0 {
                    // Of these two either may be first.
                    DispatchQueue.global().async(group: others) { ticket.release() }
                }
                for cost in [20, 40, 15, 51] where !ticket.raise(to: cost) { refused.add(1, ordering: .relaxed) }
                highest.max(total.value, ordering: .relaxed)
                ticket.release()
                others.wait()
            }
        }
        #expect(total.value == 50)
        other.release()
        #expect(highest.load(ordering: .relaxed) <= 100)
        #expect(refused.load(ordering: .relaxed) > 0)
    }
}
