import CNGHTTP2

/// The policy of HTTP/2 on one connection (RFC 9113): callbacks of libnghttp2 in, events out; replies in, frames out.
///
/// libnghttp2 parses and writes frames and keeps the streams' states. This decides what a valid request is (as in
/// HTTP/1.1), how much of it is buffered, which deadlines apply and which traffic is abuse. Each of those has its own
/// owner of state: ``InboundWindows``, ``ReplyRoom``, ``OutboundStalls``, ``Drain``, ``FrameBudget``.
///
/// **Fairness.** Replies are interleaved frame by frame, at most 16 KiB each, whatever priority the client asks for.
///
/// **Reentrancy.** Nothing here calls a function of libnghttp2 that calls back: only ``HTTP2Session`` does, and each
/// callback enters this once.
///
/// Methods that do not mutate are inlined: passed to a function, a large struct is copied.
struct HTTP2StateMachine: ~Copyable {
    /// Something for ``takeEvent()``.
    private enum Pending {
        indirect case refused(Int32, HTTPProblem)
        case cancelled(Int32)
    }

    /// The flow-control window of the connection, and of a stream that was widened, bytes.
    private static let wideWindow: Int32 = 1024 * 1024
    /// The most CONTINUATION frames of one field section: with HEADERS up to 80 KiB compressed.
    static let continuationLimit = 4
    /// How many slots keep their streams' storage for reuse.
    private static let slotsWithStorage = 16
    /// The next piece of a streamed body is requested while less than this is buffered, bytes.
    private static let replyLowWater = 64 * 1024
    private static let noFlags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
    private static let endsStream = UInt8(NGHTTP2_FLAG_END_STREAM.rawValue)

    private let handle: OpaquePointer
    private let limits: HTTPLimits
    private let deadlines: DeadlineLimits
    private let handler: any HTTPHandler
    private let isProbe: (@Sendable (String) -> Bool)?
    /// The time of the last tick.
    var now: UInt64
    private let began: UInt64

    private var streams = StreamTable<HTTP2Stream>()
    private var windows: InboundWindows
    private var replies: ReplyRoom
    private var stalls: OutboundStalls
    private var drain = Drain()
    private var budget = FrameBudget()
    /// Refused requests and cancelled streams, oldest first.
    private var pending = Queue<Pending>()
    /// Complete requests that wait until ``ReplyRoom`` allows another, oldest first.
    private var ready = Queue<Int32>()
    /// Bytes for the socket, oldest first.
    var output = HTTPOutput()

    /// The peer's SETTINGS arrived: its connection preface is complete (RFC 9113 section 3.4).
    private var hasSettings = false
    /// The field section that is being received.
    private var section: HTTP2FieldSection
    /// CONTINUATION frames of the field section being received.
    private var continuations = 0
    /// Content of the frame being received, which tells a frame of mere padding from others.
    private var receivedInFrame = 0
    private var inputEnded = false
    /// libnghttp2 failed within the byte stream: nothing after that can be parsed.
    private var hasLostFraming = false
    /// The connection is being terminated: only the frames up to GOAWAY are written.
    private var isTerminating = false
    /// Nothing more is read or answered.
    ///
    /// ``streams`` keeps the streams whose replies are incomplete, for ``holdsReply(of:)``.
    private(set) var isClosing = false

    /// The state of a new connection, whose SETTINGS are queued.
    init(
        _ handle: OpaquePointer, limits: HTTPLimits, deadlines: DeadlineLimits, now: UInt64,
        handler: any HTTPHandler, isProbe: (@Sendable (String) -> Bool)?
    ) {
        self.handle = handle
        self.limits = limits
        self.deadlines = deadlines
        self.handler = handler
        self.isProbe = isProbe
        self.now = now
        began = now
        section = HTTP2FieldSection(limits)
        windows = InboundWindows(room: limits.connectionBodies, span: deadlines.body, rate: deadlines.rate)
        replies = ReplyRoom(highWater: limits.replyHighWater)
        stalls = OutboundStalls(span: deadlines.write, rate: deadlines.rate)
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: UInt32(clamping: limits.streams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(clamping: limits.fieldSection)),
        ]
        nghttp2_submit_settings(handle, Self.noFlags, settings, settings.count)
        nghttp2_session_set_local_window_size(handle, Self.noFlags, 0, Self.wideWindow)
    }

    /// Opens stream 1 for the HTTP/1.1 request that asked for the upgrade.
    mutating func open(upgraded request: StoredRequest) {
        let slot = open(1)
        streams[slot].head = request.head
        streams[slot].headBytes = request.bytes
        streams[slot].isHead = request.head.method == .head
        streams[slot].inputEnded = true
        streams[slot].stage = .ready
        windows.open(1, fields: 0, length: nil, now: now)
    }

    private mutating func open(_ id: Int32) -> Int {
        let slot = streams.open(id, HTTP2Stream())
        streams[slot].begin(id, now: now)
        return slot
    }

    /// libnghttp2 has opened stream 1 as well; the client's connection preface follows, with SETTINGS of its own.
    mutating func endUpgrade() {
        hasSettings = false
        resetPriority(1)
        ready.append(1)
    }

    // MARK: State

    /// The peer's fault that ends the connection.
    @inline(__always)
    var fault: HTTPConnectionFault? { budget.fault }
    /// Whether received bytes are still parsed.
    @inline(__always)
    var takesInput: Bool { !isClosing && !inputEnded && !hasLostFraming }
    /// Whether to read from the socket.
    @inline(__always)
    var wantsInput: Bool { takesInput && !hasEvent && output.count <= limits.outputHighWater }
    /// Whether ``takeEvent()`` has an event.
    @inline(__always)
    var hasEvent: Bool { !pending.isEmpty || (!ready.isEmpty && replies.takesRequest) }
    /// Whether another frame may be queued in ``output``: up to about 64 KiB, since frames in it cannot be interleaved with
    /// other streams' any more.
    @inline(__always)
    var takesFrames: Bool { output.count < min(limits.outputHighWater, 64 * 1024) }
    /// The most frames that libnghttp2 may have queued before GOAWAY: acknowledgements, HEADERS and RST_STREAM for each
    /// stream, and one DATA frame that waited for room.
    var queuedFramesLimit: Int { 1000 + 2 * limits.streams }
    /// Content held on all streams.
    var contentHeld: Int { windows.held }
    /// Reply content buffered and not in ``output`` yet, on all streams.
    var repliesHeld: Int { replies.held }
    /// Content and field lines held for requests that are not delivered yet, bytes.
    ///
    /// Field lines count because a hundred streams have a hundred times the limit of one section; those of the section that
    /// is being received do not, as it cannot be refused.
    @inline(__always)
    var bodyBytes: Int { windows.waiting }

    /// Nothing more will be read or answered.
    @inline(__always)
    var isFinished: Bool {
        if isClosing { return true }
        if inputEnded { return streams.isEmpty }
        return nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
    }

    /// What the session waits for: of many streams the one with the earliest deadline.
    @inline(__always)
    var phase: HTTPSessionPhase {
        if isFinished { return .finished }
        if streams.isEmpty, drain.isNone { return hasSettings ? .idle : .head }
        let earliest = min(
            prefaceDeadline, drain.deadline, section.deadline, windows.deadline, stalls.deadline)
        return earliest == .max ? .handling : .until(earliest)
    }

    /// The deadline for the client's SETTINGS, `UInt64.max` once they have arrived.
    @inline(__always)
    private var prefaceDeadline: UInt64 { hasSettings ? .max : began &+ deadlines.head }

    // MARK: Events

    /// The next event.
    mutating func takeEvent() -> HTTP2Session.Event? {
        while let next = pending.popFirst() {
            switch next {
            case .cancelled(let id): return .cancelled(stream: Int(id))
            case .refused(let id, let problem):
                // A refused stream that closed meanwhile needs no answer.
                guard let slot = streams.slot(of: id) else { continue }
                beginHandling(slot)
                return .refused(problem, stream: Int(id))
            }
        }
        guard replies.takesRequest, let slot = ready.popFirst().flatMap(streams.slot) else { return nil }
        beginHandling(slot)
        return .request(stream: Int(streams[slot].id))
    }

    private mutating func beginHandling(_ slot: Int) {
        streams[slot].stage = .handling
        streams[slot].fieldBytes = 0
        windows.deliver(streams[slot].id)
    }

    /// The request of the last event; once.
    mutating func takeRequest(of stream: Int) -> StoredRequest {
        guard let slot = Int32(exactly: stream).flatMap(streams.slot), streams[slot].stage == .handling else {
            preconditionFailure("a request is taken of a stream that has one")
        }
        return streams[slot].takeRequest()
    }

    // MARK: Frames in

    /// A frame header arrived; `false` where nothing more is to be read.
    mutating func frameBegins(_ header: nghttp2_frame_hd) -> Bool {
        receivedInFrame = 0
        guard budget.begins(header, now: now) else { return false }
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_CONTINUATION:
            continuations += 1
            if continuations > Self.continuationLimit { budget.end(for: .continuations) }
            return continuations <= Self.continuationLimit
        // This and the next are connection errors that libnghttp2 does not detect.
        case NGHTTP2_HEADERS:
            continuations = 0
            return !isRetired(header.stream_id)
        // RFC 9113 section 6.3; libnghttp2 does not check it once the peer has sent SETTINGS_NO_RFC7540_PRIORITIES.
        case NGHTTP2_PRIORITY: return header.stream_id != 0
        default: return true
        }
    }

    /// Whether a stream identifier is lower than one already used (RFC 9113 section 5.1.1).
    ///
    /// libnghttp2 remembers the last ``HTTPLimits/streams`` streams and judges frames on them itself: trailers may cross
    /// this side's RST_STREAM.
    @inline(__always)
    private func isRetired(_ id: Int32) -> Bool {
        guard id % 2 == 1, id <= nghttp2_session_get_last_proc_stream_id(handle) else { return false }
        guard let stream = nghttp2_session_find_stream(handle, id) else { return true }
        // Idle: it was only named in a PRIORITY frame, and skipped when a higher stream was opened.
        return nghttp2_stream_get_state(stream) == NGHTTP2_STREAM_STATE_IDLE
    }

    /// A field section begins: of a new request, or a request's trailers.
    mutating func fieldsBegin(_ frame: nghttp2_headers) {
        guard frame.cat == NGHTTP2_HCAT_REQUEST else { return }
        let id = frame.hd.stream_id
        guard !drain.isRefusing else {
            // The GOAWAY that names an earlier last stream is not sent yet.
            submitReset(id, NGHTTP2_REFUSED_STREAM)
            return
        }
        _ = open(id)
        section.begin(id, deadline: now &+ deadlines.head)
        if frame.hd.flags & UInt8(NGHTTP2_FLAG_PRIORITY.rawValue) != 0 {
            priorityReceived(id, isExclusive: frame.pri_spec.exclusive != 0)
        }
    }

    /// Resets the priority that the peer asked for, so that replies stay interleaved.
    ///
    /// RFC 9113 section 5.3.2 deprecates priorities. SETTINGS_NO_RFC7540_PRIORITIES would turn them off, but then libnghttp2
    /// 1.52 forgets closed streams at once, and no longer detects frames that must not follow on them.
    ///
    /// - Parameter isExclusive: the stream became the parent of all others, whose priorities are reset too.
    @inline(__always)
    private func priorityReceived(_ id: Int32, isExclusive: Bool) {
        if isExclusive {
            for id in streams.ids { resetPriority(id) }
        } else if streams.slot(of: id) != nil {
            resetPriority(id)
        }
    }

    private func resetPriority(_ id: Int32) {
        var priority = nghttp2_priority_spec()
        nghttp2_priority_spec_default_init(&priority)
        nghttp2_session_change_stream_priority(handle, id, &priority)
    }

    /// A field line arrived; `false` where its stream is to be reset.
    ///
    /// Trailers are counted and dropped.
    mutating func field(
        _ id: Int32, _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, isValid: Bool
    ) -> Bool {
        let size: Int
        if section.stream == id {
            section.append(name, value, isValid: isValid)
            size = section.size
        } else if let slot = streams.slot(of: id) {
            let line = HTTP2FieldSection.size(name, value)
            windows.receiveFields(line, on: id)
            streams[slot].fieldBytes += line
            size = streams[slot].fieldBytes
        } else {
            return true
        }
        if section.isExcessive(size) {
            // Without this libnghttp2 would reset it with INTERNAL_ERROR.
            submitReset(id, NGHTTP2_ENHANCE_YOUR_CALM)
            return false
        }
        return true
    }

    /// A whole valid frame arrived.
    mutating func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = frame.pointee.hd
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS, NGHTTP2_DATA:
            let endsStream = header.flags & Self.endsStream != 0
            if endsStream || header.type == NGHTTP2_HEADERS.rawValue {
                guard let slot = streams.slot(of: header.stream_id) else { break }
                if endsStream { streams[slot].inputEnded = true }
                switch streams[slot].stage {
                case .head: endSection(slot)
                case .body where endsStream: endRequest(slot)
                default: break
                }
            } else if receivedInFrame == 0, header.length > 0 {
                budget.receivedPadding(now: now)
            }
        case NGHTTP2_PRIORITY:
            priorityReceived(header.stream_id, isExclusive: frame.pointee.priority.pri_spec.exclusive != 0)
        case NGHTTP2_SETTINGS: hasSettings = true
        case NGHTTP2_PING where header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0: nameLastStream()
        default: break
        }
    }

    /// libnghttp2 refused a frame.
    mutating func receivedInvalidFrame() { budget.receivedInvalid(now: now) }

    /// A request's field section is complete.
    private mutating func endSection(_ slot: Int) {
        let id = streams[slot].id
        guard section.stream == id else { return }
        streams[slot].isHead = section.head.method == .head
        streams[slot].fieldBytes = section.size
        var length: Int?
        var problem: HTTPProblem?
        do throws(HTTPProblem) {
            try section.interpret()
            if !streams[slot].inputEnded { length = admit(slot) }
        } catch { problem = error }
        windows.open(id, fields: section.size, length: length, now: now)
        let isWaitedFor = length != nil && section.head.expectsContinue
        section.move(to: &streams[slot])
        if let problem {
            refuse(id, problem)
        } else if let length {
            streams[slot].stage = .body
            streams[slot].length = length
            if isWaitedFor { submitContinue(id) }
        } else {
            // Complete, or answered by its head alone: further content is discarded.
            endRequest(slot)
        }
    }

    /// Has the handler decide on a request whose content is to follow.
    ///
    /// - Returns: the limit of that content; `nil` where the request is answered by its head alone.
    private mutating func admit(_ slot: Int) -> Int? {
        let (head, bytes): ([1 of RequestHead], [UInt8]) = ([section.head], section.bytes)
        let request = HTTPRequest(head.span, bytes.span, id: RequestID(bits: 0))
        let admission = handler.admit(request, isProbe: isProbe)
        streams[slot].route = admission.route
        guard admission.takesBody || head[0].isBodyWorthReading else { return nil }
        return if case .length(let length) = head[0].framing { length } else { limits.body }
    }

    /// A request is complete as far as its answer needs it.
    private mutating func endRequest(_ slot: Int) {
        let id = streams[slot].id
        streams[slot].stage = .ready
        ready.append(id)
        windows.finish(id)
        // Another request may be the oldest unfinished one now.
        reopenWindows()
    }

    /// Refuses the request that holds most of those that are not delivered yet.
    mutating func refuseLargestBody(_ problem: HTTPProblem) {
        if let id = windows.largest { refuse(id, problem) }
    }

    /// Refuses a request; further content of it is discarded.
    private mutating func refuse(_ id: Int32, _ problem: HTTPProblem) {
        guard let slot = streams.slot(of: id) else { return }
        if streams[slot].stage == .ready { ready.removeAll { $0 == id } }
        streams[slot].stage = .ready
        _ = streams[slot].body.take()
        pending.append(.refused(id, problem))
        Self.send(id, windows.refuse(id), handle)
        reopenWindows()
    }

    /// libnghttp2 closed a stream.
    mutating func streamClosed(_ id: Int32) {
        if let slot = streams.slot(of: id) { forget(slot) }
    }

    /// Removes a stream; its request is cancelled, unless the whole reply was sent.
    private mutating func forget(_ slot: Int) {
        let id = streams[slot].id
        if section.stream == id { section.end() }
        if streams[slot].stage == .ready { ready.removeAll { $0 == id } }
        if streams[slot].isDelivered, !streams[slot].isReplySent { pending.append(.cancelled(id)) }
        replies.reserve(0, isPiece: false, for: &streams[slot].reservation)
        replies.release(streams[slot].reply.count)
        streams[slot].end(keepsStorage: slot < Self.slotsWithStorage)
        streams.close(id)
        stalls.end(id)
        windows.close(id)
        reopenWindows()
    }

    // MARK: Content and its windows

    /// Content arrived.
    mutating func contentReceived(_ id: Int32, _ bytes: borrowing Span<UInt8>) {
        receivedInFrame += bytes.count
        nghttp2_session_consume_connection(handle, bytes.count)
        guard let slot = streams.slot(of: id) else { return }
        switch windows.receive(bytes.count, on: id, now: now) {
        case .kept(let update):
            streams[slot].body.append(bytes, atMost: streams[slot].length)
            Self.send(id, update, handle)
        case .tooLarge: refuse(id, .contentTooLarge(limit: limits.body))
        case .discarded(let update): Self.send(id, update, handle)
        case .overrun: if streams[slot].isReplySent { reset(id, NGHTTP2_NO_ERROR) }
        }
    }

    private static func send(_ id: Int32, _ update: InboundWindows.WindowUpdate, _ handle: OpaquePointer) {
        if update.bytes > 0 { nghttp2_session_consume_stream(handle, id, update.bytes) }
        if update.isWidened { nghttp2_session_set_local_window_size(handle, noFlags, id, wideWindow) }
    }

    private mutating func reopenWindows() {
        let handle = handle
        windows.reopen(now: now) { Self.send($0, $1, handle) }
    }

    // MARK: Replies

    @inline(__always)
    private func answerable(_ stream: Int) -> Int? {
        isClosing ? nil : Int32(exactly: stream).flatMap(streams.slot)
    }

    /// Begins the reply to a request: all of it, or the head for `.stream`.
    ///
    /// A reply without content (to HEAD, 204, 304) is complete then.
    mutating func respond(
        _ response: HTTPResponse, to stream: Int, date: HTTPDate, id: RequestID, _ bytes: borrowing Span<UInt8>
    ) {
        guard
            let (slot, head, hasContent) = beginReply(
                to: stream, status: response.status, length: response.body.length, date: date)
        else { return }
        if hasContent { response.body.forEachPart { hold($0, slot) } }
        let (provider, streamID, handle) = (provider(slot), streams[slot].id, handle)
        let error = head.withFieldSection(response.fields, id: id, bytes) {
            Self.submit($0, to: streamID, provider, handle)
        }
        if error != 0 { reset(streamID, NGHTTP2_INTERNAL_ERROR) }
    }

    /// Answers a request with the reply that was written.
    mutating func respond(
        with reply: borrowing ReplyWriter, to stream: Int, date: HTTPDate, id: RequestID, _ bytes: borrowing Span<UInt8>
    ) {
        guard
            let (slot, head, hasContent) = beginReply(
                to: stream, status: reply.status, length: reply.bodyCount, date: date)
        else { return }
        if hasContent {
            streams[slot].reply.set(reply.body)
            replies.hold(reply.bodyCount)
        }
        let (provider, streamID, handle) = (provider(slot), streams[slot].id, handle)
        let error = head.withFieldSection(
            reply.fields, contentType: reply.contentType, isStored: reply.isStored, id: id, bytes
        ) { Self.submit($0, to: streamID, provider, handle) }
        if error != 0 { reset(streamID, NGHTTP2_INTERNAL_ERROR) }
    }

    /// Begins the reply to a request in flight: its head, and whether content follows.
    ///
    /// - Parameter length: the content's; `nil` where it is streamed.
    private mutating func beginReply(
        to stream: Int, status: Int, length: Int?, date: HTTPDate
    ) -> (slot: Int, head: ResponseHead, hasContent: Bool)? {
        guard let slot = answerable(stream), streams[slot].stage == .handling else { return nil }
        let id = streams[slot].id
        replies.reserve(0, isPiece: false, for: &streams[slot].reservation)
        streams[slot].stage = .responding
        stalls.begin(id)
        windows.release(id)
        reopenWindows()
        let status = (200...599).contains(status) ? status : 500
        let hasNoContent = status == 204 || status == 304
        let hasContent = !hasNoContent && !streams[slot].isHead
        streams[slot].isReplyMade = length != nil || !hasContent
        var framing = ResponseHead.Framing.none
        if let length, !hasNoContent { framing = .length(length) }
        return (slot, ResponseHead(status: status, framing: framing, connection: .kept, date: date.value), hasContent)
    }

    /// libnghttp2's source of a reply's content; `nil` where it has none.
    @inline(__always)
    private func provider(_ slot: Int) -> nghttp2_data_provider? {
        guard !streams[slot].isReplyMade || streams[slot].reply.count > 0 else { return nil }
        return nghttp2_data_provider(source: nghttp2_data_source(), read_callback: HTTP2Callbacks.readContent)
    }

    /// Submits a reply to libnghttp2; returns its error code.
    private static func submit(
        _ section: UnsafeBufferPointer<nghttp2_nv>, to stream: Int32, _ provider: nghttp2_data_provider?,
        _ handle: OpaquePointer
    ) -> CInt {
        guard var provider else {
            return nghttp2_submit_response(handle, stream, section.baseAddress, section.count, nil)
        }
        return nghttp2_submit_response(handle, stream, section.baseAddress, section.count, &provider)
    }

    /// Submits `100 Continue` (RFC 9110 section 10.1.1).
    @inline(__always)
    private func submitContinue(_ id: Int32) {
        withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: 1) { room in
            var section = FieldSection(room, UnsafeMutableBufferPointer(start: nil, count: 0))
            section.append(":status", "100")
            let pairs = section.pairs
            nghttp2_submit_headers(handle, Self.noFlags, id, nil, pairs.baseAddress, pairs.count, nil)
        }
    }

    private mutating func hold(_ content: [UInt8], _ slot: Int) {
        streams[slot].reply.append(content)
        replies.hold(content.count)
    }

    /// The next piece of a streamed body.
    mutating func write(_ piece: [UInt8], to stream: Int, isLast: Bool) {
        guard let slot = answerable(stream), streams[slot].stage == .responding, !streams[slot].isReplyMade else {
            return
        }
        replies.reserve(0, isPiece: true, for: &streams[slot].reservation)
        hold(piece, slot)
        streams[slot].isReplyMade = isLast
        if streams[slot].isDeferred, isLast || !piece.isEmpty {
            streams[slot].isDeferred = false
            nghttp2_session_resume_data(handle, streams[slot].id)
        }
    }

    /// Reserves room for content that is being computed for a stream.
    mutating func reserve(replyBytes: Int, for stream: Int) {
        guard let slot = answerable(stream), streams[slot].isDelivered else { return }
        let isPiece = streams[slot].stage == .responding
        replies.reserve(max(0, replyBytes), isPiece: isPiece, for: &streams[slot].reservation)
    }

    /// Whether the next piece of a streamed body should be made: little is buffered, and the windows are open.
    @inline(__always)
    func wantsBody(of stream: Int) -> Bool {
        guard replies.takesPiece, let slot = answerable(stream), streams[slot].stage == .responding,
            !streams[slot].isReplyMade
        else { return false }
        return streams[slot].reply.count <= Self.replyLowWater && output.count <= limits.outputHighWater
            && nghttp2_session_get_stream_remote_window_size(handle, streams[slot].id) > 0
            && nghttp2_session_get_remote_window_size(handle) > 0
    }

    /// Truncates the response of one stream: RST_STREAM with INTERNAL_ERROR.
    mutating func abort(_ stream: Int) {
        guard let slot = answerable(stream), streams[slot].isDelivered else { return }
        reset(streams[slot].id, NGHTTP2_INTERNAL_ERROR)
    }

    /// Whether part of a stream's reply is not in ``output`` yet.
    @inline(__always)
    func holdsReply(of stream: Int) -> Bool {
        Int32(exactly: stream).flatMap(streams.slot).map { !streams[$0].isReplySent } ?? false
    }

    /// Resets a stream for a reason other than a fault of the peer's.
    private mutating func reset(_ id: Int32, _ code: nghttp2_error_code) {
        guard let slot = streams.slot(of: id) else { return }
        streams[slot].isResetLocally = true
        submitReset(id, code)
    }

    @inline(__always)
    private func submitReset(_ id: Int32, _ code: nghttp2_error_code) {
        nghttp2_submit_rst_stream(handle, Self.noFlags, id, code.rawValue)
    }

    // MARK: Frames out

    /// How much content of a stream goes into a frame of at most `length` bytes.
    mutating func contentToSend(_ id: Int32, _ length: Int, _ flags: inout UInt32) -> Int {
        guard let slot = streams.slot(of: id) else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        let held = streams[slot].reply.count
        let count = min(length, held)
        if count == 0, !streams[slot].isReplyMade {
            streams[slot].isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if streams[slot].isReplyMade, count == held { flags |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return count
    }

    /// Puts a DATA frame into ``output``: the 9 bytes of its header and that much content.
    ///
    /// `false` where there is no room in ``output``.
    mutating func sendContent(_ id: Int32, header: UnsafeBufferPointer<UInt8>, _ length: Int) -> Bool {
        guard takesFrames || isTerminating else { return false }
        guard let slot = streams.slot(of: id) else { return true }
        streams[slot].reply.move(length, after: header, to: &output)
        replies.release(length)
        stalls.send(length, on: id)
        return true
    }

    /// A frame was written to ``output``.
    mutating func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = frame.pointee.hd
        let type = nghttp2_frame_type(UInt32(header.type))
        switch type {
        case NGHTTP2_HEADERS: break
        case NGHTTP2_DATA: budget.sentData(header.length)
        case NGHTTP2_RST_STREAM:
            if streams.slot(of: header.stream_id).map({ streams[$0].isResetLocally }) != true {
                budget.sentReset(frame.pointee.rst_stream.error_code, now: now)
            }
            return
        case NGHTTP2_GOAWAY:
            // libnghttp2 ended the connection by itself: not because of a budget.
            if frame.pointee.goaway.error_code != NGHTTP2_NO_ERROR.rawValue, !isTerminating {
                budget.end(for: .protocolError)
            }
            return
        default: return
        }
        guard header.flags & Self.endsStream != 0, let slot = streams.slot(of: header.stream_id) else { return }
        streams[slot].isReplySent = true
        budget.served()
        stalls.end(header.stream_id)
        // Answered before its end: the rest of the request is discarded (RFC 9113 section 8.1).
        if !streams[slot].inputEnded { windows.discard(header.stream_id, until: now &+ deadlines.linger) }
    }

    /// Notes which windows are exhausted, once all frames that they allow are written.
    mutating func noteStalls() {
        guard output.isEmpty else { return }
        let handle = handle
        stalls.update(now: now) { id in
            id == 0
                ? nghttp2_session_get_remote_window_size(handle) <= 0
                : nghttp2_session_get_stream_remote_window_size(handle, id) <= 0
        }
    }

    // MARK: Deadlines and ends

    /// Applies the deadlines that have passed; returns an error code where the connection is to be terminated.
    ///
    /// A request whose content is late gets 408 and a stalled reply is reset, while other streams go on. A late field
    /// section ends the connection, as nothing behind it can be parsed; so does an exhausted connection window.
    mutating func expire() -> nghttp2_error_code? {
        if drain.deadline <= now { nameLastStream() }
        for id in windows.takeCrowdedOut(now: now) {
            refuse(id, .serviceUnavailable("The memory for request bodies of this connection is full.", retryAfter: 1))
        }
        reopenWindows()
        if prefaceDeadline <= now { return NGHTTP2_NO_ERROR }
        let stalled = stalls.takeLate(now: now)
        if stalled.contains(0) { return NGHTTP2_ENHANCE_YOUR_CALM }
        if section.deadline <= now { return NGHTTP2_NO_ERROR }
        for id in windows.late(now: now) {
            refuse(id, .requestTimeout("The request's body was not complete by its deadline."))
        }
        for id in stalled { reset(id, NGHTTP2_CANCEL) }
        for id in windows.takeDiscarded(now: now) { reset(id, NGHTTP2_NO_ERROR) }
        return nil
    }

    /// libnghttp2 parsed the received bytes, or failed; returns an error code where the connection is to be terminated.
    ///
    /// Where libnghttp2 fails it sends no GOAWAY by itself.
    mutating func endReceive(_ consumed: Int) -> nghttp2_error_code? {
        windows.creditArrivals(now: now)
        guard consumed < 0 else { return nil }
        hasLostFraming = true
        switch consumed {
        case Int(NGHTTP2_ERR_FLOODED.rawValue): budget.end(for: .unreadAcknowledgements)
        case Int(NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue): budget.end(for: .continuations)
        case _ where fault == nil:
            budget.end(for: .protocolError)
            return NGHTTP2_PROTOCOL_ERROR
        default: break
        }
        return nil
    }

    /// The peer will send no more; requests that are complete are still answered.
    mutating func receiveEnd() {
        inputEnded = true
        for id in streams.ids {
            if let slot = streams.slot(of: id), !streams[slot].inputEnded { forget(slot) }
        }
        if streams.isEmpty { isClosing = true }
    }

    /// Where the peer exhausted a budget: GOAWAY with ENHANCE_YOUR_CALM, then requests in flight are finished.
    ///
    /// Complete requests are answered, as far as windows allow. Incomplete ones are reset with REFUSED_STREAM, so that the
    /// client may retry them (RFC 9113 section 8.7), as it may those after the last stream that GOAWAY names.
    mutating func endForFault() {
        guard let fault, fault != .protocolError, !isClosing, drain.refuse() else { return }
        for id in streams.ids {
            guard let slot = streams.slot(of: id) else { continue }
            if streams[slot].stage == .head || streams[slot].stage == .body { reset(id, NGHTTP2_REFUSED_STREAM) }
        }
        submitGoaway(NGHTTP2_ENHANCE_YOUR_CALM)
    }

    /// Begins a graceful shutdown: requests in flight are finished, new streams are not opened.
    mutating func beginDrain() {
        guard !isClosing, drain.announce(now: now) else { return }
        nghttp2_submit_shutdown_notice(handle)
        nghttp2_submit_ping(handle, Self.noFlags, nil)
    }

    /// The round trip after the first GOAWAY is over: sends the one that names the last stream.
    private mutating func nameLastStream() {
        if drain.finish() { submitGoaway(NGHTTP2_NO_ERROR) }
    }

    @inline(__always)
    private func submitGoaway(_ code: nghttp2_error_code) {
        let last = nghttp2_session_get_last_proc_stream_id(handle)
        nghttp2_submit_goaway(handle, Self.noFlags, last, code.rawValue, nil, 0)
    }

    /// Cancels all requests in flight; `false` where that was done before.
    mutating func beginTermination() -> Bool {
        guard !isClosing else { return false }
        pending.removeAll()
        ready.removeAll()
        isTerminating = true
        return true
    }

    /// Ends the connection without GOAWAY.
    mutating func fail() { isClosing = true }
}
