import HTTPServer
import SoftmaxCore
import TensorJSON

/// The most numbers (some 700 KiB of text) of a reply that is buffered and sent with Content-Length; larger replies are
/// streamed.
///
/// A client that does not read its reply makes the server hold this much, so the memory ceiling in the README depends
/// on it.
let bufferedNumbers = 1 << 15

/// The pieces of a streamed reply that are made at a time: some 16 000 numbers or 370 KiB.
///
/// That is less than the output's high-water mark (``HTTPLimits/outputHighWater``), so that the next pieces are made
/// while these wait for the socket.
let streamedPieces = 4

/// A reply whose text is made piece by piece on several threads, either completely or as the client reads it.
///
/// `@unchecked Sendable`: only ``next(into:)`` and ``body()`` mutate it, and one thread at a time calls them (see
/// ``HTTPBodySource``).
final class LargeReply<Scalar: ServiceScalar>: HTTPBodySource, @unchecked Sendable {
    /// A sample whose Jacobian is being written.
    private struct Prepared: Sendable {
        var sample: Int
        var rows: JacobianRows<Scalar>
    }

    private let calculation: Calculation<Scalar>
    private let workers: Workers
    private var piece: Piece?
    /// The sample whose dense Jacobian is being written: O(C) numbers, from which the pieces compute their rows.
    private let prepared = Locked<Prepared?>(nil)

    /// The reply with the results of a calculation.
    init(_ calculation: consuming Calculation<Scalar>, _ workers: Workers) {
        piece = calculation.firstPiece()
        self.calculation = calculation
        self.workers = workers
    }

    /// The content of the response: all of it, or this source if there are more than ``bufferedNumbers``.
    func body() throws(ReplyFailure) -> HTTPBody {
        calculation.replyNumbers > bufferedNumbers ? .stream(self) : .parts(try parts(takePieces(.max)))
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
    /// - Throws: as ``Workers/performUntilCancelled(_:_:)``.
    private func parts(_ pieces: [Piece]) throws(ReplyFailure) -> [[UInt8]] {
        var parts = [[UInt8]](repeating: [], count: pieces.count)
        try parts.withUnsafeMutableBufferPointer { buffer throws(ReplyFailure) in
            let parts = SharedOutput(buffer: buffer)
            try workers.performUntilCancelled(pieces.count) { index throws(ReplyFailure) in
                try append(pieces[index], to: &parts.buffer[index])
            }
        }
        return parts
    }

    private func append(_ piece: Piece, to text: inout [UInt8]) throws(ReplyFailure) {
        let isComputedHere = calculation.isComputedByPiece
        let numbers = try isComputedHere ? results(piece) : calculation.results
        let range = isComputedHere ? 0..<numbers.count : piece.numbers
        try text.append(addingCapacity: calculation.capacity(for: piece)) { output throws(ReplyFailure) in
            try calculation.append(piece, numbers.span.extracting(range), to: &output)
        }
    }

    /// The numbers that a piece holds.
    private func results(_ piece: Piece) throws(ReplyFailure) -> [Scalar] {
        guard let rows = piece.part else {
            return try calculation.results(of: piece.rows, numbers: piece.numbers.count)
        }
        let jacobian = try jacobian(of: piece.rows.lowerBound)
        var values: [Scalar] = []
        try values.append(count: piece.numbers.count) { buffer throws(ReplyFailure) in
            var entries = buffer.mutableSpan
            do throws(SoftmaxError) {
                try jacobian.rows(rows, into: &entries)
            } catch {
                throw .unwritable
            }
        }
        return values
    }

    /// The Jacobian of one sample, prepared once and shared by the threads that compute its rows.
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
