/// A body as it arrives, in storage that grows with it and keeps ``HTTPRequest/bodyPadding`` bytes spare.
///
/// A claimed length allocates nothing: the storage at most doubles what was received, and never passes the claim or
/// the limit by more than the padding.
struct RequestBody: Sendable {
    private(set) var bytes: [UInt8] = []

    init() {}

    var count: Int { bytes.count }
    var capacity: Int { bytes.capacity }

    /// Appends what arrived.
    ///
    /// - Parameter limit: how long the body can become: its declared length, or the limit where it is chunked.
    mutating func append(_ piece: borrowing Span<UInt8>, atMost limit: Int) {
        piece.withUnsafeBytes { append($0, atMost: limit) }
    }

    /// The same for bytes where they were received.
    mutating func append(_ piece: UnsafeRawBufferPointer, atMost limit: Int) {
        let needed = bytes.count + piece.count + HTTPRequest.bodyPadding
        if bytes.capacity < needed {
            let doubled = min(2 * bytes.capacity, limit + HTTPRequest.bodyPadding)
            bytes.reserveCapacity(max(needed, doubled))
        }
        bytes.append(contentsOf: piece)
    }

    /// The whole body; what is left is an empty one.
    mutating func take() -> [UInt8] {
        if bytes.isEmpty { return HTTPRequest.emptyBody }
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        return taken
    }
}
