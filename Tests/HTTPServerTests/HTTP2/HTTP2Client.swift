import CNGHTTP2

/// libnghttp2's client side, in the same process: what it sends and what it makes of what it receives.
final class HTTP2Client {
    /// What came of one request.
    struct Answer: Equatable {
        var statuses: [Int] = []
        var fields: [String: String] = [:]
        var body: [UInt8] = []
        var isEnded = false
        /// The error code it was closed with.
        var closed: UInt32?

        var status: Int? { statuses.last }
    }

    var answers: [Int32: Answer] = [:]
    /// The error codes of GOAWAY frames received, and the last streams they named.
    var goaways: [(code: UInt32, last: Int32)] = []
    /// The longest DATA frame received.
    var longestData = 0
    /// Streams in the order in which DATA came.
    var dataOrder: [Int32] = []
    var settings: [Int32: UInt32] = [:]
    private(set) var failure = 0
    private var session: OpaquePointer?
    private var bodies: [Int32: (bytes: [UInt8], offset: Int)] = [:]

    /// - Parameters:
    ///   - window: SETTINGS_INITIAL_WINDOW_SIZE.
    ///   - opensWindows: gives windows back as content arrives.
    init(window: UInt32 = 65_535, opensWindows: Bool = true, isUpgraded: Bool = false) {
        var table: OpaquePointer?
        nghttp2_session_callbacks_new(&table)
        nghttp2_session_callbacks_set_on_header_callback(table) { _, frame, name, nameCount, value, count, _, context in
            guard let frame, let client = HTTP2Client.of(context) else { return 0 }
            let name = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
            let value = String(decoding: UnsafeBufferPointer(start: value, count: count), as: UTF8.self)
            let id = frame.pointee.hd.stream_id
            if name == ":status" {
                client.answers[id, default: Answer()].statuses.append(Int(value) ?? -1)
            } else {
                client.answers[id, default: Answer()].fields[name] = value
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, id, bytes, count, context in
            HTTP2Client.of(context)?.answers[id, default: Answer()].body += UnsafeBufferPointer(
                start: bytes, count: count)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, context in
            if let frame { HTTP2Client.of(context)?.received(frame.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, id, code, context in
            HTTP2Client.of(context)?.answers[id, default: Answer()].closed = code
            return 0
        }
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        nghttp2_option_set_no_auto_window_update(options, opensWindows ? 0 : 1)
        // What is malformed is for the server to find.
        nghttp2_option_set_no_http_messaging(options, 1)
        nghttp2_session_client_new2(&session, table, Unmanaged.passUnretained(self).toOpaque(), options)
        nghttp2_option_del(options)
        nghttp2_session_callbacks_del(table)
        if isUpgraded {
            answers[1] = Answer()
            nghttp2_session_upgrade2(session, nil, 0, 0, nil)
        }
        let settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: window)
        ]
        nghttp2_submit_settings(session, 0, settings, settings.count)
    }

    deinit { nghttp2_session_del(session) }

    private static func of(_ context: UnsafeMutableRawPointer?) -> HTTP2Client? {
        context.map { Unmanaged<HTTP2Client>.fromOpaque($0).takeUnretainedValue() }
    }

    private func received(_ frame: nghttp2_frame) {
        switch nghttp2_frame_type(UInt32(frame.hd.type)) {
        case NGHTTP2_GOAWAY: goaways.append((frame.goaway.error_code, frame.goaway.last_stream_id))
        case NGHTTP2_DATA:
            longestData = max(longestData, frame.hd.length)
            dataOrder.append(frame.hd.stream_id)
        case NGHTTP2_SETTINGS:
            for index in 0..<frame.settings.niv {
                settings[frame.settings.iv[index].settings_id] = frame.settings.iv[index].value
            }
        default: break
        }
        let endsStream = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        if endsStream, frame.hd.stream_id > 0 { answers[frame.hd.stream_id, default: Answer()].isEnded = true }
    }

    /// Begins a request; returns its stream.
    ///
    /// - Parameter body: `nil` for none; where `isLast` is false the request stays unfinished after it.
    @discardableResult
    func request(
        _ method: String = "GET", _ path: String = "/", authority: String? = "a", scheme: String = "http",
        _ fields: [(String, String)] = [], body: [UInt8]? = nil, isLast: Bool = true
    ) -> Int32 {
        var all = [(":method", method), (":scheme", scheme), (":path", path)]
        if let authority { all.append((":authority", authority)) }
        return request(lines: all + fields, body: body, isLast: isLast)
    }

    /// Begins a request of exactly those lines.
    @discardableResult
    func request(lines: [(String, String)], body: [UInt8]? = nil, isLast: Bool = true) -> Int32 {
        var provider = nghttp2_data_provider(source: nghttp2_data_source()) {
            _, id, buffer, length, flags, _, context in
            guard let client = HTTP2Client.of(context), let buffer, let flags else { return 0 }
            return client.read(id, UnsafeMutableBufferPointer(start: buffer, count: length), &flags.pointee)
        }
        if body != nil { provider.source.fd = isLast ? 1 : 0 }
        let id = withPairs(lines) {
            body == nil
                ? nghttp2_submit_request(session, nil, $0.baseAddress, $0.count, nil, nil)
                : nghttp2_submit_request(session, nil, $0.baseAddress, $0.count, &provider, nil)
        }
        answers[id] = Answer()
        if let body { bodies[id] = (body, 0) }
        if !isLast { unfinished.insert(id) }
        return id
    }

    private var unfinished: Set<Int32> = []

    private func read(_ id: Int32, _ buffer: UnsafeMutableBufferPointer<UInt8>, _ flags: inout UInt32) -> Int {
        guard var body = bodies[id] else { return 0 }
        let count = min(buffer.count, body.bytes.count - body.offset)
        if count == 0, unfinished.contains(id) { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        for index in 0..<count { buffer[index] = body.bytes[body.offset + index] }
        body.offset += count
        bodies[id] = body
        if body.offset == body.bytes.count, !unfinished.contains(id) { flags |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return count
    }

    /// Sends more of an unfinished request.
    func send(_ bytes: [UInt8], on id: Int32, isLast: Bool) {
        bodies[id, default: ([], 0)].bytes += bytes
        if isLast { unfinished.remove(id) }
        nghttp2_session_resume_data(session, id)
    }

    /// Ends a request with trailers.
    func trailers(_ id: Int32, _ lines: [(String, String)]) {
        _ = withPairs(lines) { nghttp2_submit_trailer(session, id, $0.baseAddress, $0.count) }
    }

    func cancel(_ id: Int32) { nghttp2_submit_rst_stream(session, 0, id, NGHTTP2_CANCEL.rawValue) }

    /// Opens a window; stream 0 is the connection's.
    func open(_ id: Int32, by count: Int32) { nghttp2_submit_window_update(session, 0, id, count) }

    func end() { nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR.rawValue) }

    /// All it wants to send now.
    func sent() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            if count <= 0 { return all }
            all += UnsafeBufferPointer(start: bytes, count: count)
        }
    }

    /// Takes what the server sent.
    func receive(_ bytes: [UInt8]) {
        let consumed = nghttp2_session_mem_recv(session, bytes, bytes.count)
        if consumed < 0 { failure = consumed }
    }

    private func withPairs<R>(_ lines: [(String, String)], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> R) -> R {
        var storage: [UInt8] = []
        var ends: [(Int, Int, Int)] = []
        for (name, value) in lines {
            let start = storage.count
            storage += name.utf8
            let middle = storage.count
            storage += value.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
            ends.append((start, middle, storage.count))
        }
        return storage.withUnsafeMutableBufferPointer { bytes in
            let pairs = ends.map { start, middle, end in
                nghttp2_nv(
                    name: bytes.baseAddress?.advanced(by: start), value: bytes.baseAddress?.advanced(by: middle),
                    namelen: middle - start, valuelen: end - middle, flags: 0)
            }
            return pairs.withUnsafeBufferPointer(body)
        }
    }
}
