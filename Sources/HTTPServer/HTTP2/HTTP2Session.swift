import CNGHTTP2

/// HTTP/2 on one connection (RFC 9113), without I/O, over libnghttp2: many requests at once, delivered when complete.
///
/// Drives libnghttp2, whose callbacks enter ``HTTP2StateMachine`` (``HTTP2Callbacks``). Frames are pulled from libnghttp2
/// only while ``output`` is below its high-water mark: by ``nextEvent()`` once there are no more events, and by
/// ``didWrite(_:)``.
///
/// The state is allocated at a stable address, which libnghttp2 passes to the callbacks. Each callback is one access to it:
/// nothing here holds an access during `mem_recv` or `mem_send`, and nothing there calls these.
package final class HTTP2Session {
    /// An event for the connection.
    package enum Event: Sendable {
        /// A complete request on that stream, for ``takeRequest(of:)``, to be answered.
        case request(stream: Int)
        /// A request that is to be refused with that problem; otherwise the same.
        indirect case refused(HTTPProblem, stream: Int)
        /// The request was cancelled: the peer reset its stream, or the connection failed.
        case cancelled(stream: Int)
    }

    /// libnghttp2's session.
    private let handle: OpaquePointer
    private let state: UnsafeMutablePointer<HTTP2StateMachine>

    /// A session that is about to receive the client's connection preface.
    ///
    /// - Parameters:
    ///   - handler: decides on heads with bodies to follow.
    ///   - isProbe: the predicate for paths whose bodies are read; `nil` for all that the handler wants.
    package init(
        limits: HTTPLimits = HTTPLimits(), deadlines: DeadlineLimits, now: UInt64,
        handler: any HTTPHandler, isProbe: (@Sendable (String) -> Bool)? = nil
    ) {
        state = .allocate(capacity: 1)
        var handle: OpaquePointer?
        let callbacks = HTTP2Callbacks.shared
        guard nghttp2_session_server_new2(&handle, callbacks.table, state, callbacks.options) == 0, let handle else {
            // Like any other allocation that fails in Swift.
            fatalError("out of memory")
        }
        self.handle = handle
        state.initialize(
            to: HTTP2StateMachine(
                handle, limits: limits, deadlines: deadlines, now: now, handler: handler, isProbe: isProbe))
    }

    /// A session that continues an HTTP/1.1 connection after `Upgrade: h2c` and 101 (RFC 7540 section 3.2).
    ///
    /// The request becomes stream 1 and is the first event; the client's connection preface follows on the wire.
    ///
    /// - Parameter settings: the decoded HTTP2-Settings, whose length is a multiple of 6.
    package convenience init(
        limits: HTTPLimits = HTTPLimits(), deadlines: DeadlineLimits, now: UInt64,
        handler: any HTTPHandler, isProbe: (@Sendable (String) -> Bool)? = nil,
        upgrading request: StoredRequest, settings: [UInt8]
    ) {
        self.init(limits: limits, deadlines: deadlines, now: now, handler: handler, isProbe: isProbe)
        // SETTINGS were queued first, so that libnghttp2 opens stream 1 under the same limits as later ones.
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
    /// The peer's fault that ends the connection.
    package var fault: HTTPConnectionFault? { state.pointee.fault }
    package var bodyBytes: Int { state.pointee.bodyBytes }
    /// Content held on all streams, for a test.
    package var contentHeld: Int { state.pointee.contentHeld }
    /// Reply content buffered and not in ``output`` yet, on all streams, for a test.
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

    /// The next event; where there is none, pulls frames into ``output`` first.
    package func nextEvent() -> Event? {
        if let event = state.pointee.takeEvent() { return event }
        pull()
        // The frames that were written may have closed a stream or made room for another request.
        return state.pointee.takeEvent()
    }

    package func takeRequest(of stream: Int) -> StoredRequest {
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

    /// Calls `body` with the first segments of ``output``.
    func withFirstSegments<R>(
        atMost limit: Int, _ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) -> R
    ) -> R {
        state.pointee.output.withFirstSegments(atMost: limit, body)
    }

    /// The socket accepted that many bytes of ``output``.
    package func didWrite(_ count: Int) {
        state.pointee.output.removeFirst(count)
        if state.pointee.output.isEmpty { pull() }
    }

    package func refuseLargestBody(_ problem: HTTPProblem) { state.pointee.refuseLargestBody(problem) }
    package func drain() { state.pointee.beginDrain() }

    package func timeOut() {
        switch phase {
        case .idle, .head: terminate(NGHTTP2_NO_ERROR)
        case .until: if let code = state.pointee.expire() { terminate(code) }
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

    /// Whether a pull may yield a frame, which is cheaper to ask than an empty pull.
    ///
    /// After libnghttp2 itself has ended the connection it still yields GOAWAY although it reports that it wants to write
    /// nothing.
    private var hasFrames: Bool { nghttp2_session_want_write(handle) != 0 || state.pointee.fault != nil }

    /// Pulls one frame; `false` where there was none.
    private func pullFrame() -> Bool {
        let before = state.pointee.output.count
        var bytes: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(handle, &bytes)
        if count > 0 {
            state.pointee.output.write { $0.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count)) }
        }
        // Out of memory: no GOAWAY can be made either.
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
