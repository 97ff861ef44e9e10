/// The answering half: heads, bodies and what happens to the connection after them.
extension HTTP1Session {
    /// Begins the answer to the request in flight: all of it for `.bytes`, the head for `.stream`.
    ///
    /// A streamed body is sent chunked, or to an HTTP/1.0 client until the connection closes. Where the response can
    /// have no body (HEAD, 204, 304) a streamed one is not wanted: the next event is
    /// ``HTTPSessionEvent/cancelled(stream:)``, so that nothing is computed for it.
    package mutating func respond(_ response: HTTPResponse, to stream: Int, date: [UInt8], requestID: String) {
        guard case .handling = state, stream == self.stream else { return }
        // A status that is none would make the status line unreadable; the handler failed, and so says the reply.
        let status = (200...599).contains(response.status) ? response.status : 500
        let hasNoContent = status == 204 || status == 304
        var framing: ResponseHead.Framing
        switch response.body {
        case .bytes(let bytes): framing = .length(bytes.count)
        case .stream: framing = exchange.version == .http1_0 ? .close : .chunked
        }
        if hasNoContent { framing = .none }
        if framing == .close || isDraining || (inputEnded && !hasInput) { exchange.closes = true }

        let connection: ResponseHead.Connection =
            exchange.closes ? .closed : exchange.version == .http1_0 ? .keptAlive : .kept
        let head = ResponseHead(status: status, framing: framing, connection: connection)
        let hasBody = !hasNoContent && !exchange.isHead
        switch response.body {
        case .bytes(let bytes):
            output.write { buffer in
                head.write(response.fields, date: date, requestID: requestID, to: &buffer)
            }
            if hasBody { output.append(bytes) }
            endResponse()
        case .stream:
            output.write { head.write(response.fields, date: date, requestID: requestID, to: &$0) }
            if hasBody {
                state = .streaming(chunked: framing == .chunked)
            } else {
                unwantedBody = stream
                endResponse()
            }
        }
    }

    /// The next piece of a streamed body.
    ///
    /// An empty piece that is not the last sends nothing: an empty chunk would be the last one.
    package mutating func write(_ piece: [UInt8], to stream: Int, isLast: Bool) {
        guard case .streaming(let isChunked) = state, stream == self.stream else { return }
        if !piece.isEmpty, isChunked {
            output.write {
                $0.appendHexadecimal(piece.count)
                $0.append("\r\n")
            }
            output.append(piece)
            output.write { $0.append(isLast ? "\r\n0\r\n\r\n" : "\r\n") }
        } else {
            output.append(piece)
            if isLast, isChunked { output.write { $0.append("0\r\n\r\n") } }
        }
        if isLast { endResponse() }
    }

    /// Whether a streamed body should make its next piece now.
    package func wantsBody(of stream: Int) -> Bool {
        guard case .streaming = state, stream == self.stream else { return false }
        return output.count <= limits.outputHighWater
    }

    /// Cuts the response in flight: the connection closes without the last chunk.
    ///
    /// An HTTP/1.0 client cannot tell a cut body from a whole one (RFC 9112 section 8): the transport should reset
    /// the connection rather than close it.
    package mutating func abort(_ stream: Int) {
        guard stream == self.stream else { return }
        switch state {
        case .handling, .streaming: finish()
        case .head, .body, .finished: break
        }
    }

    private mutating func endResponse() {
        if exchange.closes || isDraining {
            finish()
        } else {
            state = .head
            if inputEnded, !hasInput { finish() }
        }
    }
}
