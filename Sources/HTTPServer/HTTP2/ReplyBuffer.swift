/// Reply content that is not framed yet: pieces in order.
///
/// The usual reply is one short piece: it is copied to storage that is reused.
struct ReplyBuffer: Sendable {
    private var first: [UInt8] = []
    private var offset = 0
    private var rest: [[UInt8]] = []
    /// How many bytes there are.
    private(set) var count = 0

    init() {}

    /// Appends a piece; a long one is not copied.
    mutating func append(_ piece: [UInt8]) {
        guard !piece.isEmpty else { return }
        if count == 0, piece.count <= HTTPOutput.copyLimit {
            set(piece.span)
        } else {
            if count == 0 { first = piece } else { rest.append(piece) }
            count += piece.count
        }
    }

    /// Copies those bytes; the buffer must be empty.
    mutating func set(_ bytes: borrowing Span<UInt8>) {
        precondition(count == 0, "a reply that is all there is set once")
        first.append(bytes)
        count = bytes.count
    }

    /// Moves a frame to `output`: its header and up to `wanted` bytes of content.
    mutating func move(_ wanted: Int, after header: UnsafeBufferPointer<UInt8>, to output: inout HTTPOutput) {
        output.write { buffer in
            var left = max(0, min(wanted, count))
            count -= left
            buffer.reserveCapacity(buffer.count + header.count + left)
            buffer.append(contentsOf: header)
            while left > 0 {
                let taken = min(left, first.count - offset)
                buffer.append(first.span.extracting(offset..<offset + taken))
                offset += taken
                left -= taken
                if offset == first.count { takeNext() }
            }
        }
    }

    /// Continues with the next piece, where the first is used up.
    private mutating func takeNext() {
        offset = 0
        if !rest.isEmpty {
            first = rest.removeFirst()
        } else if first.capacity <= 2 * HTTPOutput.copyLimit {
            if !first.isEmpty { first.removeAll(keepingCapacity: true) }
        } else {
            first = []
        }
    }

    /// Drops everything.
    mutating func removeAll() {
        rest.removeAll()
        count = 0
        takeNext()
    }
}
