import CNGHTTP2

/// The answering half: heads, content as far as the peer's windows allow, and frames for the socket.
extension HTTP2Session {
    /// Frames are pulled ahead of the socket up to about this many bytes: what waits there cannot be overtaken by
    /// another stream's reply any more.
    private var outputTarget: Int { min(limits.outputHighWater, 64 * 1024) }
    /// A streamed body is asked for its next piece below this.
    private static let replyLowWater = 64 * 1024

    /// Begins the answer to a request: all of it for `.bytes`, the head for `.stream`.
    ///
    /// A streamed body is not wanted where there can be none (HEAD, 204, 304): the reply is complete then.
    package func respond(
        _ response: HTTPResponse, to stream: Int, date: HTTPDate, id: RequestID, _ bytes: borrowing Span<UInt8>
    ) {
        guard let stream = self.stream(stream), stream.stage == .handling else { return }
        expect(0, for: stream)
        stream.stage = .responding
        release(stream)
        let status = (200...599).contains(response.status) ? response.status : 500
        let hasNoContent = status == 204 || status == 304
        let hasContent = !hasNoContent && !stream.isHead

        replyFields.storage.removeAll(keepingCapacity: true)
        replyFields.lines.removeAll(keepingCapacity: true)
        replyFields.append(":status", status)
        let date = date.value
        replyFields.append(validName: Self.dateName.span, validValue: date.span)
        for line in response.fields.lines {
            let bytes = response.fields.storage.span
            let (name, value) = (bytes.extracting(line.name), bytes.extracting(line.value))
            guard ResponseHead.isToken(name), value.isFieldValue, !ResponseHead.isOwnField(name) else {
                continue
            }
            replyFields.append(validName: name, validValue: value)
        }
        switch response.body {
        case .bytes(let bytes):
            stream.isReplyMade = true
            if !hasNoContent { replyFields.append("content-length", bytes.count) }
            if hasContent { hold(bytes, for: stream) }
        case .stream:
            stream.isReplyMade = !hasContent
        }
        submitHead(of: stream, id: id, bytes, hasContent: !stream.isReplyMade || stream.reply.count > 0)
    }

    private static let dateName = Array("date".utf8)

    /// Gives the fields in `replyFields` to libnghttp2, which copies them.
    private func submitHead(of stream: HTTP2Stream, id: RequestID, _ bytes: borrowing Span<UInt8>, hasContent: Bool) {
        var fields = HTTPFields()
        swap(&fields, &replyFields)
        defer { swap(&fields, &replyFields) }
        fields.append("x-request-id", EmptyCollection<UInt8>())
        let bytes = copy bytes
        fields.storage.write(atMost: RequestID.longest) { id.append(to: &$0, bytes) }
        fields.lines[fields.lines.count - 1].valueEnd = fields.storage.count
        let status = fields.withNameValuePairs(lastIsUnique: true) { pairs in
            if hasContent {
                var provider = nghttp2_data_provider(
                    source: nghttp2_data_source(), read_callback: HTTP2Callbacks.readContent)
                return nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, &provider)
            }
            return nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, nil)
        }
        if status != 0 { reset(stream, NGHTTP2_INTERNAL_ERROR) }
    }

    /// Tells a client that waits for it to send its content (RFC 9110 section 10.1.1).
    func submitContinue(_ stream: HTTP2Stream) {
        var fields = HTTPFields()
        fields.append(":status", 100)
        _ = fields.withNameValuePairs(lastIsUnique: false) { pairs in
            nghttp2_submit_headers(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, nil, pairs.baseAddress, pairs.count, nil)
        }
    }

    /// The next piece of a streamed body.
    package func write(_ piece: [UInt8], to stream: Int, isLast: Bool) {
        guard let stream = self.stream(stream), stream.stage == .responding, !stream.isReplyMade else { return }
        expect(0, for: stream)
        hold(piece, for: stream)
        stream.isReplyMade = isLast
        if stream.isDeferred, isLast || !piece.isEmpty {
            stream.isDeferred = false
            nghttp2_session_resume_data(handle, stream.id)
        }
    }

    /// So much content is being made for that stream.
    package func expect(replyBytes: Int, for stream: Int) {
        if let stream = self.stream(stream), stream.isHandedOut { expect(max(0, replyBytes), for: stream) }
    }

    func expect(_ count: Int, for stream: HTTP2Stream) {
        if stream.stage == .responding {
            piecesExpected += count - stream.expected
        } else {
            repliesExpected += count - stream.expected
        }
        stream.expected = count
    }

    private func hold(_ content: [UInt8], for stream: HTTP2Stream) {
        stream.reply.append(content)
        repliesHeld += content.count
    }

    /// Whether a streamed body should make its next piece now: little of it waits, and the peer takes content.
    package func wantsBody(of stream: Int) -> Bool {
        guard repliesHeld + piecesExpected < max(1, limits.replyHighWater), let stream = self.stream(stream),
            stream.stage == .responding, !stream.isReplyMade
        else { return false }
        return stream.reply.count <= Self.replyLowWater && output.count <= limits.outputHighWater
            && nghttp2_session_get_stream_remote_window_size(handle, stream.id) > 0
            && nghttp2_session_get_remote_window_size(handle) > 0
    }

    /// Cuts the response of one stream: RST_STREAM with INTERNAL_ERROR.
    ///
    /// The others go on.
    package func abort(_ stream: Int) {
        guard let stream = self.stream(stream), stream.stage == .handling || stream.stage == .responding else { return }
        reset(stream, NGHTTP2_INTERNAL_ERROR)
    }

    /// Whether a part of that stream's answer is not in ``output`` yet.
    package func holdsReply(of stream: Int) -> Bool {
        Int32(exactly: stream).flatMap { streams[$0] }.map { !$0.isReplySent } ?? false
    }

    private func stream(_ number: Int) -> HTTP2Stream? {
        isClosing ? nil : Int32(exactly: number).flatMap { streams[$0] }
    }

    /// Resets a stream for a reason of this side's own.
    func reset(_ stream: HTTP2Stream, _ code: nghttp2_error_code) {
        stream.isGivenUp = true
        nghttp2_submit_rst_stream(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code.rawValue)
    }

    // MARK: Frames out

    /// Pulls frames while there is room for them.
    func pull() {
        guard !isClosing else { return }
        while output.count < outputTarget, pullFrame() {}
        calmDown()
        noteStalls()
    }

    /// Pulls what one call yields: a frame, or as much DATA as there is room for.
    ///
    /// `false` where there was nothing.
    func pullFrame() -> Bool {
        let before = output.count
        var bytes: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(handle, &bytes)
        if count > 0 { output.write { $0.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count)) } }
        // Out of memory; then nothing can be said to the peer either.
        if count < 0 { fail() }
        return output.count > before
    }

    /// Says how much content of a stream can go into a frame of at most `length` bytes.
    func contentToSend(_ id: Int32, _ length: Int, _ flags: inout UInt32) -> Int {
        guard let stream = streams[id] else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        let count = min(length, stream.reply.count)
        if count == 0, !stream.isReplyMade {
            stream.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if stream.isReplyMade, count == stream.reply.count { flags |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return count
    }

    /// Puts a DATA frame into ``output``: the 9 bytes of its header and that much content.
    ///
    /// `false` where it has to wait for room.
    func sendContent(_ id: Int32, header: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        guard output.count < outputTarget || isTerminating else { return false }
        guard let stream = streams[id] else { return true }
        output.write { buffer in
            buffer.reserveCapacity(buffer.count + 9 + length)
            buffer.append(contentsOf: UnsafeBufferPointer(start: header, count: 9))
            stream.reply.move(length, to: &buffer)
        }
        repliesHeld -= length
        stream.sent &+= UInt64(length)
        sent &+= UInt64(length)
        return true
    }

    /// A frame has gone into ``output``.
    func frameSent(_ frame: nghttp2_frame) {
        let type = nghttp2_frame_type(UInt32(frame.hd.type))
        switch type {
        case NGHTTP2_DATA: budget.sentData(frame.hd.length)
        case NGHTTP2_RST_STREAM where streams[frame.hd.stream_id]?.isGivenUp != true:
            budget.sentReset(frame.rst_stream.error_code, now: now)
        case NGHTTP2_GOAWAY where frame.goaway.error_code != NGHTTP2_NO_ERROR.rawValue && !isTerminating:
            // By libnghttp2 itself, where it is not for a budget.
            budget.end(for: .protocolError)
        default: break
        }
        guard type == NGHTTP2_HEADERS || type == NGHTTP2_DATA,
            frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, let stream = streams[frame.hd.stream_id]
        else { return }
        stream.isReplySent = true
        budget.served()
        // Answered before its end: the rest is not wanted (RFC 9113 section 8.1).
        if !stream.inputEnded { stream.lingersUntil = now &+ deadlines.linger }
    }
}

extension HTTPFields {
    /// Appends a number that is not negative.
    fileprivate mutating func append(_ name: StaticString, _ number: Int) {
        append(name, EmptyCollection<UInt8>())
        storage.write(atMost: 20) { $0.appendDecimal(number) }
        lines[lines.count - 1].valueEnd = storage.count
    }

    /// Lends the lines as libnghttp2 wants them.
    ///
    /// - Parameter lastIsUnique: the last line's value will not come again: it is kept out of the compression's table.
    fileprivate mutating func withNameValuePairs<R>(
        lastIsUnique: Bool, _ body: (UnsafeBufferPointer<nghttp2_nv>) -> R
    ) -> R {
        let lines = self.lines
        return storage.withUnsafeMutableBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: lines.count) { pairs in
                for (index, line) in lines.enumerated() {
                    let isUnique = lastIsUnique && index == lines.count - 1
                    let flags = isUnique ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE
                    pairs.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: bytes.baseAddress?.advanced(by: line.nameStart),
                            value: bytes.baseAddress?.advanced(by: line.nameEnd), namelen: line.name.count,
                            valuelen: line.value.count, flags: UInt8(flags.rawValue)))
                }
                return body(UnsafeBufferPointer(pairs))
            }
        }
    }
}
