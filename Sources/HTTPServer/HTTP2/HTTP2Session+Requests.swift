import CNGHTTP2

/// The receiving half: field sections and content become requests.
extension HTTP2Session {
    /// A frame's header came; `false` where nothing more is to be read.
    func frameBegins(_ header: nghttp2_frame_hd) -> Bool {
        receivedInFrame = 0
        guard budget.begins(header, now: now) else { return false }
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_CONTINUATION:
            continuations += 1
            if continuations > Self.continuationLimit { budget.end(for: .continuations) }
            return continuations <= Self.continuationLimit
        // This and the next are connection errors that libnghttp2 lets pass.
        case NGHTTP2_HEADERS:
            continuations = 0
            return !isRetired(header.stream_id)
        // RFC 9113 section 6.3; it is not looked at once the peer has sent SETTINGS_NO_RFC7540_PRIORITIES.
        case NGHTTP2_PRIORITY: return header.stream_id != 0
        default: return true
        }
    }

    /// Whether a request with that identifier comes after one with a higher (RFC 9113 section 5.1.1).
    ///
    /// Of streams that were in use libnghttp2 knows the last ``HTTPLimits/streams``, and judges frames on them itself: one
    /// that the peer has ended takes no more, and trailers may cross our RST_STREAM.
    private func isRetired(_ id: Int32) -> Bool {
        guard id % 2 == 1, id <= nghttp2_session_get_last_proc_stream_id(handle) else { return false }
        guard let stream = nghttp2_session_find_stream(handle, id) else { return true }
        // Named in a PRIORITY frame and then passed over.
        return nghttp2_stream_get_state(stream) == NGHTTP2_STREAM_STATE_IDLE
    }

    /// A field section begins: of a new request, or a request's trailers.
    func fieldsBegin(_ frame: nghttp2_headers) {
        guard frame.cat == NGHTTP2_HCAT_REQUEST else { return }
        guard !isCalmingDown else {
            // GOAWAY, which names an earlier last stream, is not out yet.
            nghttp2_submit_rst_stream(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), frame.hd.stream_id, NGHTTP2_REFUSED_STREAM.rawValue)
            return
        }
        let stream = HTTP2Stream(id: frame.hd.stream_id, now: now)
        streams[stream.id] = stream
        treatAlike(stream, isExclusive: frame.pri_spec.exclusive != 0)
    }

    /// Has replies take turns frame by frame, whatever the client would like.
    ///
    /// RFC 9113 section 5.3.2 takes priorities back. They could be turned off by SETTINGS_NO_RFC7540_PRIORITIES, but then
    /// libnghttp2 1.52 forgets a stream as soon as it is closed, and with it what must not follow on it.
    ///
    /// - Parameter isExclusive: the stream was put between the connection and all others: these are put back, too.
    func treatAlike(_ stream: HTTP2Stream, isExclusive: Bool = false) {
        var priority = nghttp2_priority_spec()
        nghttp2_priority_spec_default_init(&priority)
        nghttp2_session_change_stream_priority(handle, stream.id, &priority)
        guard isExclusive else { return }
        for id in streams.keys where id != stream.id { nghttp2_session_change_stream_priority(handle, id, &priority) }
    }

    /// The peer would like its replies in another order.
    private func priorityReceived(_ frame: nghttp2_priority) {
        if frame.pri_spec.exclusive != 0 {
            for stream in streams.values { treatAlike(stream) }
        } else if let stream = streams[frame.hd.stream_id] {
            treatAlike(stream)
        }
    }

    /// A field line came; `false` where its stream is to be reset.
    ///
    /// Trailers are counted and dropped.
    func field(_ id: Int32, _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, isValid: Bool) -> Bool {
        guard let stream = streams[id] else { return true }
        guard stream.section.count(nameLength: name.count, valueLength: value.count, limits) else {
            // Before libnghttp2 does it with INTERNAL_ERROR.
            nghttp2_submit_rst_stream(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
            return false
        }
        if stream.stage == .head {
            if isValid { stream.section.append(name, value, limits) } else { stream.section.appendInvalid() }
        }
        return true
    }

    /// A whole frame came, and libnghttp2 found it in order.
    func frameReceived(_ frame: nghttp2_frame) {
        let endsStream = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch nghttp2_frame_type(UInt32(frame.hd.type)) {
        case NGHTTP2_HEADERS:
            guard let stream = streams[frame.hd.stream_id] else { break }
            if endsStream { stream.inputEnded = true }
            if stream.stage == .head {
                endHead(stream)
            } else if endsStream, stream.stage == .body {
                endRequest(stream)
            }
        case NGHTTP2_DATA:
            if endsStream {
                guard let stream = streams[frame.hd.stream_id] else { break }
                stream.inputEnded = true
                if stream.stage == .body { endRequest(stream) }
            } else if receivedInFrame == 0, frame.hd.length > 0 {
                budget.receivedPadding(now: now)
            }
        case NGHTTP2_PRIORITY: priorityReceived(frame.priority)
        case NGHTTP2_SETTINGS: hasSettings = true
        case NGHTTP2_PING where frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0: endDrain()
        default: break
        }
    }

    /// A request's field section is complete.
    private func endHead(_ stream: HTTP2Stream) {
        stream.isHead = stream.section.head.method == .head
        do throws(HTTPProblem) {
            try stream.section.end(bodyLimit: limits.body)
        } catch {
            refuse(stream, error)
            return
        }
        if !stream.inputEnded {
            let admission = stream.section.withHead { head, bytes in
                handler.admit(HTTPRequest(head, copy bytes, id: RequestID(bits: 0)), isProbe: isProbe)
            }
            stream.route = admission.route
            stream.takesBody = admission.takesBody || stream.section.head.isBodyWorthReading
        }
        guard !stream.inputEnded, stream.takesBody else {
            // Complete, or answered by its head alone: content that comes yet is dropped.
            endRequest(stream)
            return
        }
        stream.stage = .body
        stream.arrival.start(progress: 0, now: now, span: deadlines.body)
        if stream.section.head.expectsContinue { submitContinue(stream) }
    }

    /// All of a request is there that is needed for its answer.
    private func endRequest(_ stream: HTTP2Stream) {
        stream.stage = .ready
        ready.append(stream.id)
        // Another one may be the oldest now.
        giveBackWithheld()
    }

    /// Content and field lines held for requests that are not handed out yet.
    ///
    /// With the field lines, because a hundred streams have a hundred times the limit of one section; but for the one
    /// that is being received, which cannot be refused.
    package var bodyBytes: Int { streams.values.reduce(0) { $1.isWaiting ? $0 + $1.held + $1.section.size : $0 } }

    /// Refuses the request that holds most of those that are not handed out.
    package func refuseLargestBody(_ problem: HTTPProblem) {
        let waiting = streams.values.filter(\.isWaiting)
        let largest = waiting.max { $0.held + $0.section.size < $1.held + $1.section.size }
        if let largest { refuse(largest, problem) }
    }

    /// Gives a request up with an answer; what else comes of it is dropped.
    func refuse(_ stream: HTTP2Stream, _ problem: HTTPProblem) {
        if stream.stage == .ready { ready.removeAll { $0 == stream.id } }
        stream.problem = problem
        stream.upgraded = nil
        _ = stream.body.take()
        release(stream)
        stream.stage = .ready
        pending.append(.refused(stream.id))
        giveBackWithheld()
    }

    /// The event of a stream whose request is ready.
    func event(of stream: HTTP2Stream) -> Event {
        stream.stage = .handling
        if let problem = stream.problem { return .refused(problem, stream: Int(stream.id)) }
        return .request(stream: Int(stream.id))
    }

    /// The request of a stream that the last event was about, and when its first frame came; once.
    package func takeRequest(of stream: Int) -> (request: StoredRequest, since: UInt64) {
        guard let stream = Int32(exactly: stream).flatMap({ streams[$0] }) else {
            preconditionFailure("a request is taken of a stream that has one")
        }
        if let request = stream.upgraded {
            stream.upgraded = nil
            return (request, stream.since)
        }
        var request = StoredRequest()
        (request.head, request.bytes) = stream.section.take()
        request.body = stream.body.take()
        request.route = stream.route
        return (request, stream.since)
    }

    /// A stream is over for libnghttp2.
    func streamClosed(_ id: Int32) {
        if let stream = streams[id] { forget(stream) }
    }

    /// Drops a stream; whoever works for it is told, unless the whole reply is out.
    func forget(_ stream: HTTP2Stream) {
        streams[stream.id] = nil
        release(stream)
        expect(0, for: stream)
        repliesHeld -= stream.reply.count
        if stream.stage == .body { giveBackWithheld() }
        if stream.stage == .ready { ready.removeAll { $0 == stream.id } }
        if stream.isHandedOut, !stream.isReplySent { pending.append(.cancelled(stream.id)) }
    }

    // MARK: Content and its windows

    /// Content came.
    func contentReceived(_ id: Int32, _ bytes: borrowing Span<UInt8>) {
        receivedInFrame += bytes.count
        nghttp2_session_consume_connection(handle, bytes.count)
        guard let stream = streams[id] else { return }
        guard stream.stage == .body else {
            drop(bytes.count, of: stream)
            return
        }
        var limit = limits.body
        if case .length(let length) = stream.section.head.framing { limit = length }
        guard bytes.count <= limit - stream.body.count else {
            refuse(stream, .contentTooLarge(limit: limits.body))
            return
        }
        stream.body.append(bytes, atMost: limit)
        stream.held += bytes.count
        held += bytes.count
        stream.unconsumed += bytes.count
        stream.arrived &+= UInt64(bytes.count)
        arrived &+= UInt64(bytes.count)
        giveBack(stream)
    }

    /// Drops content of a request that was refused or answered early.
    ///
    /// Its window stays open for a while: some clients lose the reply when a reset follows it at once, as some of
    /// HTTP/1.1 do when the connection is closed at once (RFC 9112 section 9.6).
    private func drop(_ count: Int, of stream: HTTP2Stream) {
        stream.dropped += count
        if stream.dropped <= Self.dropLimit {
            nghttp2_session_consume_stream(handle, stream.id, count)
        } else if stream.isReplySent {
            reset(stream, NGHTTP2_NO_ERROR)
        }
    }

    /// Opens a stream's window again by what came, where there is room for more content.
    private func giveBack(_ stream: HTTP2Stream) {
        let hasRoom = held <= limits.connectionBodies || stream.held < Self.initialWindow
        let isOldest = (!stream.isWide || !hasRoom) && isOldest(stream)
        guard hasRoom || isOldest else {
            if stream.withheldSince == nil { stream.withheldSince = now }
            if withheldDeadline == .max { withheldDeadline = now &+ Self.withheldSpan }
            return
        }
        if stream.withheldSince != nil {
            // The peer could not send: it is waited for from here on.
            stream.arrival.start(progress: stream.credited, now: now, span: deadlines.body)
            stream.withheldSince = nil
        }
        nghttp2_session_consume_stream(handle, stream.id, stream.unconsumed)
        stream.unconsumed = 0
        if isOldest, !stream.isWide, stream.body.count > Self.initialWindow / 4 {
            stream.isWide = true
            nghttp2_session_set_local_window_size(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, Self.wideWindow)
        }
    }

    private func isOldest(_ stream: HTTP2Stream) -> Bool {
        !streams.values.contains { $0.id < stream.id && $0.stage == .body }
    }

    /// Content is not held any more: its reply has begun, or it was dropped.
    func release(_ stream: HTTP2Stream) {
        guard stream.held > 0 else { return }
        held -= stream.held
        stream.held = 0
        giveBackWithheld()
    }

    private func giveBackWithheld() {
        guard withheldDeadline != .max else { return }
        var isAny = false
        for stream in streams.values where stream.withheldSince != nil && stream.stage == .body {
            giveBack(stream)
            if stream.withheldSince != nil { isAny = true }
        }
        if !isAny { withheldDeadline = .max }
    }

    /// Where windows have been kept shut for long: refuses the newest unfinished requests, at least one, until the whole
    /// bodies of the others have room.
    func refuseWithheld() {
        guard withheldDeadline <= now else { return }
        let unfinished = streams.values.filter { $0.stage == .body }.sorted { $0.id < $1.id }
        var room = limits.connectionBodies - unfinished.reduce(held) { $0 - $1.held }
        var refused: [HTTP2Stream] = []
        for stream in unfinished {
            var length = limits.body
            if case .length(let announced) = stream.section.head.framing { length = announced }
            room -= min(length, max(0, room) + 1)
            if room < 0, stream !== unfinished.first { refused.append(stream) }
        }
        if refused.isEmpty, unfinished.count > 1, let newest = unfinished.last { refused.append(newest) }
        withheldDeadline = now &+ Self.withheldSpan
        for stream in refused {
            refuse(
                stream, .serviceUnavailable("The memory for request bodies of this connection is full.", retryAfter: 1))
        }
        giveBackWithheld()
    }
}
