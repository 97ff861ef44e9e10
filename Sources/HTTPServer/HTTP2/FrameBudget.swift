import CNGHTTP2

/// Rate limits for frames that cost this side work and the peer next to nothing (RFC 9113 section 10.5).
///
/// libnghttp2 bounds the frames that it queues, not those that it answers: a peer that reads its replies could send them
/// for ever. A legitimate peer sends each kind in proportion to its requests, however many: HAProxy sends two
/// WINDOW_UPDATEs for every reply. So each kind has a ``TokenBucket``, refilled by time and by every request served. A peer
/// that empties one is flooding.
///
/// | kind | at once | a second | a request served | legitimate use |
/// |---|---|---|---|---|
/// | PING | 100 | 10 | 2 | keep-alive, round-trip and bandwidth estimates, with a reset |
/// | SETTINGS | 20 | 1 | 1 | once or twice in a connection's life, or as an estimate changes |
/// | PRIORITY | 200 | 100 | 4 | by clients of RFC 7540 |
/// | RST_STREAM received | 100 | 10 | 1 | requests given up, replies complete; else it is rapid reset |
/// | RST_STREAM provoked | 100 | 10 | 1 | malformed requests; else it is MadeYouReset |
/// | RST_STREAM of a refused request | 1000 | 100 | 1 | sent before our SETTINGS were there |
/// | WINDOW_UPDATE | 1000 | 100 | 4, and 4 for a DATA frame of 1 KiB | two for each DATA frame |
/// | DATA without data | 100 | 10 | 2 | a body's end |
/// | frames that break a rule | 20 | 1 | 1 | a mistake |
///
/// SETTINGS acknowledgements are not counted: one that answers nothing ends the connection in libnghttp2.
struct FrameBudget: Sendable {
    private var pings = TokenBucket(burst: 100, rate: 10)
    private var settings = TokenBucket(burst: 20, rate: 1)
    private var priorities = TokenBucket(burst: 200, rate: 100)
    private var resetsReceived = TokenBucket(burst: 100, rate: 10)
    private var resetsProvoked = TokenBucket(burst: 100, rate: 10)
    private var refusals = TokenBucket(burst: 1000, rate: 100)
    private var windowUpdates = TokenBucket(burst: 1000, rate: 100)
    private var emptyData = TokenBucket(burst: 100, rate: 10)
    private var invalid = TokenBucket(burst: 20, rate: 1)
    /// Frames of any kind once ``fault`` is set.
    private var afterwards = TokenBucket(burst: 200, rate: 10)

    /// The first fault.
    private(set) var fault: HTTPConnectionFault?

    /// A full budget.
    init() {}

    /// A frame header arrived; `false` where nothing more is to be read of this peer.
    ///
    /// After a fault the peer may still send what it needs to receive the replies in progress: a few frames, and
    /// WINDOW_UPDATEs in proportion to the DATA frames sent.
    mutating func begins(_ header: nghttp2_frame_hd, now: UInt64) -> Bool {
        guard fault == nil else { return afterwards.take(now: now) }
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_PING: check(pings.take(now: now), .pings)
        case NGHTTP2_SETTINGS where header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0:
            check(settings.take(now: now), .settings)
        case NGHTTP2_PRIORITY: check(priorities.take(now: now), .priorities)
        case NGHTTP2_RST_STREAM: check(resetsReceived.take(now: now), .resets)
        case NGHTTP2_WINDOW_UPDATE: check(windowUpdates.take(now: now), .windowUpdates)
        case NGHTTP2_DATA where header.length == 0 && header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0:
            check(emptyData.take(now: now), .emptyData)
        default: break
        }
        return true
    }

    /// A DATA frame consisted of padding only.
    mutating func receivedPadding(now: UInt64) { check(emptyData.take(now: now), .emptyData) }

    /// A frame was refused.
    mutating func receivedInvalid(now: UInt64) { check(invalid.take(now: now), .invalidFrames) }

    /// A DATA frame with so much content was sent.
    mutating func sentData(_ count: Int) {
        // Not for small frames: a window replenished byte by byte costs a DATA frame for each update (CVE-2019-9511).
        guard count >= 1024 else { return }
        windowUpdates.give(4)
        if fault != nil { afterwards.give(4) }
    }

    /// RST_STREAM was sent because of a fault of the peer's.
    mutating func sentReset(_ code: UInt32, now: UInt64) {
        if code == NGHTTP2_REFUSED_STREAM.rawValue {
            check(refusals.take(now: now), .refusedStreams)
        } else if code != NGHTTP2_NO_ERROR.rawValue {
            check(resetsProvoked.take(now: now), .provokedResets)
        }
    }

    /// A reply was sent in full: refills the buckets with what a request accounts for.
    mutating func served() {
        pings.give(2)
        settings.give(1)
        priorities.give(4)
        resetsReceived.give(1)
        resetsProvoked.give(1)
        refusals.give(1)
        windowUpdates.give(4)
        emptyData.give(2)
        invalid.give(1)
    }

    /// The connection has to end for that.
    mutating func end(for fault: HTTPConnectionFault) { self.fault = self.fault ?? fault }

    private mutating func check(_ isWithinBudget: Bool, _ kind: HTTPConnectionFault) {
        if !isWithinBudget { end(for: kind) }
    }
}
