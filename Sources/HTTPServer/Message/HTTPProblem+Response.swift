/// Problems as responses: `application/problem+json` (RFC 9457).
extension HTTPProblem {
    /// The response that tells of this problem, with `Allow` and `Retry-After` where the problem has them.
    ///
    /// - Parameter requestID: the request's identifier, repeated in the body's `request_id`.
    public func response(requestID: String) -> HTTPResponse {
        var response = HTTPResponse(status: status, body: .bytes(json(requestID: requestID)))
        response.fields.append("content-type", "application/problem+json")
        if let allow { response.fields.append("allow", allow) }
        if let retryAfter { response.fields.append("retry-after", String(retryAfter)) }
        return response
    }

    /// The body: one JSON object in UTF-8.
    ///
    /// `error` repeats `detail` for clients that look for nothing else.
    func json(requestID: String) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(256 + 2 * detail.utf8.count)
        text.append(#"{"type":"#)
        text.appendJSON("/problems/" + slug)
        text.append(#","title":"#)
        text.appendJSON(title)
        text.append(#","status":"#)
        text.appendDecimal(status)
        text.append(#","detail":"#)
        text.appendJSON(detail)
        if let pointer {
            text.append(#","pointer":"#)
            text.appendJSON(pointer)
        }
        if let limit {
            text.append(#","limit":"#)
            text.appendDecimal(limit)
        }
        text.append(#","request_id":"#)
        text.appendJSON(requestID)
        text.append(#","error":"#)
        text.appendJSON(detail)
        text.append("}\n")
        return text
    }
}

extension [UInt8] {
    /// Appends text as a JSON string (RFC 8259 section 7): quotes, backslash and control characters are escaped.
    ///
    /// A `String` is always Unicode: bytes that were not UTF-8 became U+FFFD when it was made.
    fileprivate mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0..<0x20, 0x7F:
                append("\\u00")
                if byte < 0x10 { append(UInt8(ascii: "0")) }
                appendHexadecimal(Int(byte))
            default:
                append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
