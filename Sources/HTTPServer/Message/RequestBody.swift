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
        let needed = bytes.count + piece.count
        if bytes.capacity < needed {
            // The limit halved so often that the last growth doubles: one from just below the limit to the limit would
            // leave three times as much behind in the heap.
            var capacity = max(limit, needed)
            while capacity / 2 >= needed { capacity /= 2 }
            bytes.reserveCapacity(capacity)
        }
        bytes.append(piece)
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
