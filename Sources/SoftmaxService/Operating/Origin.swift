import HTTPServer

/// Web origins (RFC 6454), serialised as browsers send them in `Origin` (URL standard).
enum Origin {
    /// Returns `*` or a serialised origin unchanged, since origins are compared with a request's `Origin` byte by byte.
    ///
    /// - Throws: for any other text, with the serialisation of the origin where there is one.
    static func validated(_ text: String) throws(ConfigurationError) -> String {
        if text == "*" { return text }
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            throw ConfigurationError("must be origins such as https://example.org, or *, not \"\(text)\"")
        }
        let scheme = text[..<colon].lowercased()
        let rest = text[text.index(colon, offsetBy: 3)...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }.lowercased()
        guard isScheme(scheme), isAuthority(authority) else {
            let hint =
                text.contains("*") ? "; a * within an origin is not matched: list the origins, or allow all by *" : ""
            throw ConfigurationError("must be origins such as https://example.org, or *, not \"\(text)\"\(hint)")
        }
        var sent = "\(scheme)://\(authority)"
        // The default port of the scheme is not serialised.
        for (scheme, port) in [("http", ":80"), ("https", ":443")] where sent.hasPrefix(scheme + "://") {
            if sent.hasSuffix(port) { sent.removeLast(port.count) }
        }
        guard sent == text else {
            throw ConfigurationError("holds \"\(text)\", which no browser sends: it would be \"\(sent)\"")
        }
        return text
    }

    /// Whether a text is a lower-case scheme (RFC 3986 section 3.1).
    private static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) }
    }

    /// Whether a text is a host and optional port.
    ///
    /// The host is an IPv4 address, an IPv6 address in brackets, or a name of letters, digits, hyphens, underscores and
    /// dots; browsers convert other names to punycode.
    private static func isAuthority(_ text: String) -> Bool {
        var host = text[...]
        var port: Substring?
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return false }
            let rest = host[host.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return false }
            if !rest.isEmpty { port = rest.dropFirst() }
            host = host[host.index(after: host.startIndex)..<end]
            guard !host.isEmpty, host.utf8.allSatisfy("0123456789abcdef:".utf8.contains) else { return false }
        } else {
            if let colon = host.firstIndex(of: ":") {
                port = host[host.index(after: colon)...]
                host = host[..<colon]
            }
            let isName = host.utf8.allSatisfy { isLetter($0) || isDigit($0) || "-._".utf8.contains($0) }
            guard !host.isEmpty, isName else { return false }
        }
        guard let port else { return true }
        return port.isDecimalDigits && !port.hasPrefix("0") && UInt16(port) != nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { byte.decimalValue != nil }
}
