/// Limits on what a client may send and on what is buffered for it.
public struct HTTPLimits: Sendable, Equatable {
    /// The length of the request line, CRLF included, bytes; above it 414.
    ///
    /// Default 8 KiB.
    public var requestLine = 8 * 1024
    /// The length of all field lines, CRLFs included, bytes; above it 431.
    ///
    /// Default 16 KiB.
    public var fieldSection = 16 * 1024
    /// The number of field lines; above it 431.
    ///
    /// Default 100.
    public var fieldCount = 100
    /// The length of the content, transfer coding removed, bytes; above it 413.
    ///
    /// Default 16 MiB.
    public var body = 16 * 1024 * 1024
    /// The overhead of a chunked body (chunk extensions, leading zeros of chunk sizes, trailers) above 1/16 of its
    /// content, bytes; above it 400, as RFC 9112 section 7.1.1 asks for a limit on chunk extensions.
    ///
    /// Default 16 KiB.
    public var framing = 16 * 1024
    /// Concurrent streams of an HTTP/2 connection (SETTINGS_MAX_CONCURRENT_STREAMS), 1…1000; above it REFUSED_STREAM, after
    /// which the client may retry.
    ///
    /// Default 100.
    public var streams = 100
    /// Request content buffered on an HTTP/2 connection, bytes.
    ///
    /// Above it only the oldest incomplete request gets a full flow-control window, and each other one of up to 64 KiB;
    /// a request whose window has been withheld for a second gets 503.
    ///
    /// A server lowers it to half of ``HTTPServerConfiguration/bodyMemory``. Default 2²⁸ (256 MiB).
    public var connectionBodies = 1 << 28
    /// The high-water mark of buffered output, bytes: above it the socket is not read and no piece of a streamed body is
    /// requested.
    ///
    /// Default 384 KiB.
    public var outputHighWater = 384 * 1024
    /// The high-water mark of an HTTP/2 connection's reply content that is computed or being computed and not framed yet,
    /// bytes: above it no further request is begun and no piece of a streamed body is requested.
    ///
    /// Default 768 KiB.
    public var replyHighWater = 768 * 1024

    /// The defaults.
    public init() {}
}
