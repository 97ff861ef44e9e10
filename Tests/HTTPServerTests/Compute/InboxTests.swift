import Dispatch
import Synchronization
import Testing

@testable import HTTPServer

@Suite("Inbox") struct InboxTests {
    @Test("elements are taken in the order they came, the first after each emptying is told apart")
    func order() {
        let inbox = Inbox<Int>()
        var taken = [-1]
        inbox.takeAll(into: &taken)
        #expect(taken == [-1])
        #expect(inbox.add(1) == .first && inbox.add(2) == .more && inbox.add(3) == .more)
        inbox.takeAll(into: &taken)
        #expect(taken == [-1, 1, 2, 3])
        #expect(inbox.add(4) == .first && inbox.add(5) == .more)
        #expect(inbox.close() == [4, 5])
        #expect(inbox.add(6) == .refused && inbox.close() == [])
    }

    private final class Held: Sendable {}

    @Test("what it holds is freed with it, and what it refuses at once")
    func freed() {
        var inbox: Inbox<Held>? = Inbox()
        var held: [Held] = [Held(), Held(), Held()]
        weak let (first, last) = (held[0], held[2])
        for index in 0..<2 { _ = inbox?.add(held[index]) }
        held.removeFirst(2)
        #expect(first != nil)
        inbox = nil
        #expect(first == nil)
        let closed = Inbox<Held>()
        _ = closed.close()
        _ = closed.add(held.removeLast())
        #expect(last == nil)
    }

    @Test("of what several threads add while another takes nothing is lost or doubled, and each one's order is kept")
    func concurrent() {
        let inbox = Inbox<(thread: Int, number: Int)>()
        let firsts = Atomic<Int>(0)
        let adding = DispatchGroup()
        let (threads, count) = (4, 20_000)
        for thread in 0..<threads {
            DispatchQueue.global().async(group: adding) {
                for number in 0..<count where inbox.add((thread, number)) == .first {
                    firsts.add(1, ordering: .relaxed)
                }
            }
        }
        var next = [Int](repeating: 0, count: threads)
        var taken: [(thread: Int, number: Int)] = []
        var (emptied, isInOrder) = (0, true)
        func take() {
            inbox.takeAll(into: &taken)
            if !taken.isEmpty { emptied += 1 }
            for (thread, number) in taken {
                isInOrder = isInOrder && next[thread] == number
                next[thread] += 1
            }
            taken.removeAll(keepingCapacity: true)
        }
        while adding.wait(timeout: .now()) != .success { take() }
        take()
        #expect(isInOrder && next == [Int](repeating: count, count: threads))
        #expect(firsts.load(ordering: .relaxed) == emptied)
    }

    @Test("of elements added while the list is closed each is either handed out or refused")
    func closing() {
        for _ in 0..<500 {
            let inbox = Inbox<Int>()
            let refused = Atomic<Int>(0)
            let adding = DispatchGroup()
            for _ in 0..<2 {
                DispatchQueue.global().async(group: adding) {
                    for number in 0..<20 where inbox.add(number) == .refused { refused.add(1, ordering: .relaxed) }
                }
            }
            let taken = inbox.close().count
            adding.wait()
            #expect(taken + refused.load(ordering: .relaxed) == 40)
        }
    }
}
