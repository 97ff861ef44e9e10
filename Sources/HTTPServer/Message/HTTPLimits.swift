/// What a client may send before it is refused.
///
/// Sizes are in bytes.
public struct HTTPLimits: Sendable, Equatable {
    /// The request line with its CRLF, bytes.
    ///
    /// Past it 414.
    public var requestLine = 8 * 1024
    /// All field lines with their CRLFs, bytes.
    ///
    /// Past it 431.
    public var fieldSection = 16 * 1024
    /// Field lines.
    ///
    /// Past it 431.
    public var fieldCount = 100
    /// The body after its transfer coding is undone, bytes.
    ///
    /// Past it 413.
    public var body = 16 * 1024 * 1024
    /// Chunk extensions, zeros before chunk sizes and trailers of one chunked body, bytes beyond one in 16 of the body.
    ///
    /// Past it 400 (RFC 9112 section 7.1.1: a recipient ought to limit the total length of chunk extensions).
    public var framing = 16 * 1024
    /// Requests at once on one HTTP/2 connection, 1…1000.
    ///
    /// Past it they are refused, to be sent again: RST_STREAM with REFUSED_STREAM. Default 100.
    public var streams = 100
    /// Content held on one HTTP/2 connection, bytes; above it windows are opened for its oldest unfinished request only,
    /// and up to 64 KiB for each other, and what still waits after a second gets 503.
    ///
    /// A server lowers it to half of ``HTTPServerConfiguration/bodyMemory``. Default 2²⁸ (256 MiB).
    public var connectionBodies = 1 << 28
    /// Unwritten output above which a session stops reading and asks for no more of a streamed body, bytes.
    public var outputHighWater = 384 * 1024
    /// Content of replies on one HTTP/2 connection that is made or being made and not on its way to the socket, bytes;
    /// above it no more requests are begun there, and no more of a streamed body is asked for.
    public var replyHighWater = 768 * 1024

    /// The defaults.
    public init() {}
}
