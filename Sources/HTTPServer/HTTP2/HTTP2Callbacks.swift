import CNGHTTP2

/// libnghttp2's options and the C functions it calls, made once for all sessions: it copies both.
///
/// `@unchecked Sendable`: never changed after `init`.
final class HTTP2Callbacks: @unchecked Sendable {
    static let shared = HTTP2Callbacks()

    let table: OpaquePointer?
    let options: OpaquePointer?

    private init() {
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_max_outbound_ack(options, 100)
        nghttp2_option_set_max_settings(options, 16)
        // A limit by time alone, which ``FrameBudget`` sets with what requests earn; here it is out of reach.
        nghttp2_option_set_stream_reset_rate_limit(options, 1 << 32, 1 << 32)
        // It counts reads of a frame's 9 bytes, of which a frame may need as many; ``HTTP2StateMachine`` counts frames.
        nghttp2_option_set_max_continuations(options, 9 * (HTTP2StateMachine.continuationLimit + 1))
        self.options = options

        var table: OpaquePointer?
        nghttp2_session_callbacks_new(&table)
        self.table = table
        setReceiving()
        setSending()
    }

    private func setReceiving() {
        nghttp2_session_callbacks_set_on_begin_frame_callback(table) { _, header, context in
            guard let header else { return 0 }
            return state(context).pointee.frameBegins(header.pointee) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, context in
            if let frame { state(context).pointee.fieldsBegin(frame.pointee.headers) }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(table) {
            _, frame, name, nameLength, value, length, _, context in
            field(frame, name, nameLength, value, length, isValid: true, context)
        }
        nghttp2_session_callbacks_set_on_invalid_header_callback(table) {
            _, frame, name, nameLength, value, length, _, context in
            field(frame, name, nameLength, value, length, isValid: false, context)
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, id, bytes, count, context in
            state(context).pointee.contentReceived(id, UnsafeBufferPointer(start: bytes, count: count).span)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, context in
            if let frame { state(context).pointee.frameReceived(frame) }
            return 0
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table) { _, _, _, context in
            state(context).pointee.receivedInvalidFrame()
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, id, _, context in
            state(context).pointee.streamClosed(id)
            return 0
        }
    }

    private func setSending() {
        nghttp2_session_callbacks_set_send_data_callback(table) { _, frame, header, length, _, context in
            guard let frame else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            let header = UnsafeBufferPointer(start: header, count: 9)
            let isSent = state(context).pointee.sendContent(frame.pointee.hd.stream_id, header: header, length)
            return isSent ? 0 : NGHTTP2_ERR_WOULDBLOCK.rawValue
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, context in
            if let frame { state(context).pointee.frameSent(frame) }
            return 0
        }
    }

    /// Where libnghttp2 gets a reply's content from.
    static let readContent: nghttp2_data_source_read_callback = { _, id, _, length, flags, _, context in
        guard let flags else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        return state(context).pointee.contentToSend(id, length, &flags.pointee)
    }
}

/// The state of the session that calls back, as ``HTTP2Session`` gave it to libnghttp2.
private func state(_ context: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<HTTP2StateMachine> {
    guard let context else { preconditionFailure("every session has its state") }
    return context.assumingMemoryBound(to: HTTP2StateMachine.self)
}

private func field(
    _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameLength: Int,
    _ value: UnsafePointer<UInt8>?, _ length: Int, isValid: Bool, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let frame else { return 0 }
    let name = UnsafeBufferPointer(start: name, count: nameLength)
    let value = UnsafeBufferPointer(start: value, count: length)
    let isKept = state(context).pointee.field(frame.pointee.hd.stream_id, name.span, value.span, isValid: isValid)
    return isKept ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
}
