import CNGHTTP2

/// HTTP/2 on one connection (RFC 9113), without I/O, over libnghttp2: many requests at once, whole ones handed out.
///
/// libnghttp2 reads and writes frames and keeps the streams' states. This class decides: what a valid request is (as in
/// HTTP/1.1), how much is kept of it, when a peer has had its time, and which traffic is abuse. The files: requests in
/// `HTTP2Session+Requests.swift`, replies in `+Replies`, deadlines in `+Deadlines`, C's callbacks in
/// `HTTP2Callbacks.swift`.
///
/// **Flow control.** The connection's window is given back as content arrives, so that no stream holds up another. A
/// stream's window is given back while the connection holds less content than `HTTPLimits.connectionBodies`; beyond that
/// the oldest unfinished request goes on, and each other up to 64 KiB. A client may feed its requests in any order, and one
/// that waits for windows of which none will open would wait for ever: after a second the newest requests that do not fit
/// are refused.
///
/// **Replies held.** Windows that the peer keeps shut hold replies back here. Requests are handed out while those
/// replies, and those that are being made (``expect(replyBytes:for:)``), stay below `HTTPLimits.replyHighWater`; the
/// rest wait until windows open or streams end. Streamed bodies are asked for pieces below the same bound, and do not wait
/// for replies that are being made: those may take long.
///
/// **Fairness.** Replies take turns, one frame of at most 16 KiB each, whatever priority the client asks for.
///
/// Frames are pulled out of libnghttp2 only while less than `HTTPLimits.outputHighWater` waits in ``output``: by
/// ``nextEvent()`` once there are no more events, and by ``didWrite(_:)``.
///
/// It is a class for the address that C's callbacks get. `@unchecked Sendable`: it moves between threads only as a
/// whole, with the one connection that owns it, and libnghttp2 has no state outside of its sessions.
package final class HTTP2Session: @unchecked Sendable {
    /// What the session tells the connection.
    package enum Event: Sendable {
        /// A complete request on that stream, to be had by ``takeRequest(of:)`` and answered.
        case request(stream: Int)
        /// One that the protocol layer refuses with that problem, to be had and answered likewise.
        case refused(HTTPProblem, stream: Int)
        /// Nobody waits for more of that request's answer: the peer gave it up, or the connection is broken.
        case cancelled(stream: Int)
    }

    /// How far the graceful end has come (RFC 9113 section 6.8).
    enum Drain: Equatable {
        case none
        /// GOAWAY without a last stream is out; requests under way may still arrive until the answer to a PING.
        case announced(until: UInt64)
        /// GOAWAY with the last stream is out.
        case final
    }

    /// What the peer may send on a stream before it has been given more, bytes (RFC 9113 section 6.9.2).
    static let initialWindow = 65_535
    /// What it may send on the connection, and on a stream that is given all it can use, bytes.
    static let wideWindow: Int32 = 1024 * 1024
    /// Content dropped of one request that was answered early, bytes: twice the default body limit.
    static let dropLimit = 32 * 1024 * 1024
    /// How long the answer to the PING that goes with the first GOAWAY is waited for, nanoseconds.
    static let drainRoundTrip: UInt64 = 1_000_000_000
    /// CONTINUATION frames of one field section: with HEADERS 80 KiB of it compressed.
    static let continuationLimit = 4
    /// How long a window is kept shut for want of room before requests are refused, nanoseconds.
    static let withheldSpan: UInt64 = 1_000_000_000

    let limits: HTTPLimits
    let deadlines: DeadlineLimits
    let handler: any HTTPHandler
    let isProbe: (@Sendable (String) -> Bool)?
    /// libnghttp2's session.
    let handle: OpaquePointer
    /// The time of the last ``tick(_:)``.
    private(set) var now: UInt64
    private let began: UInt64

    var streams: [Int32: HTTP2Stream] = [:]
    /// Requests that were refused and streams that were given up, oldest first.
    var pending: [Pending] = []
    /// Requests that are complete and wait for room for their replies, oldest first.
    var ready: [Int32] = []
    /// Content of replies that is made and not in ``output`` yet, on all streams.
    package internal(set) var repliesHeld = 0
    /// Content that is being made for replies that have not begun, as far as is known.
    var repliesExpected = 0
    /// Content that is being made for streamed bodies, one piece at a time for each.
    var piecesExpected = 0
    /// Content held on all streams, for a test.
    package var contentHeld: Int { held }
    /// Content held on all streams.
    var held = 0
    var budget = FrameBudget()
    /// GOAWAY for a passed ``budget`` is on its way.
    private(set) var isCalmingDown = false
    /// GOAWAY is put before all else.
    private(set) var isTerminating = false
    /// Nothing more is read, as nothing of it could be used.
    private var isDeaf = false
    /// What the peer did that ends the connection.
    package var fault: HTTPConnectionFault? { budget.fault }
    /// The peer's SETTINGS came: its preface is whole (RFC 9113 section 3.4).
    var hasSettings = false
    var drainState = Drain.none
    /// DATA of the frame being received, to tell padding from content.
    var receivedInFrame = 0
    /// CONTINUATION frames of the field section being received.
    var continuations = 0
    /// Content that went out on all streams.
    var sent: UInt64 = 0
    /// Until when the peer has to open the connection's window.
    var stall = ProgressDeadline()
    /// Content of unfinished requests that came since ``creditArrivals()``, bytes.
    var arrived: UInt64 = 0
    /// A reply's fields while they are put together.
    var replyFields = HTTPFields()
    private var inputEnded = false
    /// Nothing more is read or answered.
    ///
    /// ``streams`` keeps those that were not answered in full, so that it can be told which these are.
    private(set) var isClosing = false

    /// When windows have been kept shut for long enough, `UInt64.max` where none is.
    var withheldDeadline = UInt64.max

    /// Bytes for the socket, oldest first.
    package var output = HTTPOutput()

    /// Something for ``nextEvent()``.
    enum Pending {
        case refused(Int32)
        case cancelled(Int32)
    }

    /// A session that is about to receive the client's preface, all 24 bytes of it.
    ///
    /// - Parameters:
    ///   - handler: looks at the heads that announce bodies.
    ///   - isProbe: which paths' bodies are taken; `nil` for all that the handler takes.
    package init(
        limits: HTTPLimits = HTTPLimits(), deadlines: DeadlineLimits, now: UInt64,
        handler: any HTTPHandler, isProbe: (@Sendable (String) -> Bool)? = nil
    ) {
        self.limits = limits
        self.handler = handler
        self.isProbe = isProbe
        self.deadlines = deadlines
        self.now = now
        began = now
        var handle: OpaquePointer?
        let callbacks = HTTP2Callbacks.shared
        guard nghttp2_session_server_new2(&handle, callbacks.table, nil, callbacks.options) == 0, let handle else {
            // As whatever else here cannot be allocated.
            fatalError("out of memory")
        }
        self.handle = handle
        nghttp2_session_set_user_data(handle, Unmanaged.passUnretained(self).toOpaque())
        submitSettings()
    }

    /// A session that takes an HTTP/1.1 connection over after `Upgrade: h2c` and 101 (RFC 7540 section 3.2).
    ///
    /// The request becomes stream 1 and is the first event; the client's preface is the next thing to come.
    ///
    /// - Parameter settings: the decoded HTTP2-Settings, whose length is a multiple of 6.
    package convenience init(
        limits: HTTPLimits = HTTPLimits(), deadlines: DeadlineLimits, now: UInt64,
        handler: any HTTPHandler, isProbe: (@Sendable (String) -> Bool)? = nil,
        upgrading request: StoredRequest, settings: [UInt8]
    ) {
        self.init(limits: limits, deadlines: deadlines, now: now, handler: handler, isProbe: isProbe)
        // SETTINGS, queued first, have libnghttp2 open stream 1 like any later one.
        let stream = HTTP2Stream(id: 1, now: now)
        stream.isHead = request.head.method == .head
        stream.inputEnded = true
        stream.stage = .ready
        stream.upgraded = request
        streams[1] = stream
        let status = nghttp2_session_upgrade2(handle, settings, settings.count, stream.isHead ? 1 : 0, nil)
        guard status == 0 else {
            terminate(NGHTTP2_PROTOCOL_ERROR)
            return
        }
        // Those of the request do not stand for those of the preface, which is yet to come.
        hasSettings = false
        treatAlike(stream)
        ready.append(1)
    }

    deinit { nghttp2_session_del(handle) }

    private func submitSettings() {
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: UInt32(clamping: limits.streams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(clamping: limits.fieldSection)),
        ]
        nghttp2_submit_settings(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Self.wideWindow)
    }

    /// Says what time it is.
    package func tick(_ now: UInt64) { self.now = now }

    // MARK: Bytes in

    /// Takes bytes off the wire.
    package func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosing, !inputEnded, !isDeaf, !bytes.isEmpty else { return }
        let consumed = nghttp2_session_mem_recv(handle, bytes.baseAddress, bytes.count)
        creditArrivals()
        if consumed < 0 {
            // libnghttp2 says nothing to the peer by itself here, and has lost its place between the frames.
            isDeaf = true
            switch consumed {
            case Int(NGHTTP2_ERR_FLOODED.rawValue): budget.end(for: .unreadAcknowledgements)
            case Int(NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue): budget.end(for: .continuations)
            case _ where fault == nil:
                budget.end(for: .protocolError)
                terminate(NGHTTP2_PROTOCOL_ERROR)
            default: break
            }
        }
        calmDown()
    }

    /// The peer will send no more; requests that are complete are still answered.
    package func receiveEnd() {
        inputEnded = true
        for stream in streams.values where !stream.inputEnded { forget(stream) }
        if streams.isEmpty { isClosing = true }
    }

    /// Whether to read from the socket: not while output is stuck or events wait.
    ///
    /// Requests that wait for room are no reason: what makes room, an open window or a reset, has to be read.
    package var wantsInput: Bool {
        !isClosing && !inputEnded && !isDeaf && !hasEvent && output.count <= limits.outputHighWater
    }

    // MARK: Events

    /// The next thing that happened; where nothing did, pulls frames into ``output``.
    package func nextEvent() -> Event? {
        if let event = takeEvent() { return event }
        pull()
        // A stream may have ended, and room have come, by what was sent.
        return takeEvent()
    }

    /// Whether ``nextEvent()`` has something at once.
    package var hasEvent: Bool { !pending.isEmpty || (!ready.isEmpty && hasReplyRoom) }

    /// Whether another request may be begun: replies that wait for a window are bounded, however many the streams.
    private var hasReplyRoom: Bool {
        repliesHeld + repliesExpected + piecesExpected < max(1, limits.replyHighWater)
    }

    private func takeEvent() -> Event? {
        while !pending.isEmpty {
            switch pending.removeFirst() {
            case .cancelled(let id): return .cancelled(stream: Int(id))
            case .refused(let id):
                // One that was given up before anybody saw it is not worth a word.
                if let stream = streams[id] { return event(of: stream) }
            }
        }
        guard !ready.isEmpty, hasReplyRoom, let stream = streams[ready.removeFirst()] else { return nil }
        return event(of: stream)
    }

    /// The socket took that many bytes of ``output``: there is room for more.
    package func didWrite(_ count: Int) {
        output.removeFirst(count)
        if output.isEmpty { pull() }
    }

    // MARK: Ends

    /// Nothing more will be read or answered.
    package var isFinished: Bool {
        if isClosing { return true }
        if inputEnded { return streams.isEmpty }
        return nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
    }

    /// Ends the connection without a word.
    func fail() { isClosing = true }

    /// Ends the connection now: GOAWAY, then nothing more.
    ///
    /// What is in flight is given up.
    ///
    /// Not to be called in a callback.
    func terminate(_ code: nghttp2_error_code) {
        guard !isClosing else { return }
        pending.removeAll()
        ready.removeAll()
        isTerminating = true
        nghttp2_session_terminate_session(handle, code.rawValue)
        // What stands before GOAWAY is bounded by what libnghttp2 queues: acknowledgements, a head and a reset per stream,
        // and one DATA frame that had to wait for room.
        var frames = 0
        while frames < 1000 + 2 * limits.streams, nghttp2_session_want_write(handle) != 0, pullFrame() { frames += 1 }
        fail()
    }

    /// Where the peer has passed its budget: GOAWAY with ENHANCE_YOUR_CALM, then what is in flight is finished.
    ///
    /// Requests that are complete are answered yet, as far as windows allow; one that is not is refused, which tells the
    /// peer that it may send it again (RFC 9113 section 8.7), as the last stream does of those that come after it.
    ///
    /// Not to be called in a callback.
    func calmDown() {
        guard let fault, fault != .protocolError, !isCalmingDown, !isClosing else { return }
        isCalmingDown = true
        drainState = .final
        for stream in streams.values where stream.stage == .head || stream.stage == .body {
            reset(stream, NGHTTP2_REFUSED_STREAM)
        }
        let last = nghttp2_session_get_last_proc_stream_id(handle)
        nghttp2_submit_goaway(
            handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_ENHANCE_YOUR_CALM.rawValue, nil, 0)
    }

    /// Stops taking new requests, finishes those in flight, then is finished.
    ///
    /// Requests already under way when GOAWAY goes out are answered too: the last stream is named only after a round
    /// trip (RFC 9113 section 6.8).
    package func drain() {
        guard drainState == .none, !isClosing else { return }
        drainState = .announced(until: now &+ Self.drainRoundTrip)
        nghttp2_submit_shutdown_notice(handle)
        nghttp2_submit_ping(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
    }

    /// The round trip is over: names the last stream.
    func endDrain() {
        guard case .announced = drainState else { return }
        drainState = .final
        let last = nghttp2_session_get_last_proc_stream_id(handle)
        nghttp2_submit_goaway(
            handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    /// By when the client's SETTINGS have to be there, `UInt64.max` where they are.
    var prefaceDeadline: UInt64 { hasSettings ? .max : began &+ deadlines.head }
}
