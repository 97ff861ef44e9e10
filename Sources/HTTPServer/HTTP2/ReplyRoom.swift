/// Bounds the content of replies that a connection holds because its peer opens no window for it.
///
/// Three sums count against one high-water mark: content that is made and held back by flow control, content that is
/// being made for replies that have not begun, and content that is being made for streamed bodies, a piece at a time.
/// Above the mark no request is begun. A streamed body does not wait for replies that are being made, which may take
/// long: its next piece is asked for as long as the other two sums stay below.
package struct ReplyRoom: Sendable {
    /// How much content is being made for one stream.
    package struct Expectation: Sendable {
        fileprivate var bytes = 0
        fileprivate var isPiece = false
        /// None.
        package init() {}
    }

    private let highWater: Int
    /// Content that is made and not framed yet, bytes.
    package private(set) var held = 0
    private var replies = 0
    private var pieces = 0

    /// - Parameter highWater: where no more is begun, bytes; one byte at least is always let in.
    package init(highWater: Int) { self.highWater = max(1, highWater) }

    /// Whether another request may be begun.
    package var takesRequest: Bool { held + replies + pieces < highWater }
    /// Whether a streamed body may make its next piece.
    package var takesPiece: Bool { held + pieces < highWater }

    /// So many bytes are being made for a stream from now on, instead of what was expected for it before.
    ///
    /// - Parameter isPiece: they continue a streamed body; else they are a whole reply or its beginning.
    package mutating func expect(_ bytes: Int, isPiece: Bool, for expectation: inout Expectation) {
        if expectation.isPiece { pieces -= expectation.bytes } else { replies -= expectation.bytes }
        expectation.bytes = bytes
        expectation.isPiece = isPiece
        if isPiece { pieces += bytes } else { replies += bytes }
    }

    /// So many bytes are made, and wait for their windows.
    package mutating func hold(_ bytes: Int) { held += bytes }

    /// So many bytes were framed, or their stream is gone.
    package mutating func release(_ bytes: Int) { held -= bytes }
}
