import CNGHTTP2

/// HTTP/2 on one connection (RFC 9113), without I/O, over libnghttp2: many requests at once, whole ones handed out.
///
/// Drives libnghttp2, which calls ``HTTP2StateMachine`` back (``HTTP2Callbacks``). Frames are pulled out of libnghttp2
/// only while less than `HTTPLimits.outputHighWater` waits in ``output``: by ``nextEvent()`` once there are no more events,
/// and by ``didWrite(_:)``.
///
/// The state is at an address of its own, which libnghttp2 gets, and every callback is one access to it: so nothing here
/// holds an access while it calls `mem_recv` or `mem_send`, and nothing there calls these.
package final class HTTP2Session {
    /// What the session tells the connection.
    package enum Event: Sendable {
        /// A complete request on that stream, to be had by ``takeRequest(of:)`` and answered.
        case request(stream: Int)
        /// One that the protocol layer refuses with that problem, to be had and answered likewise.
        indirect case refused(HTTPProblem, stream: Int)
        /// Nobody waits for more of that request's answer: the peer gave it up, or the connection is broken.
        case cancelled(stream: Int)
    }

    /// libnghttp2's session.
    private let handle: OpaquePointer
    private let state: UnsafeMutablePointer<HTTP2StateMachine>

    /// A session that is about to receive the client's preface, all 24 bytes of it.
    ///
    /// - Parameters:
    ///   - handler: looks at the heads that announce bodies.
    ///   - isProbe: which paths' bodies are taken; `nil` for all that the handler takes.
    package init(
        limits: HTTPLimits = HTTPLimits(), deadlines: DeadlineLimits, now: UInt64,
        handler: any HTTPHandler, isProbe: (@Sendable (String) -> Bool)? = nil
    ) {
        state = .allocate(capacity: 1)
        var handle: OpaquePointer?
        let callbacks = HTTP2Callbacks.shared
        guard nghttp2_session_server_new2(&handle, callbacks.table, state, callbacks.options) == 0, let handle else {
            // As whatever else here cannot be allocated.
            fatalError("out of memory")
        }
        self.handle = handle
        state.initialize(
            to: HTTP2StateMachine(
                handle, limits: limits, deadlines: deadlines, now: now, handler: handler, isProbe: isProbe))
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
        state.pointee.open(upgraded: request)
        let isHead: CInt = request.head.method == .head ? 1 : 0
        guard nghttp2_session_upgrade2(handle, settings, settings.count, isHead, nil) == 0 else {
            terminate(NGHTTP2_PROTOCOL_ERROR)
            return
        }
        state.pointee.endUpgrade()
    }

    deinit {
        nghttp2_session_del(handle)
        state.deinitialize(count: 1)
        state.deallocate()
    }

    package var output: HTTPOutput {
        _read { yield state.pointee.output }
        _modify { yield &state.pointee.output }
    }
    /// What the peer did that ends the connection.
    package var fault: HTTPConnectionFault? { state.pointee.fault }
    package var bodyBytes: Int { state.pointee.bodyBytes }
    /// Content held on all streams, for a test.
    package var contentHeld: Int { state.pointee.contentHeld }
    /// Content of replies that is made and not in ``output`` yet, on all streams, for a test.
    package var repliesHeld: Int { state.pointee.repliesHeld }
    package var isFinished: Bool { state.pointee.isFinished }
    package var phase: HTTPSessionPhase { state.pointee.phase }
    package var hasEvent: Bool { state.pointee.hasEvent }
    package var wantsInput: Bool { state.pointee.wantsInput }

    package func tick(_ now: UInt64) { state.pointee.now = now }

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty, state.pointee.takesInput else { return }
        let consumed = nghttp2_session_mem_recv(handle, bytes.baseAddress, bytes.count)
        if let code = state.pointee.endReceive(consumed) { terminate(code) }
        state.pointee.endForFault()
    }

    package func receiveEnd() { state.pointee.receiveEnd() }

    /// The next thing that happened; where nothing did, pulls frames into ``output``.
    package func nextEvent() -> Event? {
        if let event = state.pointee.takeEvent() { return event }
        pull()
        // A stream may have ended, and room have come, by what was sent.
        return state.pointee.takeEvent()
    }

    package func takeRequest(of stream: Int) -> (request: StoredRequest, since: UInt64) {
        state.pointee.takeRequest(of: stream)
    }

    package func respond(
        _ response: HTTPResponse, to stream: Int, date: HTTPDate, id: RequestID, _ bytes: borrowing Span<UInt8>
    ) {
        state.pointee.respond(response, to: stream, date: date, id: id, bytes)
    }

    package func respond(
        with reply: borrowing ReplyWriter, to stream: Int, date: HTTPDate, id: RequestID, _ bytes: borrowing Span<UInt8>
    ) {
        state.pointee.respond(with: reply, to: stream, date: date, id: id, bytes)
    }

    package func write(_ piece: [UInt8], to stream: Int, isLast: Bool) {
        state.pointee.write(piece, to: stream, isLast: isLast)
    }

    package func reserve(replyBytes: Int, for stream: Int) {
        state.pointee.reserve(replyBytes: replyBytes, for: stream)
    }
    package func wantsBody(of stream: Int) -> Bool { state.pointee.wantsBody(of: stream) }
    package func abort(_ stream: Int) { state.pointee.abort(stream) }
    package func holdsReply(of stream: Int) -> Bool { state.pointee.holdsReply(of: stream) }

    /// The socket took that many bytes of ``output``: there is room for more.
    package func didWrite(_ count: Int) {
        state.pointee.output.removeFirst(count)
        if state.pointee.output.isEmpty { pull() }
    }

    package func refuseLargestBody(_ problem: HTTPProblem) { state.pointee.refuseLargestBody(problem) }
    package func drain() { state.pointee.beginDrain() }

    package func timeOut() {
        switch phase {
        case .idle, .head: terminate(NGHTTP2_NO_ERROR)
        case .until: if let code = state.pointee.giveUpLate() { terminate(code) }
        case .body, .handling, .finished: break
        }
    }

    /// Pulls frames while there is room for them.
    private func pull() {
        guard !state.pointee.isClosing else { return }
        while state.pointee.takesFrames, hasFrames, pullFrame() {}
        state.pointee.endForFault()
        state.pointee.noteStalls()
    }

    /// Whether a pull may yield something: cheaper than one that yields nothing, and as sure until libnghttp2 itself ends the
    /// connection, after which it yields what it says it does not want to.
    private var hasFrames: Bool { nghttp2_session_want_write(handle) != 0 || state.pointee.fault != nil }

    /// Pulls what one call yields: a frame, or as much DATA as there is room for.
    ///
    /// `false` where there was nothing.
    private func pullFrame() -> Bool {
        let before = state.pointee.output.count
        var bytes: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(handle, &bytes)
        if count > 0 {
            state.pointee.output.write { $0.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count)) }
        }
        // Out of memory; then nothing can be said to the peer either.
        if count < 0 { state.pointee.fail() }
        return state.pointee.output.count > before
    }

    /// Ends the connection now: GOAWAY, then nothing more.
    private func terminate(_ code: nghttp2_error_code) {
        guard state.pointee.beginTermination() else { return }
        nghttp2_session_terminate_session(handle, code.rawValue)
        var left = state.pointee.queuedFramesLimit
        while left > 0, nghttp2_session_want_write(handle) != 0, pullFrame() { left -= 1 }
        state.pointee.fail()
    }
}
