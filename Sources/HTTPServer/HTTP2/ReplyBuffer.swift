/// The part of a reply's content that is made and not yet framed: pieces in order, taken from the front.
///
/// The usual reply is one short piece: it is copied to storage that is used again.
struct ReplyBuffer: Sendable {
    private var first: [UInt8] = []
    private var offset = 0
    private var rest: [[UInt8]] = []
    /// How many bytes there are.
    private(set) var count = 0

    init() {}

    /// Adds a piece at the end; a long one without a copy.
    mutating func append(_ piece: [UInt8]) {
        guard !piece.isEmpty else { return }
        if count == 0, piece.count <= HTTPOutput.copyLimit {
            set(piece.span)
        } else {
            if count == 0 { first = piece } else { rest.append(piece) }
            count += piece.count
        }
    }

    /// Has a copy of those bytes, after nothing else.
    mutating func set(_ bytes: borrowing Span<UInt8>) {
        precondition(count == 0, "a reply that is all there is set once")
        first.append(bytes)
        count = bytes.count
    }

    /// Queues a frame: its header, and so many bytes or all there are from the front.
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

    /// The first piece is all gone.
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
