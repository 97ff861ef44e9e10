/// Writes a response's head (RFC 9112 section 4), in one pass into one buffer.
///
/// Nothing that is written can end a line or a head early: names must be tokens and values free of control bytes, and
/// a line that is not is left out. The fields that frame the message are the session's: a handler's own are left out.
package struct ResponseHead: BitwiseCopyable {
    /// How the content is delimited (RFC 9112 section 6.3).
    package enum Framing: BitwiseCopyable, Equatable {
        /// There is no content: 204 and 304.
        case none
        /// By Content-Length.
        case length(Int)
        /// By the last chunk.
        case chunked
        /// By the connection's close.
        case close
    }

    /// The `Connection` field.
    package enum Connection: BitwiseCopyable, Equatable {
        /// None: HTTP/1.1 connections persist by default.
        case kept
        /// `keep-alive`, for HTTP/1.0.
        case keptAlive
        /// `close`.
        case closed
    }

    var status: Int
    var framing: Framing
    var connection: Connection
    /// When the reply is made (RFC 9110 section 5.6.7).
    var date: InlineArray<29, UInt8>

    /// The most bytes that a head takes beside its content type and a response's own fields: the status line, five names,
    /// a date, an identifier, a length and the line ends.
    static let room = 320 + RequestID.longest

    /// Writes the head, its empty line included: at most ``room`` bytes beside the content type and the fields.
    ///
    /// - Parameters:
    ///   - contentType: left out where it is empty.
    ///   - isStored: whether caches may keep the reply.
    ///   - bytes: the request's head, of which the identifier may be a part.
    @inline(__always)
    func write(
        _ fields: borrowing HTTPFields, contentType: StaticString = "", isStored: Bool = true, id: RequestID,
        _ bytes: borrowing Span<UInt8>, to writer: inout ByteWriter
    ) {
        writeStatusLine(to: &writer)
        writer.append("Date: ")
        writer.append(date.span)
        writer.append("\r\nX-Request-Id: ")
        id.append(to: &writer, bytes)
        writer.append("\r\n")
        if contentType.utf8CodeUnitCount > 0 {
            writer.append("Content-Type: ")
            writer.append(contentType)
            writer.append("\r\n")
        }
        if !isStored { writer.append("Cache-Control: no-store\r\n") }
        if fields.count > 0 { for line in fields.lines { Self.write(line, of: fields, to: &writer) } }
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

    private static func write(
        _ line: HTTPFields.Line, of fields: borrowing HTTPFields, to writer: inout ByteWriter
    ) {
        let bytes = fields.storage.span
        let name = bytes.extracting(line.name)
        let value = bytes.extracting(line.value)
        guard isToken(name), value.isFieldValue, !isOwnField(name) else { return }
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
        name.count > 0 && name.firstIndex(notIn: .token, from: 0, before: name.count) == name.count
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
