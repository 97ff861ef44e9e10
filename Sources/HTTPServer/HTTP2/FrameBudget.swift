import CNGHTTP2

/// Counts the frames that cost this side work and the peer next to nothing (RFC 9113 section 10.5).
///
/// libnghttp2 bounds what it keeps of them, not how many it answers: a peer that reads its replies may send them
/// without end. Each kind has a ``TokenBucket``; an empty one ends the connection with ENHANCE_YOUR_CALM.
///
/// | kind | at once | per second | why anybody sends it |
/// |---|---|---|---|
/// | PING | 100 | 10 | keep-alive, round-trip and bandwidth estimates |
/// | SETTINGS | 20 | 1 | once or twice in a connection's life |
/// | PRIORITY | 200 | 100 | one per request, by clients of RFC 7540 |
/// | RST_STREAM received | 100 | 10 | requests given up; without end it is rapid reset (CVE-2023-44487) |
/// | RST_STREAM provoked | 100 | 10 | malformed requests; without end it is MadeYouReset (CVE-2025-8671) |
/// | WINDOW_UPDATE | 1000 | 100, and 4 for each DATA frame of 1 KiB sent | two per DATA frame received |
/// | DATA without data | 100 | 10 | a body's end |
/// | frames that break a rule | 20 | 1 | a mistake |
struct FrameBudget: Sendable {
    private var pings = TokenBucket(burst: 100, rate: 10)
    private var settings = TokenBucket(burst: 20, rate: 1)
    private var priorities = TokenBucket(burst: 200, rate: 100)
    private var resetsReceived = TokenBucket(burst: 100, rate: 10)
    private var resetsProvoked = TokenBucket(burst: 100, rate: 10)
    private var windowUpdates = TokenBucket(burst: 1000, rate: 100)
    private var emptyData = TokenBucket(burst: 100, rate: 10)
    private var invalid = TokenBucket(burst: 20, rate: 1)

    /// A full budget.
    init() {}

    /// A frame's header came; `false` where its kind is over its budget.
    mutating func begins(_ header: nghttp2_frame_hd, now: UInt64) -> Bool {
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_PING: pings.take(now: now)
        case NGHTTP2_SETTINGS: settings.take(now: now)
        case NGHTTP2_PRIORITY: priorities.take(now: now)
        case NGHTTP2_RST_STREAM: resetsReceived.take(now: now)
        case NGHTTP2_WINDOW_UPDATE: windowUpdates.take(now: now)
        case NGHTTP2_DATA where header.length == 0 && header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0:
            emptyData.take(now: now)
        default: true
        }
    }

    /// A DATA frame turned out to be nothing but padding.
    mutating func receivedPadding(now: UInt64) -> Bool { emptyData.take(now: now) }

    /// A frame was sent: DATA earns the peer WINDOW_UPDATEs, RST_STREAM for an error was its doing.
    mutating func sent(_ frame: nghttp2_frame, now: UInt64) -> Bool {
        switch nghttp2_frame_type(UInt32(frame.hd.type)) {
        case NGHTTP2_DATA:
            // Not for a trickle: a window opened byte by byte costs a frame of ours for each of theirs (CVE-2019-9511).
            if frame.hd.length >= 1024 { windowUpdates.give(4) }
            return true
        case NGHTTP2_RST_STREAM where frame.rst_stream.error_code != NGHTTP2_NO_ERROR.rawValue:
            return resetsProvoked.take(now: now)
        default: return true
        }
    }

    /// A frame was refused.
    mutating func receivedInvalid(now: UInt64) -> Bool { invalid.take(now: now) }
}
