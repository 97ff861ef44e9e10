/// The part of a reply's content that is made and not yet framed: pieces in order, taken from the front.
///
/// The usual reply is one piece and costs no list.
struct ReplyBuffer: Sendable {
    private var first: [UInt8] = []
    private var offset = 0
    private var rest: [[UInt8]] = []
    /// How many bytes there are.
    private(set) var count = 0

    init() {}

    /// Adds a piece at the end, without a copy.
    mutating func append(_ piece: [UInt8]) {
        guard !piece.isEmpty else { return }
        if count == 0 { first = piece } else { rest.append(piece) }
        count += piece.count
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
                if offset == first.count {
                    offset = 0
                    first = rest.isEmpty ? [] : rest.removeFirst()
                }
            }
        }
    }
}
