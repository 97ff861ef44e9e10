/// `X-Request-Id`: a client's name for its request, echoed so that both sides' logs can be joined.
extension HTTPFields {
    /// The request's own identifier where it sent a usable one, else an empty string.
    ///
    /// Usable is one line of 1…128 visible ASCII bytes without quotes and backslash: it goes into a response field, a
    /// JSON string and log lines, and is to need no escaping in any of them. Anything else is as if it were not sent.
    package var requestID: String {
        guard let line = onlyLine("x-request-id") else { return "" }
        return requestID(at: line)
    }

    func requestID(at line: Line) -> String {
        let bytes = storage.span.extracting(line.value)
        return isRequestID(bytes) ? bytes.string(0..<bytes.count) : ""
    }
}

/// Whether the text may stand as a request's identifier.
func isRequestID(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { isRequestID($0.span) }
}

/// Whether the bytes may stand as a request's identifier.
func isRequestID(_ bytes: borrowing Span<UInt8>) -> Bool {
    guard (1...128).contains(bytes.count) else { return false }
    for index in bytes.indices {
        switch bytes[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"): return false
        case 0x21...0x7E: continue
        default: return false
        }
    }
    return true
}
