/// The part of a reply's content that is made and not yet framed: pieces in order, taken from the front.
///
/// The usual reply is one piece and costs no list.
package struct ReplyBuffer: Sendable {
    private var first: [UInt8] = []
    private var offset = 0
    private var rest: [[UInt8]] = []
    /// How many bytes there are.
    package private(set) var count = 0

    /// Nothing.
    package init() {}

    /// Adds a piece at the end, without a copy.
    package mutating func append(_ piece: [UInt8]) {
        guard !piece.isEmpty else { return }
        if count == 0 { first = piece } else { rest.append(piece) }
        count += piece.count
    }

    /// Moves that many bytes, or all there are, to the end of `buffer`.
    package mutating func move(_ wanted: Int, to buffer: inout [UInt8]) {
        var left = max(0, min(wanted, count))
        count -= left
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
