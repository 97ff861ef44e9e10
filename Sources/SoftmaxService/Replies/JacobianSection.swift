import HTTPServer
import SoftmaxCore
import TensorJSON

/// Dense Jacobians, computed piece by piece while they are written: only O(C) of a sample is ever held.
struct JacobianSection<Scalar: ServiceScalar>: ReplySection {
    /// Some whole samples, or some rows of one sample's Jacobian.
    private struct Piece {
        var samples: Range<Int>
        var rows: Range<Int>?
    }

    /// One sample's factors.
    private struct Prepared: Sendable {
        var sample: Int
        var rows: JacobianRows<Scalar>
    }

    private let request: DecodedRequest<Scalar>
    private let layout: TensorLayout
    private let pieces: [Piece]
    let pieceCount: Int
    /// The sample whose rows are being written.
    private let prepared = Locked<Prepared?>(nil)

    init(_ request: DecodedRequest<Scalar>) {
        self.request = request
        layout = request.arrangement.sampleLayout
        pieces = Self.cut(layout)
        pieceCount = pieces.count
    }

    private static func cut(_ layout: TensorLayout) -> [Piece] {
        var pieces: [Piece] = []
        var first = 0
        var collected = 0
        for sample in 0..<layout.rows {
            let classes = layout.rowLength(sample)
            if classes * classes >= 2 * numbersPerPiece {
                if first < sample { pieces.append(Piece(samples: first..<sample, rows: nil)) }
                let step = max(1, numbersPerPiece / classes)
                for start in stride(from: 0, to: classes, by: step) {
                    pieces.append(Piece(samples: sample..<sample + 1, rows: start..<min(start + step, classes)))
                }
                (first, collected) = (sample + 1, 0)
                continue
            }
            if collected + classes * classes >= 2 * numbersPerPiece {
                pieces.append(Piece(samples: first..<sample, rows: nil))
                (first, collected) = (sample, 0)
            }
            collected += classes * classes
            if collected >= numbersPerPiece {
                pieces.append(Piece(samples: first..<sample + 1, rows: nil))
                (first, collected) = (sample + 1, 0)
            }
        }
        if first < layout.rows || pieces.isEmpty { pieces.append(Piece(samples: first..<layout.rows, rows: nil)) }
        return pieces
    }

    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    func append(piece: Int, to text: inout [UInt8]) throws(HTTPProblem) {
        let piece = pieces[piece]
        guard let rows = piece.rows else {
            try appendSamples(piece.samples, to: &text)
            return
        }
        let sample = piece.samples.lowerBound
        let classes = layout.rowLength(sample)
        if rows.lowerBound == 0 {
            layout.appendOpening(sample, to: &text)
            text.append(UInt8(ascii: "["))
        }
        let jacobian = try jacobian(of: sample)
        var values = [Scalar](repeating: 0, count: rows.count * classes)
        var span = values.mutableSpan
        try Self.checked { () throws(SoftmaxError) in try jacobian.rows(rows, into: &span) }
        try Self.append(values.span, classes: classes, isFirst: rows.lowerBound == 0, to: &text)
        if rows.upperBound == classes {
            text.append(UInt8(ascii: "]"))
            layout.appendClosing(sample, to: &text)
        }
    }

    /// The rows of whole samples, each run of equally long ones computed in one call.
    private func appendSamples(_ samples: Range<Int>, to text: inout [UInt8]) throws(HTTPProblem) {
        let logits = request.logits
        var values: [Scalar] = []
        var starts: [Int] = []
        try request.arrangement.forEachRun(in: samples) { range, classes, first throws(HTTPProblem) in
            let end = range.isEmpty ? first : first + range.count / max(classes, 1)
            var run = [Scalar](repeating: 0, count: range.count * classes)
            var span = run.mutableSpan
            try Self.checked { () throws(SoftmaxError) in
                try Softmax.jacobian(
                    logits.span.extracting(range), classes: classes, options: request.options, into: &span)
            }
            for sample in first..<end { starts.append(values.count + (sample - first) * classes * classes) }
            values.append(contentsOf: run)
        }
        try layout.appendRows(samples, to: &text) { sample, text throws(HTTPProblem) in
            let start = starts[sample - samples.lowerBound]
            let classes = layout.rowLength(sample)
            text.append(UInt8(ascii: "["))
            try Self.append(
                values.span.extracting(start..<start + classes * classes), classes: classes, isFirst: true, to: &text)
            text.append(UInt8(ascii: "]"))
        }
    }

    private static func append(
        _ rows: Span<Scalar>, classes: Int, isFirst: Bool, to text: inout [UInt8]
    ) throws(HTTPProblem) {
        for row in 0..<rows.count / classes {
            if row > 0 || !isFirst { text.append(UInt8(ascii: ",")) }
            try appendRow(rows.extracting(row * classes..<(row + 1) * classes), to: &text)
        }
    }

    /// The sample's factors, computed once and shared by the threads that write its rows.
    private func jacobian(of sample: Int) throws(HTTPProblem) -> JacobianRows<Scalar> {
        let rows = prepared.withLock { prepared -> JacobianRows<Scalar>? in
            if let prepared, prepared.sample == sample { return prepared.rows }
            let logits = request.logits
            let values = request.arrangement.values(of: sample..<sample + 1)
            guard let rows = try? JacobianRows(logits.span.extracting(values), options: request.options) else {
                return nil
            }
            prepared = Prepared(sample: sample, rows: rows)
            return rows
        }
        guard let rows else { throw .internalError() }
        return rows
    }

    /// Does what was checked before any reply was begun: that the shapes agree and every sample has a Jacobian.
    ///
    /// - Throws: an internal error where it fails all the same.
    private static func checked(_ body: () throws(SoftmaxError) -> Void) throws(HTTPProblem) {
        do throws(SoftmaxError) {
            try body()
        } catch {
            throw .internalError()
        }
    }
}
