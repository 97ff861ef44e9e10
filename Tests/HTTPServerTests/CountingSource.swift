import HTTPServer
import Synchronization

/// A body of numbered pieces that counts how many were made.
final class CountingSource: HTTPBodySource {
    let pieces: Int
    let size: Int
    let made = Atomic<Int>(0)

    init(pieces: Int, size: Int) {
        self.pieces = pieces
        self.size = size
    }

    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress {
        let index = made.add(1, ordering: .relaxed).oldValue
        // In two parts, to be sent as one.
        let piece = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size)
        parts += [Array(piece[..<(size / 3)]), Array(piece[(size / 3)...])]
        return index + 1 < pieces ? .more : .last
    }

    /// What a client is to receive.
    var expected: [UInt8] {
        (0..<pieces).reduce(into: []) { $0 += [UInt8](repeating: UInt8(truncatingIfNeeded: $1), count: size) }
    }
}
