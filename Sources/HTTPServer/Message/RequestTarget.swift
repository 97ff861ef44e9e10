/// A request target (RFC 9112 section 3.2), validated and taken apart.
///
///     request-target = origin-form / absolute-form / authority-form / asterisk-form
///
/// The characters of RFC 3986 are let through, every `%` with its two digits, and those few more of visible ASCII that
/// browsers' and other clients' URL parsers (the URL standard, <https://url.spec.whatwg.org>) leave unencoded. Nothing
/// is decoded or normalised: what is compared, logged and answered is what was sent.
package struct RequestTarget: Sendable, Equatable {
    /// The path in origin form; `*` for the asterisk form, empty for the authority form.
    package var path: String
    /// What follows the first `?`.
    package var query: String?
    /// The authority of the absolute and authority forms, as sent.
    package var authority: [UInt8]?

    /// That of a head whose target was not read yet: an empty path.
    static let unread = RequestTarget(path: "")
    /// The asterisk form, which asks about the server itself.
    static let asterisk = RequestTarget(path: "*")

    private init(path: String, query: String? = nil, authority: [UInt8]? = nil) {
        self.path = path
        self.query = query
        self.authority = authority
    }

    /// The target that the bytes spell, or `nil` where they spell none that goes with the method.
    package init?(_ bytes: borrowing Span<UInt8>, method: HTTPMethod) {
        guard bytes.count > 0 else { return nil }
        if method == .connect {
            guard Authority.isValid(bytes, needsPort: true) else { return nil }
            self.init(path: "", authority: bytes.withUnsafeBufferPointer { Array($0) })
        } else if bytes[0] == UInt8(ascii: "/") {
            self.init(origin: bytes)
        } else if bytes[0] == UInt8(ascii: "*") {
            guard bytes.count == 1, method == .options else { return nil }
            self.init(path: "*")
        } else {
            self.init(absolute: bytes, method: method)
        }
    }

    /// `absolute-path [ "?" query ]`: HTTP/1.1's origin form and HTTP/2's `:path`.
    package init?(origin bytes: borrowing Span<UInt8>) {
        guard bytes.count > 0, bytes[0] == UInt8(ascii: "/") else { return nil }
        var allowed = ByteSet.path
        var pathEnd = bytes.count
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: "?"), pathEnd == bytes.count {
                pathEnd = index
                allowed = .query
            } else if byte == UInt8(ascii: "%") {
                guard Authority.isPercentEncoding(bytes, at: index) else { return nil }
            } else if !allowed.contains(byte) {
                return nil
            }
        }
        self.init(
            path: bytes.string(0..<pathEnd),
            query: pathEnd < bytes.count ? bytes.string(pathEnd + 1..<bytes.count) : nil)
    }

    /// `http://authority/path?query`, of which an empty path means `/`, or `*` with OPTIONS (RFC 9112 section 3.2.4).
    private init?(absolute bytes: borrowing Span<UInt8>, method: HTTPMethod) {
        let start: Int
        if bytes.count > 7, bytes.extracting(0..<7).equals(ignoringCase: "http://") {
            start = 7
        } else if bytes.count > 8, bytes.extracting(0..<8).equals(ignoringCase: "https://") {
            start = 8
        } else {
            return nil
        }
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") { end += 1 }
        let authority = bytes.extracting(start..<end)
        guard Authority.isValid(authority) else { return nil }
        if end == bytes.count {
            self.init(path: method == .options ? "*" : "/")
        } else if bytes[end] == UInt8(ascii: "/") {
            self.init(origin: bytes.extracting(end..<bytes.count))
        } else {
            var origin = [UInt8(ascii: "/")]
            origin.append(bytes.extracting(end..<bytes.count))
            self.init(origin: origin.span)
        }
        self.authority = authority.withUnsafeBufferPointer { Array($0) }
    }
}
