/// Validation of `host [":" port]`, for `Host`, absolute-form targets and HTTP/2's `:authority` alike.
package enum Authority {
    /// Whether the bytes are a non-empty host with or without a port.
    ///
    ///     uri-host = IP-literal / IPv4address / reg-name      (RFC 3986 section 3.2.2)
    ///     Host     = uri-host [ ":" port ]                    (RFC 9110 section 7.2)
    ///
    /// Stricter than that grammar in three places. A host is not empty (RFC 9110 section 4.2.1 has http URIs without
    /// one rejected). A registered name has no sub-delims: no name in use has them, and a comma could be read as a
    /// list. A port is at most 65535. Userinfo is refused (RFC 9110 section 4.2.4). Within brackets only the
    /// alphabet of IPv6 addresses is checked: the host is never resolved.
    package static func isValid(_ bytes: borrowing Span<UInt8>, needsPort: Bool = false) -> Bool {
        var index = 0
        if bytes.count > 0, bytes[0] == UInt8(ascii: "[") {
            index = 1
            while index < bytes.count, isAddressByte(bytes[index]) { index += 1 }
            guard index >= 3, index < bytes.count, bytes[index] == UInt8(ascii: "]") else { return false }
            index += 1
        } else {
            while true {
                index = bytes.firstIndex(notIn: .unreserved, from: index, before: bytes.count)
                guard index < bytes.count, bytes[index] != UInt8(ascii: ":") else { break }
                guard bytes[index] == UInt8(ascii: "%"), isPercentEncoding(bytes, at: index) else { return false }
                index += 1
            }
            guard index > 0 else { return false }
        }
        guard index < bytes.count else { return !needsPort }
        return bytes[index] == UInt8(ascii: ":") && isPort(bytes, from: index + 1, canBeEmpty: !needsPort)
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        byte.hexadecimalValue != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }

    private static func isPort(_ bytes: borrowing Span<UInt8>, from start: Int, canBeEmpty: Bool) -> Bool {
        guard canBeEmpty || start < bytes.count else { return false }
        var port = 0
        for index in start..<bytes.count {
            guard let digit = bytes[index].decimalValue else { return false }
            port = port &* 10 &+ Int(digit)
            if port > 65535 { return false }
        }
        return true
    }

    /// Whether `%` at `index` is followed by two hexadecimal digits (RFC 3986 section 2.1).
    static func isPercentEncoding(_ bytes: borrowing Span<UInt8>, at index: Int) -> Bool {
        bytes.count - index >= 3 && bytes[index + 1].hexadecimalValue != nil && bytes[index + 2].hexadecimalValue != nil
    }
}
