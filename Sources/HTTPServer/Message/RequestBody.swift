/// A body as it arrives, in storage that grows with it.
///
/// A claimed length allocates nothing: the storage at most doubles what was received, and never passes the claim or
/// the limit.
struct RequestBody: Sendable {
    private(set) var bytes: [UInt8] = []

    init() {}

    var count: Int { bytes.count }
    var capacity: Int { bytes.capacity }

    /// Appends what arrived.
    ///
    /// - Parameter limit: how long the body can become: its declared length, or the limit where it is chunked.
    mutating func append(_ piece: borrowing Span<UInt8>, atMost limit: Int) {
        reserve(piece.count, atMost: limit)
        bytes.append(piece)
    }

    /// Appends what `read` writes into the room it is lent, of at most `room` bytes; it returns how many those are.
    mutating func append(
        upTo room: Int, atMost limit: Int, _ read: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        reserve(1, atMost: limit)
        // Only what the storage has room for: the next read makes more, once it is known that more arrives.
        bytes.append(addingCapacity: min(room, bytes.capacity - bytes.count)) { output in
            output.withUnsafeMutableBufferPointer { buffer, count in
                let free = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[count...]))
                let written = read(UnsafeMutableRawBufferPointer(rebasing: free.prefix(room)))
                precondition(written >= 0 && written <= min(room, free.count), "a read fills at most its room")
                count += written
            }
        }
    }

    /// Reserves storage for so many more bytes.
    private mutating func reserve(_ more: Int, atMost limit: Int) {
        let needed = bytes.count + more
        guard bytes.capacity < needed else { return }
        // The limit halved so often that the last growth doubles: one from just below the limit to the limit would
        // leave three times as much behind in the heap.
        var capacity = max(limit, needed)
        while capacity / 2 >= needed { capacity /= 2 }
        bytes.reserveCapacity(capacity)
    }

    /// Drops all but the storage.
    mutating func removeAll() { if !bytes.isEmpty { bytes.removeAll(keepingCapacity: true) } }

    /// The whole body; what is left is an empty one.
    mutating func take() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        return taken
    }
}
