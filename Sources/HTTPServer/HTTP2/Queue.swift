/// A first-in first-out queue that reuses its storage: in the steady state nothing is allocated or moved.
package struct Queue<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    /// How many at the front were head already.
    private var head = 0

    /// An empty queue.
    package init() {}

    /// Whether nothing waits.
    package var isEmpty: Bool { head == elements.count }

    /// Adds an element at the end.
    package mutating func append(_ element: Element) {
        // A queue that never runs empty is compacted once more than half of its storage is unused.
        if head > 32, head > elements.count / 2 {
            elements.removeFirst(head)
            head = 0
        }
        elements.append(element)
    }

    /// Removes the oldest element.
    package mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        if elements.count == 1 { return elements.removeLast() }
        let element = elements[head]
        head += 1
        if head == elements.count { removeAll() }
        return element
    }

    /// Drops the elements of which that is true, in time of the queue's length.
    package mutating func removeAll(where isDropped: (Element) -> Bool) {
        elements.removeFirst(head)
        head = 0
        elements.removeAll(where: isDropped)
    }

    /// Drops everything.
    package mutating func removeAll() {
        elements.removeAll(keepingCapacity: true)
        head = 0
    }
}
