/// Writes a response's head (RFC 9112 section 4), in one pass into one buffer.
///
/// Nothing that is written can end a line or a head early: names must be tokens and values free of control bytes, and
/// a line that is not is left out. The fields that frame the message are the session's: a handler's own are left out.
struct ResponseHead {
    /// How the content's end is told.
    enum Framing: Equatable {
        /// By there being none: 204 and 304 (RFC 9112 section 6.3).
        case none
        /// By Content-Length.
        case length(Int)
        /// By the last chunk.
        case chunked
        /// By the connection's.
        case close
    }

    /// What the head says of the connection.
    enum Connection: Equatable {
        /// Kept, as HTTP/1.1 has it without a word.
        case kept
        /// Kept, said aloud for HTTP/1.0.
        case keptAlive
        /// Closed after this response.
        case closed
    }

    var status: Int
    var framing: Framing
    var connection: Connection

    /// Appends the head, its empty line included.
    ///
    /// - Parameters:
    ///   - date: an IMF-fixdate (RFC 9110 section 5.6.7); empty for none.
    ///   - requestID: `X-Request-Id`; empty or unusable for none.
    func write(_ fields: HTTPFields, date: [UInt8], requestID: String, to buffer: inout [UInt8]) {
        // Beside what varies: the status line, five names, a length and the line ends, below 256 bytes.
        let room = 256 + date.count + requestID.utf8.count + fields.storage.count + 4 * fields.lines.count
        buffer.write(atMost: room) { writer in
            writeStatusLine(to: &writer)
            if !date.isEmpty, Self.isValue(date.span) {
                writer.append("Date: ")
                writer.append(date.span)
                writer.append("\r\n")
            }
            if isRequestID(requestID) {
                writer.append("X-Request-Id: ")
                writer.append(requestID)
                writer.append("\r\n")
            }
            for line in fields.lines { Self.write(line, of: fields, to: &writer) }
            switch framing {
            case .none, .close: break
            case .length(let length):
                writer.append("Content-Length: ")
                writer.appendDecimal(length)
                writer.append("\r\n")
            case .chunked: writer.append("Transfer-Encoding: chunked\r\n")
            }
            switch connection {
            case .kept: writer.append("\r\n")
            case .keptAlive: writer.append("Connection: keep-alive\r\n\r\n")
            case .closed: writer.append("Connection: close\r\n\r\n")
            }
        }
    }

    private func writeStatusLine(to writer: inout ByteWriter) {
        if status == 200 {
            writer.append("HTTP/1.1 200 OK\r\n")
        } else {
            writer.append("HTTP/1.1 ")
            writer.appendDecimal(status)
            writer.append(UInt8.space)
            writer.append(Self.reason(status))
            writer.append("\r\n")
        }
    }

    private static func write(_ line: HTTPFields.Line, of fields: HTTPFields, to writer: inout ByteWriter) {
        let bytes = fields.storage.span
        let name = bytes.extracting(line.name)
        let value = bytes.extracting(line.value)
        guard isToken(name), isValue(value), !isOwnField(name) else { return }
        // Case means nothing, but people and old scripts read `Content-Type`.
        var startsWord = true
        for index in name.indices {
            let byte = name[index]
            let isSmall = byte &- UInt8(ascii: "a") < 26
            writer.append(startsWord && isSmall ? byte & ~0x20 : byte)
            startsWord = byte == UInt8(ascii: "-")
        }
        writer.append(": ")
        writer.append(value)
        writer.append("\r\n")
    }

    static func isToken(_ name: borrowing Span<UInt8>) -> Bool {
        let token = ByteSet.token
        for index in name.indices where !token.contains(name[index]) { return false }
        return name.count > 0
    }

    static func isValue(_ value: borrowing Span<UInt8>) -> Bool {
        for index in value.indices where !value[index].isFieldValueByte { return false }
        return true
    }

    static func isOwnField(_ name: borrowing Span<UInt8>) -> Bool {
        switch name.count {
        case 4: name.equals(ignoringCase: "date")
        case 7: name.equals(ignoringCase: "trailer") || name.equals(ignoringCase: "upgrade")
        case 10: name.equals(ignoringCase: "connection") || name.equals(ignoringCase: "keep-alive")
        case 12: name.equals(ignoringCase: "x-request-id")
        case 14: name.equals(ignoringCase: "content-length")
        case 17: name.equals(ignoringCase: "transfer-encoding")
        default: false
        }
    }

    /// The reason phrase of RFC 9110 section 15; empty for a status that it does not name.
    static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
