/// The open streams of one connection, found by their identifiers.
///
/// A stream stays in one slot from its opening to its closing, and slots are used again, so that in the steady state
/// nothing is allocated and nothing but two numbers moves. The slots' order by identifier is a flat array, in which a
/// client's newest stream, which is asked for most, is last.
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

    /// Where a stream is, or `nil` where it is not open.
    package func slot(of id: Int32) -> Int? {
        let position = position(of: id)
        return position < order.count && order[position].id == id ? order[position].slot : nil
    }

    /// The stream in a slot.
    package subscript(slot: Int) -> Stream {
        // An array hands out copies of what is in it, a span does not.
        _read { yield slots.span[slot] }
        _modify { yield &slots[slot] }
    }

    /// Opens a stream, which is not open yet, and says where it is.
    ///
    /// A slot that was used before has what its last stream left there, another one a blank.
    package mutating func open(_ id: Int32, _ blank: @autoclosure () -> Stream) -> Int {
        let slot = free.popLast() ?? slots.count
        if slot == slots.count { slots.append(blank()) }
        order.insert((id, slot), at: position(of: id))
        return slot
    }

    /// Closes a stream; what is in its slot is left to the next one.
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
