import CNGHTTP2

/// The receiving half: field sections and content become requests.
extension HTTP2Session {
    /// A frame's header came; `false` where the peer sends too many of its kind.
    func frameBegins(_ header: nghttp2_frame_hd) -> Bool {
        receivedInFrame = 0
        return admit(budget.begins(header, now: now))
    }

    /// Notes where the peer has passed its budget.
    func admit(_ isWithinBudget: Bool) -> Bool {
        if !isWithinBudget { isExcessive = true }
        return isWithinBudget
    }

    /// A field section begins: of a new request, or a request's trailers.
    func fieldsBegin(_ frame: nghttp2_headers) {
        guard frame.cat == NGHTTP2_HCAT_REQUEST else { return }
        let stream = HTTP2Stream(id: frame.hd.stream_id, now: now)
        streams[stream.id] = stream
        treatAlike(stream)
    }

    /// Has replies take turns frame by frame (RFC 9218 section 10), whatever the client would like.
    func treatAlike(_ stream: HTTP2Stream) {
        var priority = nghttp2_extpri(urgency: 3, inc: 1)
        nghttp2_session_change_extpri_stream_priority(handle, stream.id, &priority, 1)
    }

    /// A field line came; `false` where its stream is to be reset.
    ///
    /// Trailers are counted and dropped.
    func field(_ id: Int32, _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, isValid: Bool) -> Bool {
        guard let stream = streams[id] else { return true }
        guard stream.section.count(nameLength: name.count, valueLength: value.count, limits) else { return false }
        if stream.stage == .head {
            if isValid { stream.section.append(name, value, limits) } else { stream.section.appendInvalid() }
        }
        return true
    }

    /// A whole frame came, and libnghttp2 found it in order.
    ///
    /// `false` where the peer sends too many of its kind.
    func frameReceived(_ frame: nghttp2_frame) -> Bool {
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
                return admit(budget.receivedPadding(now: now))
            }
        case NGHTTP2_SETTINGS: hasSettings = true
        case NGHTTP2_PING where frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0: endDrain()
        default: break
        }
        return true
    }

    /// A request's field section is complete.
    private func endHead(_ stream: HTTP2Stream) {
        stream.isHead = stream.section.isHead
        do throws(HTTPProblem) {
            stream.head = try stream.section.head(bodyLimit: limits.body)
        } catch {
            stream.head = stream.section.partialHead
            refuse(stream, error)
            return
        }
        guard !stream.inputEnded, stream.head.isBodyWorthReading || takesBody(stream.head.request()) else {
            // Complete, or answered by its head alone: content that comes yet is dropped.
            endRequest(stream)
            return
        }
        stream.stage = .body
        stream.arrival.start(progress: 0, now: now, span: deadlines.body)
        if stream.head.expectsContinue { submitContinue(stream) }
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
    func takeRequest(_ stream: HTTP2Stream) -> HTTPSessionEvent {
        stream.stage = .handling
        if let request = stream.upgraded {
            stream.upgraded = nil
            return .request(request, stream: Int(stream.id))
        }
        let head = stream.head
        stream.head = RequestHead()
        stream.section = HTTP2FieldSection()
        if let problem = stream.problem {
            let refused = HTTPRefusedRequest(head: head.request(), since: stream.since)
            return .refused(problem, stream: Int(stream.id), refused)
        }
        return .request(head.request(body: stream.body.take()), stream: Int(stream.id))
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
        if case .length(let length) = stream.head.framing { limit = length }
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
        let isOldest = (!stream.isWide || held > heldLimit) && isOldest(stream)
        guard held <= heldLimit || isOldest else {
            if stream.withheldSince == nil { stream.withheldSince = now }
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
        for stream in streams.values where stream.withheldSince != nil && stream.stage == .body { giveBack(stream) }
    }
}
