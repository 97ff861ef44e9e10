/// Bounds the reply content that one connection buffers while flow control holds it back.
///
/// Three sums count against one high-water mark: content that is buffered, content reserved for replies that are being
/// computed, and content reserved for the next pieces of streamed bodies. Above the mark no further request is begun. A
/// streamed body does not wait for replies that are being computed, which may take long: its next piece is requested as
/// long as the other two sums are below the mark.
package struct ReplyRoom: Sendable {
    /// Content reserved for one stream.
    package struct Reservation: Sendable {
        fileprivate var bytes = 0
        fileprivate var isPiece = false
        /// None.
        package init() {}
    }

    private let highWater: Int
    /// Content buffered and not yet framed, bytes.
    package private(set) var held = 0
    private var replies = 0
    private var pieces = 0

    /// - Parameter highWater: bytes at which no further request is begun; 1 at least.
    package init(highWater: Int) { self.highWater = max(1, highWater) }

    /// Whether another request may begin.
    package var takesRequest: Bool { held + replies + pieces < highWater }
    /// Whether the next piece of a streamed body may be requested.
    package var takesPiece: Bool { held + pieces < highWater }

    /// Replaces a stream's reservation.
    ///
    /// - Parameter isPiece: for the next piece of a streamed body; else for a whole reply or its first piece.
    package mutating func reserve(_ bytes: Int, isPiece: Bool, for reservation: inout Reservation) {
        if reservation.isPiece { pieces -= reservation.bytes } else { replies -= reservation.bytes }
        reservation.bytes = bytes
        reservation.isPiece = isPiece
        if isPiece { pieces += bytes } else { replies += bytes }
    }

    /// Counts content that is buffered from now on.
    package mutating func hold(_ bytes: Int) { held += bytes }

    /// Counts buffered content that was framed, or whose stream closed.
    package mutating func release(_ bytes: Int) { held -= bytes }
}
