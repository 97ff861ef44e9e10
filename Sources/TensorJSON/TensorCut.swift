import CNumberText
import Synchronization

/// Calls a closure once for each index from 0 up to a count, on as many threads as there may be; returns after the last.
public typealias ConcurrentLoop = (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void

/// A large nested array of numbers, cut into pieces that several threads read side by side.
///
/// It is made from the array's brackets and commas alone, at a small part of what reading takes: they say how the numbers
/// will be nested and where in the buffer each piece's numbers belong. All that stands between them is checked by whoever
/// reads a piece, and so is that the piece has the brackets and the count of numbers that were assumed.
package struct TensorCut: Sendable {
    /// Where a piece begins; it ends where the next one begins.
    struct Piece: Sendable {
        /// Its first byte: of the brackets before a row, or just after a comma within one.
        var offset: Int
        /// How many numbers stand before it.
        var numbers: Int
        /// The row that it begins with or in.
        var row: Int
        /// Whether it begins within its row.
        var isInside: Bool
    }

    /// How the numbers are nested, if every piece is what it was taken for.
    let layout: TensorLayout
    /// The pieces, and one more that begins at the array's end.
    let pieces: [Piece]
    /// The byte after the array.
    var end: Int { pieces[pieces.count - 1].offset }

    /// Reads all numbers, each rounded once to its format.
    ///
    /// - Parameters:
    ///   - bytes: the body in which the array was cut.
    ///   - allowingNegativeInfinity: whether the string "-Infinity" counts as a number.
    ///   - loop: shares the pieces out.
    /// - Returns: `nil` where anything is not as it should be; what that is, ``JSONRequest`` can say.
    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    package func read<Scalar: TensorScalar>(
        of bytes: UnsafeBufferPointer<UInt8>, allowingNegativeInfinity: Bool, _ loop: ConcurrentLoop
    ) -> Tensor<Scalar>? {
        let isRead = Atomic<Bool>(true)
        var values: [Scalar] = []
        values.append(addingCapacity: layout.scalars) { output in
            output.withUnsafeMutableBufferPointer { buffer, count in
                // Each call writes the numbers of its own piece, and all are done when the loop returns.
                nonisolated(unsafe) let (buffer, bytes) = (buffer, bytes)
                loop(pieces.count - 1) { index in
                    let (piece, next) = (pieces[index], pieces[index + 1])
                    var reader = SinglePassReader(bytes, from: piece.offset, to: next.offset)
                    let isAsCut = reader.readPiece(
                        piece, upTo: next, layout,
                        into: UnsafeMutableBufferPointer(rebasing: buffer[piece.numbers..<next.numbers]),
                        allowingNegativeInfinity: allowingNegativeInfinity)
                    if !isAsCut { isRead.store(false, ordering: .relaxed) }
                }
                count = isRead.load(ordering: .relaxed) ? layout.scalars : 0
            }
        }
        return values.count == layout.scalars ? Tensor(values: values, layout: layout) : nil
    }
}

/// Finds rows and pieces in the text of a nested array.
package struct TensorCutter {
    /// About how many numbers a piece has: some 100 µs of reading.
    package static let numbersPerPiece = 8192
    /// Bytes whose brackets and commas are found at a time.
    private static let blocks = 64

    private let deepest: Int
    private let mostNumbers: Int
    private let size: Int
    private var pieces: [TensorCut.Piece] = []
    private var numbers = 0
    private var depth = 0
    /// Arrays that have opened since the last row closed, the row among them.
    private var opens = 0
    /// Whether a comma stands in the row that is open.
    private var rowHasComma = false
    /// The byte after the array, once that is known.
    private var end: Int?

    init(deepest: Int, mostNumbers: Int, ofAbout size: Int) {
        self.deepest = deepest
        self.mostNumbers = mostNumbers
        self.size = size
    }

    /// Cuts the array that begins at an offset, "[" being its first byte; `nil` where it is not worth while, where it does
    /// not end, or where it is more or deeper than the limits.
    mutating func cut(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, rows: inout RowRecords
    ) -> TensorCut? {
        rows.records.removeAll(keepingCapacity: true)
        var offset = start
        while end == nil, offset < bytes.count {
            let size = min(64 * Self.blocks, bytes.count - offset)
            guard passBlocks(UnsafeBufferPointer(rebasing: bytes[offset..<offset + size]), at: offset, &rows.records)
            else { return nil }
            offset += size
        }
        guard let end, pieces.count > 1 else { return nil }
        pieces.append(
            TensorCut.Piece(offset: end, numbers: numbers, row: rows.records.count, isInside: false))
        return TensorCut(layout: TensorLayout(rows.records), pieces: pieces)
    }

    /// Passes some blocks of 64 bytes, of which the last may be shorter.
    private mutating func passBlocks(
        _ bytes: UnsafeBufferPointer<UInt8>, at offset: Int, _ records: inout [TensorLayout.Row]
    ) -> Bool {
        Work.count(bytes.count)
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * Self.blocks) { marks in
            guard let brackets = marks.baseAddress, let text = bytes.baseAddress else { return false }
            let commas = brackets + Self.blocks
            let whole = bytes.count / 64
            number_text_mark(text, whole, brackets, commas)
            if bytes.count > 64 * whole {
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { copy in
                    copy.initialize(repeating: 0)
                    _ = copy.update(fromContentsOf: bytes[(64 * whole)...])
                    if let copy = copy.baseAddress {
                        number_text_mark(copy, 1, brackets + whole, commas + whole)
                    }
                }
            }
            var block = 0
            while 64 * block < bytes.count, end == nil {
                guard
                    pass(brackets[block], commas[block], bytes: bytes, block: block, offset: offset, &records)
                else { return false }
                block += 1
            }
            return true
        }
    }

    /// Passes one block.
    private mutating func pass(
        _ brackets: UInt64, _ commas: UInt64, bytes: UnsafeBufferPointer<UInt8>, block: Int, offset: Int,
        _ records: inout [TensorLayout.Row]
    ) -> Bool {
        var (brackets, commas) = (brackets, commas)
        while brackets != 0 {
            let bit = brackets.trailingZeroBitCount
            let below = (UInt64(1) << UInt64(bit)) - 1
            passCommas(commas & below, at: offset + 64 * block, row: records.count)
            commas &= ~below
            brackets &= brackets - 1
            let place = 64 * block + bit
            guard bytes[place] == UInt8(ascii: "[") ? open(at: offset + place, records) : close(&records) else {
                return false
            }
            if depth == 0 {
                end = offset + place + 1
                return true
            }
        }
        passCommas(commas, at: offset + 64 * block, row: records.count)
        return numbers <= mostNumbers
    }

    /// Passes commas that are not interrupted by a bracket; those of a row stand behind a number each.
    private mutating func passCommas(_ commas: UInt64, at offset: Int, row: Int) {
        guard commas != 0, opens > 0 else { return }
        rowHasComma = true
        numbers += commas.nonzeroBitCount
        guard let last = pieces.last, numbers - last.numbers >= 2 * size else { return }
        pieces.append(
            TensorCut.Piece(
                offset: offset + 64 - commas.leadingZeroBitCount, numbers: numbers, row: row, isInside: true))
    }

    private mutating func open(at offset: Int, _ records: [TensorLayout.Row]) -> Bool {
        guard depth < deepest, !rowHasComma else { return false }
        depth += 1
        opens += 1
        let isFirst = opens == 1
        if isFirst, numbers - (pieces.last?.numbers ?? -size) >= size {
            pieces.append(TensorCut.Piece(offset: offset, numbers: numbers, row: records.count, isInside: false))
        }
        return true
    }

    private mutating func close(_ records: inout [TensorLayout.Row]) -> Bool {
        depth -= 1
        if opens > 0 {
            numbers += 1
            records.append(
                TensorLayout.Row(end: numbers, brackets: TensorLayout.Brackets(opens: UInt8(opens - 1), closes: 0)))
            opens = 0
            rowHasComma = false
        } else {
            records[records.count - 1].brackets.closes += 1
        }
        return numbers <= mostNumbers
    }
}
