import HTTPServer
import SoftmaxCore
import TensorJSON

/// A computed reply: a JSON object whose members' text is made all at once or piece by piece.
struct Reply: Sendable {
    /// One member of the object.
    struct Member: Sendable {
        let name: StaticString
        let section: any ReplySection
    }

    let members: [Member]
    /// How many numbers the text holds.
    let numbers: Int

    /// Replies of up to so many numbers (some 700 KiB of text) are made in one buffer and sent with Content-Length;
    /// larger ones are streamed.
    ///
    /// It is what a slow client can have made and not take, so the README's ceiling on memory counts on it.
    static let bufferedNumbers = 1 << 15
    /// Pieces that a streamed reply is made by at a time: some 16 000 numbers or 370 KiB, so that the next are made
    /// while the last ones wait for the socket (``HTTPLimits/outputHighWater``).
    static let streamedPieces = 4

    /// Where a piece of the text comes from.
    struct Piece: Sendable {
        var member = 0
        var index = 0
    }

    /// The piece after that one; `nil` after the last.
    func piece(after piece: Piece) -> Piece? {
        if piece.index + 1 < members[piece.member].section.pieceCount {
            return Piece(member: piece.member, index: piece.index + 1)
        }
        return piece.member + 1 < members.count ? Piece(member: piece.member + 1, index: 0) : nil
    }

    /// Appends one piece, with the punctuation around it.
    func append(_ piece: Piece, to text: inout [UInt8]) throws(HTTPProblem) {
        let member = members[piece.member]
        if piece.index == 0 {
            text.append(UInt8(ascii: piece.member == 0 ? "{" : ","))
            text.append(UInt8(ascii: "\""))
            member.name.withUTF8Buffer { text.append(contentsOf: $0) }
            text.append(UInt8(ascii: "\""))
            text.append(UInt8(ascii: ":"))
        }
        try member.section.append(piece: piece.index, to: &text)
        if self.piece(after: piece) == nil { text.append(UInt8(ascii: "}")) }
    }

    /// The reply as a response: in one piece, or streamed where it is large.
    func response(_ workers: Workers) throws(HTTPProblem) -> HTTPResponse {
        guard numbers > Self.bufferedNumbers else { return .json(.bytes(try text(workers))) }
        return .json(.stream(ReplyStream(self, workers)))
    }

    /// The whole text.
    func text(_ workers: Workers) throws(HTTPProblem) -> [UInt8] {
        var text: [UInt8] = []
        var next: Piece? = Piece()
        guard workers.threads > 1, numbers > 2 * numbersPerPiece else {
            // A bound for numbers of 17 digits and their commas, so that the text seldom moves.
            text.reserveCapacity(numbers * 22 + 64)
            while let piece = next {
                try append(piece, to: &text)
                next = self.piece(after: piece)
            }
            return text
        }
        var pieces: [Piece] = []
        while let piece = next {
            pieces.append(piece)
            next = self.piece(after: piece)
        }
        let parts = try parts(pieces, workers)
        text.reserveCapacity(parts.reduce(0) { $0 + $1.count })
        for part in parts { text.append(contentsOf: part) }
        return text
    }

    /// The texts of some pieces, made on several threads.
    ///
    /// - Throws: what the first failure was, or that nobody waits any more: then some pieces were left out.
    func parts(_ pieces: [Piece], _ workers: Workers) throws(HTTPProblem) -> [[UInt8]] {
        let failure = Locked<HTTPProblem?>(nil)
        var parts = [[UInt8]](repeating: [], count: pieces.count)
        parts.withUnsafeMutableBufferPointer { buffer in
            let shared = SharedOutput(buffer: buffer)
            workers.untilCancelled(pieces.count) { index in
                // Room for numbers of 17 digits and their commas, so that the text seldom moves.
                shared.buffer[index].reserveCapacity(22 * min(numbers, numbersPerPiece) + 64)
                do throws(HTTPProblem) {
                    try append(pieces[index], to: &shared.buffer[index])
                } catch {
                    failure.withLock { [error] in $0 = $0 ?? error }
                }
            }
        }
        if let problem = failure.withLock({ $0 }) { throw problem }
        try workers.check()
        return parts
    }
}

/// A reply made while the client takes it.
///
/// `@unchecked Sendable`: ``next(into:)`` is called by one thread at a time (see ``HTTPBodySource``).
final class ReplyStream: HTTPBodySource, @unchecked Sendable {
    private let reply: Reply
    private let workers: Workers
    private var piece: Reply.Piece? = Reply.Piece()

    init(_ reply: Reply, _ workers: Workers) {
        self.reply = reply
        self.workers = workers
    }

    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress {
        var pieces: [Reply.Piece] = []
        while pieces.count < Reply.streamedPieces, let piece {
            pieces.append(piece)
            self.piece = reply.piece(after: piece)
        }
        do throws(HTTPProblem) {
            parts += try reply.parts(pieces, workers)
        } catch {
            return .failed
        }
        return piece == nil ? .last : .more
    }
}
