import HTTPServer
import SoftmaxCore
import TensorJSON

/// A part of a reply's JSON text, cut into pieces that can be made in any order and on any thread.
///
/// The pieces of all sections, one after the other, are the text.
protocol ReplySection: Sendable {
    /// How many pieces there are.
    var pieceCount: Int { get }
    /// Appends one piece's text.
    ///
    /// - Throws: an internal error where a number turns out to be none that JSON can say: then there is no reply, or no
    ///   more of it, rather than a wrong one.
    func append(piece: Int, to text: inout [UInt8]) throws(HTTPProblem)
}

/// About how many numbers one piece holds: some 90 KiB of text, a fifth of a millisecond of work.
let numbersPerPiece = 4096

/// Appends numbers with commas between them.
///
/// - Throws: an internal error for a NaN or +∞. A reply's numbers have all been checked, so no request should bring that
///   about.
func appendNumbers<Scalar: ServiceScalar>(_ numbers: Span<Scalar>, to text: inout [UInt8]) throws(HTTPProblem) {
    do throws(UnwritableNumber) {
        try TensorWriter.append(values: numbers, to: &text)
    } catch {
        throw .internalError()
    }
}

/// Appends numbers in brackets.
func appendRow<Scalar: ServiceScalar>(_ numbers: Span<Scalar>, to text: inout [UInt8]) throws(HTTPProblem) {
    text.append(UInt8(ascii: "["))
    try appendNumbers(numbers, to: &text)
    text.append(UInt8(ascii: "]"))
}

/// A single number: an array of one, so that it is written as all others are.
struct NumberSection<Scalar: ServiceScalar>: ReplySection {
    let number: [Scalar]
    var pieceCount: Int { 1 }

    func append(piece: Int, to text: inout [UInt8]) throws(HTTPProblem) {
        try appendNumbers(number.span, to: &text)
    }
}

/// A tensor of computed values, nested like a layout whose rows may have another length here.
struct ValueSection<Scalar: ServiceScalar>: ReplySection {
    /// Some rows, or a part of the columns of one long row.
    private struct Piece {
        var rows: Range<Int>
        var columns: Range<Int>?
    }

    private let values: [Scalar]
    private let layout: TensorLayout
    /// Numbers in every row; `nil` where they are those of the layout.
    private let rowLength: Int?
    private let pieces: [Piece]
    let pieceCount: Int

    init(_ values: [Scalar], layout: TensorLayout, rowLength: Int? = nil) {
        self.values = values
        self.layout = layout
        self.rowLength = rowLength
        pieces = Self.cut(layout, rowLength: rowLength, total: values.count)
        pieceCount = pieces.count
    }

    private static func cut(_ layout: TensorLayout, rowLength: Int?, total: Int) -> [Piece] {
        guard total > numbersPerPiece else { return [Piece(rows: 0..<layout.rows, columns: nil)] }
        var pieces: [Piece] = []
        var first = 0
        var collected = 0
        for row in 0..<layout.rows {
            let length = rowLength ?? layout.rowLength(row)
            if length >= 2 * numbersPerPiece {
                if first < row { pieces.append(Piece(rows: first..<row, columns: nil)) }
                for start in stride(from: 0, to: length, by: numbersPerPiece) {
                    let columns = start..<min(start + numbersPerPiece, length)
                    pieces.append(Piece(rows: row..<row + 1, columns: columns))
                }
                (first, collected) = (row + 1, 0)
                continue
            }
            // Two rows that are each nearly too long for a piece are two pieces.
            if collected + length >= 2 * numbersPerPiece {
                pieces.append(Piece(rows: first..<row, columns: nil))
                (first, collected) = (row, 0)
            }
            collected += length
            if collected >= numbersPerPiece {
                pieces.append(Piece(rows: first..<row + 1, columns: nil))
                (first, collected) = (row + 1, 0)
            }
        }
        if first < layout.rows { pieces.append(Piece(rows: first..<layout.rows, columns: nil)) }
        return pieces
    }

    private func start(_ row: Int) -> Int { rowLength.map { $0 * row } ?? layout.rowStart(row) }

    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    func append(piece: Int, to text: inout [UInt8]) throws(HTTPProblem) {
        let piece = pieces[piece]
        guard let columns = piece.columns else {
            try layout.appendRows(piece.rows, to: &text) { row, text throws(HTTPProblem) in
                let start = self.start(row)
                try appendRow(values.span.extracting(start..<start + (rowLength ?? layout.rowLength(row))), to: &text)
            }
            return
        }
        let row = piece.rows.lowerBound
        let start = self.start(row)
        if columns.lowerBound == 0 {
            layout.appendOpening(row, to: &text)
            text.append(UInt8(ascii: "["))
        } else {
            text.append(UInt8(ascii: ","))
        }
        try appendNumbers(values.span.extracting(start + columns.lowerBound..<start + columns.upperBound), to: &text)
        if columns.upperBound == (rowLength ?? layout.rowLength(row)) {
            text.append(UInt8(ascii: "]"))
            layout.appendClosing(row, to: &text)
        }
    }
}
