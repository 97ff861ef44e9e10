import HTTPServer
import SoftmaxCore
import TensorJSON

/// Replies of up to so many numbers (some 700 KiB of text) are made in one buffer and sent with Content-Length; larger
/// ones are streamed.
///
/// It is what a slow client can have made and not take, so the README's ceiling on memory counts on it.
let bufferedNumbers = 1 << 15

/// Pieces that a streamed reply is made by at a time: some 16 000 numbers or 370 KiB, so that the next are made while
/// the last ones wait for the socket (``HTTPLimits/outputHighWater``).
let streamedPieces = 4

/// A reply whose text is made piece by piece on several threads, all at once or while the client takes it.
///
/// `@unchecked Sendable`: ``next(into:)``, which alone changes anything, is called by one thread at a time (see
/// ``HTTPBodySource``).
final class LargeReply<Scalar: ServiceScalar>: HTTPBodySource, @unchecked Sendable {
    /// One sample's factors.
    private struct Prepared: Sendable {
        var sample: Int
        var rows: JacobianRows<Scalar>
    }

    private let calculation: Calculation<Scalar>
    private let workers: Workers
    private var piece: Piece?
    /// Of dense Jacobians the sample whose rows are being written: only O(C) of it is ever held.
    private let prepared = Locked<Prepared?>(nil)

    /// The reply to what has been computed.
    init(_ calculation: consuming Calculation<Scalar>, _ workers: Workers) {
        piece = calculation.firstPiece()
        self.calculation = calculation
        self.workers = workers
    }

    /// The reply's content: whole, or this source of it where it is large.
    func body() throws(ReplyFailure) -> HTTPBody {
        calculation.replyNumbers > bufferedNumbers ? .stream(self) : .bytes(try text())
    }

    /// The whole text.
    func text() throws(ReplyFailure) -> [UInt8] {
        let parts = try parts(takePieces(.max))
        if parts.count == 1 { return parts[0] }
        var text: [UInt8] = []
        text.reserveCapacity(parts.reduce(0) { $0 + $1.count })
        for part in parts { text.append(contentsOf: part) }
        return text
    }

    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress {
        do throws(ReplyFailure) {
            parts += try self.parts(takePieces(streamedPieces))
        } catch {
            return .failed
        }
        return piece == nil ? .last : .more
    }

    private func takePieces(_ most: Int) -> [Piece] {
        var pieces: [Piece] = []
        while pieces.count < most, let piece {
            pieces.append(piece)
            self.piece = calculation.piece(after: piece)
        }
        return pieces
    }

    /// The texts of some pieces, made on several threads.
    ///
    /// - Throws: what the first failure was, or that nobody waits any more: then some pieces were left out.
    private func parts(_ pieces: [Piece]) throws(ReplyFailure) -> [[UInt8]] {
        let failure = Locked<ReplyFailure?>(nil)
        var parts = [[UInt8]](repeating: [], count: pieces.count)
        parts.withUnsafeMutableBufferPointer { buffer in
            let shared = SharedOutput(buffer: buffer)
            workers.untilCancelled(pieces.count) { index in
                do throws(ReplyFailure) {
                    try append(pieces[index], to: &shared.buffer[index])
                } catch {
                    failure.withLock { [error] in $0 = $0 ?? error }
                }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        try workers.check()
        return parts
    }

    private func append(_ piece: Piece, to text: inout [UInt8]) throws(ReplyFailure) {
        // Either all results are there, or they are made here.
        let isDense = calculation.options.isDense
        let numbers = try isDense ? jacobians(piece) : calculation.results
        let range = isDense ? 0..<numbers.count : piece.numbers
        try text.append(addingCapacity: calculation.room(for: piece)) { output throws(ReplyFailure) in
            try calculation.append(piece, numbers.span.extracting(range), to: &output)
        }
    }

    /// A piece's part of dense Jacobians.
    private func jacobians(_ piece: Piece) throws(ReplyFailure) -> [Scalar] {
        guard let rows = piece.part else {
            return try calculation.jacobians(of: piece.rows, numbers: piece.numbers.count)
        }
        let jacobian = try jacobian(of: piece.rows.lowerBound)
        var values = [Scalar](repeating: 0, count: piece.numbers.count)
        var span = values.mutableSpan
        do throws(SoftmaxError) {
            try jacobian.rows(rows, into: &span)
        } catch {
            throw .unwritable
        }
        return values
    }

    /// The sample's factors, computed once and shared by the threads that write its rows.
    private func jacobian(of sample: Int) throws(ReplyFailure) -> JacobianRows<Scalar> {
        let rows = prepared.withLock { prepared -> JacobianRows<Scalar>? in
            if let prepared, prepared.sample == sample { return prepared.rows }
            let values = calculation.arrangement.values(of: sample..<sample + 1)
            let logits = calculation.logits.values
            guard let rows = try? JacobianRows(logits.span.extracting(values), options: calculation.options.softmax)
            else { return nil }
            prepared = Prepared(sample: sample, rows: rows)
            return rows
        }
        guard let rows else { throw .unwritable }
        return rows
    }
}
