import Synchronization

/// A list that any thread adds to, and others empty, none of which ever waits for another.
///
/// Event loops and compute threads meet here and not at a lock: a thread of the idle class that is preempted while it holds
/// one gets no processor to give it back with as long as other programs keep them busy, and the loop that wants it next
/// would wait as long (priority inversion).
///
/// Sendable although unchecked: elements are Sendable, and a node belongs to the thread that adds it until the exchange that
/// publishes it, and from the exchange that takes it to the thread that empties the list.
final class Inbox<Element: Sendable>: @unchecked Sendable {
    private struct Node {
        let element: Element
        var older: UnsafeMutablePointer<Node>?
    }

    private let newest = Atomic<UnsafeMutablePointer<Node>?>(nil)
    /// Stands in ``newest`` for a list that takes no more; never a node.
    private let closed = UnsafeMutablePointer<Node>.allocate(capacity: 1)

    /// An empty one.
    init() {}

    deinit {
        _ = close()
        closed.deallocate()
    }

    /// What became of an element.
    enum Addition {
        /// It is the first since the list was emptied.
        case first
        case more
        /// The list takes no more.
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

    /// Empties the list for good.
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
