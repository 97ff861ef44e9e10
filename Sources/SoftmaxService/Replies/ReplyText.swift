import HTTPServer
import SoftmaxCore
import TensorJSON

/// The approximate count of numbers in one piece of a large reply: some 90 KiB of text, a fifth of a millisecond of
/// work.
let numbersPerPiece = 4096

/// A part of a reply's text.
///
/// The text is the concatenation of all pieces, which any thread can make in any order.
struct Piece: Sendable, Equatable {
    /// The index of the reply's member that it belongs to.
    var member: Int
    /// The rows of that member's nesting.
    var rows: Range<Int>
    /// For a piece of one long row, which of its numbers (for a dense Jacobian: which of the Jacobian's rows) it holds;
    /// `nil` for whole rows.
    var part: Range<Int>?
    /// The indices of its numbers among all numbers of the reply.
    var numbers: Range<Int>
    /// Whether it is the last piece of the reply.
    var isLast: Bool
}

/// The reply: a JSON object with one member, or with the three of a factored Jacobian.
extension Calculation {
    private var isFactored: Bool { options.operation == .jacobian && options.form == .factored }

    /// Whether the reply has one list or matrix for each sample, instead of a number for each logit.
    var isWrittenBySample: Bool {
        options.operation == .jacobian && (options.form == .dense || options.form == .entries)
    }

    private var layout: TensorLayout { isWrittenBySample ? arrangement.sampleLayout : arrangement.layout }

    /// A member's name, with what stands before and after it.
    private func opening(of member: Int) -> StaticString {
        switch (options.operation, options.form) {
        case (.softmax, _): options.softmax.function == .softmax ? #"{"probabilities":"# : #"{"log_probabilities":"#
        case (.vjp, _): #"{"vjp":"#
        case (.jvp, _): #"{"jvp":"#
        case (.jacobian, .dense): #"{"jacobian":"#
        case (.jacobian, .diagonal): #"{"diagonal":"#
        case (.jacobian, .entries): #"{"entries":"#
        case (.jacobian, .factored):
            member == 0 ? #"{"probabilities":"# : member == 1 ? #","complements":"# : #","scale":"#
        }
    }

    private var lastMember: Int { isFactored ? 2 : 0 }

    /// The numbers in one list of a row: in the row itself, or in each of its Jacobian's rows.
    ///
    /// It is also the number of parts that the row can be split into: these numbers, or the rows of the (square)
    /// Jacobian.
    private func listLength(_ row: Int) -> Int {
        options.operation == .jacobian && options.form == .entries ? pairs.count : layout.rowLength(row)
    }

    /// The first piece of the reply, of about that many numbers.
    func firstPiece() -> Piece { piece(member: 0, row: 0, at: 0, numbersPerPiece) }

    /// The piece after another one, of about that many numbers; `nil` after the last one.
    func piece(after last: Piece) -> Piece? {
        let size = numbersPerPiece
        if last.isLast { return nil }
        let (end, row) = (last.numbers.upperBound, last.rows.lowerBound)
        if let part = last.part, part.upperBound < listLength(row) {
            return piece(member: last.member, row: row, from: part.upperBound, at: end, size)
        }
        let isOver = last.rows.upperBound == layout.rows
        return piece(member: last.member + (isOver ? 1 : 0), row: isOver ? 0 : last.rows.upperBound, at: end, size)
    }

    /// The piece that begins with a row: as many whole rows as fit, or a part of that row if it is long.
    private func piece(member: Int, row first: Int, at start: Int, _ size: Int) -> Piece {
        let isLastMember = member == lastMember
        // The scale is a number, not a tensor.
        let rows = isFactored && isLastMember ? 0 : layout.rows
        var count = 0
        var row = first
        while row < rows, count < size {
            let length = numbers(ofRow: row)
            if row == first, length >= 2 * size {
                return self.piece(member: member, row: row, from: 0, at: start, size)
            }
            // Keeps a piece below twice the size.
            if count + length >= 2 * size { break }
            count += length
            row += 1
        }
        return Piece(
            member: member, rows: first..<row, part: nil, numbers: start..<start + count,
            isLast: isLastMember && row == rows)
    }

    /// Whether a row is so long that several pieces share it.
    func isSplit(row: Int) -> Bool { numbers(ofRow: row) >= 2 * numbersPerPiece }

    /// The numbers of the reply that belong to a row.
    private func numbers(ofRow row: Int) -> Int {
        let list = listLength(row)
        return options.isDense ? list * list : list
    }

    /// The piece of one long row that begins with a part.
    private func piece(member: Int, row: Int, from first: Int, at start: Int, _ size: Int) -> Piece {
        let parts = listLength(row)
        let unit = options.isDense ? parts : 1
        let part = first..<min(first + max(1, size / unit), parts)
        return Piece(
            member: member, rows: row..<row + 1, part: part, numbers: start..<start + part.count * unit,
            isLast: member == lastMember && row + 1 == layout.rows && part.upperBound == parts)
    }

    /// An upper bound on the bytes of a piece.
    func capacity(for piece: Piece) -> Int {
        let lists = options.isDense ? piece.numbers.count : piece.rows.count
        // The last term is for the name, the scale and the punctuation.
        return TensorWriter.bytesPerNumber * piece.numbers.count + 2 * lists + 2 * (layout.rank + 1) * piece.rows.count
            + 64 + TensorWriter.slack
    }

    /// A whole member as one piece.
    private func piece(wholeMember member: Int) -> Piece {
        let isScale = isFactored && member == lastMember
        // The two tensors of a factored Jacobian have the same size.
        let count = isFactored ? replyNumbers / 2 : replyNumbers
        return Piece(
            member: member, rows: 0..<(isScale ? 0 : layout.rows), part: nil,
            numbers: member * count..<(isScale ? member : member + 1) * count, isLast: member == lastMember)
    }

    /// An upper bound on the bytes of the whole text: that of the first member for each of them, as none is longer.
    var textCapacity: Int { capacity(for: piece(wholeMember: 0)) * (lastMember + 1) }

    /// Appends the whole text, once the results are computed; `output` must have ``textCapacity`` free bytes.
    ///
    /// - Throws: `unwritable`.
    func appendText(to output: inout OutputSpan<UInt8>) throws(ReplyFailure) {
        for member in 0...lastMember {
            let piece = piece(wholeMember: member)
            try append(piece, results.span.extracting(piece.numbers), to: &output)
        }
    }

    /// Appends a piece with its numbers and punctuation; `output` must have ``capacity(for:)`` free bytes.
    ///
    /// - Throws: `unwritable`. The reply must then be dropped or cut short, not sent with a wrong number.
    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    func append(_ piece: Piece, _ numbers: Span<Scalar>, to output: inout OutputSpan<UInt8>) throws(ReplyFailure) {
        do throws(UnwritableNumber) {
            if piece.rows.lowerBound == 0, (piece.part?.lowerBound ?? 0) == 0 {
                let opening = opening(of: piece.member)
                output.append(UnsafeBufferPointer(start: opening.utf8Start, count: opening.utf8CodeUnitCount).span)
            }
            if isFactored, piece.member == lastMember {
                try TensorWriter.append(CollectionOfOne(Scalar(1 / options.softmax.temperature)).span, to: &output)
            } else if layout.rows == 0 {
                output.append(UInt8(ascii: "["))
                output.append(UInt8(ascii: "]"))
            } else {
                try appendRows(of: piece, numbers, to: &output)
            }
            if piece.isLast { output.append(UInt8(ascii: "}")) }
        } catch {
            throw .unwritable
        }
    }

    private func appendRows(
        of piece: Piece, _ numbers: Span<Scalar>, to output: inout OutputSpan<UInt8>
    ) throws(UnwritableNumber) {
        let isDense = options.isDense
        var start = 0
        for row in piece.rows {
            let length = listLength(row)
            let part = piece.part ?? 0..<length
            if part.lowerBound == 0 {
                layout.appendOpening(row, to: &output)
                output.append(UInt8(ascii: "["))
            } else {
                output.append(UInt8(ascii: ","))
            }
            if isDense {
                for list in part {
                    if list > part.lowerBound { output.append(UInt8(ascii: ",")) }
                    output.append(UInt8(ascii: "["))
                    try TensorWriter.append(numbers.extracting(start..<start + length), to: &output)
                    output.append(UInt8(ascii: "]"))
                    start += length
                }
            } else {
                try TensorWriter.append(numbers.extracting(start..<start + part.count), to: &output)
                start += part.count
            }
            if part.upperBound == length {
                output.append(UInt8(ascii: "]"))
                layout.appendClosing(row, to: &output)
            }
        }
    }
}
