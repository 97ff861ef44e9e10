import CNGHTTP2

/// Counts the frames that cost this side work and the peer next to nothing (RFC 9113 section 10.5).
///
/// libnghttp2 bounds what it keeps of them, not how many it answers: a peer that reads its replies may send them
/// without end. An honest peer sends each kind in proportion to its requests, however many those are: HAProxy opens two
/// windows for every reply. So each kind has a ``TokenBucket`` that fills with time and with every request served, and
/// an empty one means that there is no such reason.
///
/// | kind | at once | a second | a request served | why anybody sends it |
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

    /// What has run out first.
    private(set) var fault: HTTPConnectionFault?

    /// A full budget.
    init() {}

    /// A frame's header came; `false` where nothing more is to be read of this peer.
    ///
    /// Once ``fault`` is set, what the peer still needs to get the replies under way is let through: a few frames, and
    /// WINDOW_UPDATEs by what is sent.
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

    /// A DATA frame turned out to be nothing but padding.
    mutating func receivedPadding(now: UInt64) { check(emptyData.take(now: now), .emptyData) }

    /// A frame was refused.
    mutating func receivedInvalid(now: UInt64) { check(invalid.take(now: now), .invalidFrames) }

    /// A DATA frame with so much content was sent.
    mutating func sentData(_ count: Int) {
        // Not for a trickle: a window opened byte by byte costs a frame of ours for each of theirs (CVE-2019-9511).
        guard count >= 1024 else { return }
        windowUpdates.give(4)
        if fault != nil { afterwards.give(4) }
    }

    /// RST_STREAM was sent for something that the peer did.
    mutating func sentReset(_ code: UInt32, now: UInt64) {
        if code == NGHTTP2_REFUSED_STREAM.rawValue {
            check(refusals.take(now: now), .refusedStreams)
        } else if code != NGHTTP2_NO_ERROR.rawValue {
            check(resetsProvoked.take(now: now), .provokedResets)
        }
    }

    /// A reply is all out: the peer had a reason for what goes with a request.
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
