import Synchronization

/// A lock-free list that any thread adds to and any thread empties.
///
/// Event loops and compute threads share it instead of a lock, because of priority inversion: a SCHED_IDLE thread that is
/// preempted while it holds a lock may not run again while other programs use the processors, and an event loop would wait
/// for that lock as long.
///
/// Sendable although unchecked: elements are Sendable, and a node belongs to the thread that adds it until the exchange that
/// publishes it, and from the exchange that takes it to the thread that empties the list.
final class Inbox<Element: Sendable>: @unchecked Sendable {
    private struct Node {
        let element: Element
        var older: UnsafeMutablePointer<Node>?
    }

    private let newest = Atomic<UnsafeMutablePointer<Node>?>(nil)
    /// The sentinel in ``newest`` of a closed list; never a node.
    private let closed = UnsafeMutablePointer<Node>.allocate(capacity: 1)

    /// An empty one.
    init() {}

    deinit {
        _ = close()
        closed.deallocate()
    }

    /// The outcome of adding an element.
    enum Addition {
        /// It is the first since the list was emptied.
        case first
        case more
        /// The list is closed.
        case refused
    }

    /// Adds an element.
    func add(_ element: Element) -> Addition {
        let node = UnsafeMutablePointer<Node>.allocate(capacity: 1)
        node.initialize(to: Node(element: element))
        var current = newest.load(ordering: .relaxed)
        while current != closed {
            node.pointee.older = current
            let (exchanged, original) = newest.weakCompareExchange(
                expected: current, desired: node, successOrdering: .releasing, failureOrdering: .relaxed)
            if exchanged { return current == nil ? .first : .more }
            current = original
        }
        node.deinitialize(count: 1)
        node.deallocate()
        return .refused
    }

    /// Empties the list, oldest first, into the end of `elements`.
    ///
    /// Not after ``close()``.
    func takeAll(into elements: inout [Element]) {
        append(newest.exchange(nil, ordering: .acquiring), to: &elements)
    }

    /// Closes the list, and returns the elements that were in it.
    func close() -> [Element] {
        var elements: [Element] = []
        append(newest.exchange(closed, ordering: .acquiring), to: &elements)
        return elements
    }

    private func append(_ newest: UnsafeMutablePointer<Node>?, to elements: inout [Element]) {
        let start = elements.count
        var next = newest == closed ? nil : newest
        while let node = next {
            let removed = node.move()
            node.deallocate()
            elements.append(removed.element)
            next = removed.older
        }
        elements[start...].reverse()
    }
}
