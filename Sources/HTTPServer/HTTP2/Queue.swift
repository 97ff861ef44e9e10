/// A first-in first-out queue whose storage is used again: in the steady state nothing is allocated and nothing moves.
package struct Queue<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    /// How many at the front were taken already.
    private var taken = 0

    /// An empty queue.
    package init() {}

    /// Whether nothing waits.
    package var isEmpty: Bool { taken == elements.count }

    /// Adds an element at the end.
    package mutating func append(_ element: Element) {
        // A queue that never runs empty gives its storage back in halves.
        if taken > 32, taken > elements.count / 2 {
            elements.removeFirst(taken)
            taken = 0
        }
        elements.append(element)
    }

    /// Takes the oldest element.
    package mutating func popFirst() -> Element? {
        guard taken < elements.count else { return nil }
        let element = elements[taken]
        taken += 1
        if taken == elements.count { removeAll() }
        return element
    }

    /// Drops the elements of which that is true, in time of the queue's length.
    package mutating func removeAll(where isDropped: (Element) -> Bool) {
        elements.removeFirst(taken)
        taken = 0
        elements.removeAll(where: isDropped)
    }

    /// Drops everything.
    package mutating func removeAll() {
        elements.removeAll(keepingCapacity: true)
        taken = 0
    }
}
