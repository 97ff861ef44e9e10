/// The open streams of one connection, by identifier.
///
/// A stream keeps its slot from opening to closing, and slots are reused, so that in the steady state nothing is allocated.
/// The index is a flat array ordered by identifier: the newest stream, which is looked up most, is last.
package struct StreamTable<Stream> {
    private var order: [(id: Int32, slot: Int)] = []
    private var slots: [Stream] = []
    private var free: [Int] = []

    /// No stream is open.
    package init() {}

    /// Whether no stream is open.
    package var isEmpty: Bool { order.isEmpty }

    /// The identifiers of all streams, lowest first.
    package var ids: [Int32] { order.map(\.id) }

    /// The slot of a stream; `nil` where it is not open.
    package func slot(of id: Int32) -> Int? {
        let position = position(of: id)
        return position < order.count && order[position].id == id ? order[position].slot : nil
    }

    /// The stream in a slot.
    package subscript(slot: Int) -> Stream {
        // An array's subscript would copy the stream, a span's does not.
        _read { yield slots.span[slot] }
        _modify { yield &slots[slot] }
    }

    /// Opens a stream, which is not open yet; returns its slot.
    ///
    /// A reused slot holds what the last stream left in it, a new one `blank`.
    package mutating func open(_ id: Int32, _ blank: @autoclosure () -> Stream) -> Int {
        let slot = free.popLast() ?? slots.count
        if slot == slots.count { slots.append(blank()) }
        let position = position(of: id)
        // Nearly always the newest; inserting is several times the cost of appending.
        if position == order.count { order.append((id, slot)) } else { order.insert((id, slot), at: position) }
        return slot
    }

    /// Closes a stream; the next stream of the slot gets what is in it.
    package mutating func close(_ id: Int32) {
        guard let slot = slot(of: id) else { return }
        order.remove(at: position(of: id))
        free.append(slot)
    }

    /// The first position whose stream has that identifier or a higher.
    private func position(of id: Int32) -> Int {
        guard let last = order.last, last.id >= id else { return order.count }
        if last.id == id { return order.count - 1 }
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if order[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
