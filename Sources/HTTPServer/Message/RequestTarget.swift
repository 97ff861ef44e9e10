/// A run of bytes in a request's head, counted from the head's first byte.
package struct HeadSlice: BitwiseCopyable, Sendable, Equatable {
    /// The index of the first byte in the low half, of the one after the last in the high half: as one field a slice is
    /// moved in one register.
    private var bounds: UInt64 = 0

    /// No bytes.
    package init() {}

    /// Those bytes; a head is shorter than 4 GiB, as its limits are.
    package init(_ range: Range<Int>) {
        bounds = UInt64(UInt32(range.lowerBound)) | UInt64(UInt32(range.upperBound)) << 32
    }

    /// The first byte.
    package var start: UInt32 { UInt32(truncatingIfNeeded: bounds) }
    /// The one after the last.
    package var end: UInt32 { UInt32(truncatingIfNeeded: bounds >> 32) }
    /// As indices.
    package var range: Range<Int> { Range(uncheckedBounds: (Int(start), Int(end))) }
    /// How many bytes.
    package var count: Int { Int(end) - Int(start) }
    package var isEmpty: Bool { start == end }
}

/// A request target (RFC 9112 section 3.2), validated and taken apart, as slices of the head it is in.
///
///     request-target = origin-form / absolute-form / authority-form / asterisk-form
///
/// Valid are the characters of RFC 3986, `%` only with two hexadecimal digits, and the few more of visible ASCII that
/// browsers' and other clients' URL parsers (the URL standard, <https://url.spec.whatwg.org>) leave unencoded. Nothing
/// is decoded or normalised: what is compared, logged and answered is what was sent.
package struct RequestTarget: BitwiseCopyable, Sendable, Equatable {
    /// The path in origin form; empty for the authority form and a target that was not read.
    package private(set) var path = HeadSlice()
    /// What follows the first `?`.
    package private(set) var query: HeadSlice?
    /// The authority of the absolute and authority forms, as sent.
    package private(set) var authority: HeadSlice?
    /// The asterisk form, which asks about the server itself, or an absolute form that means the same.
    package private(set) var isAsterisk = false

    /// A target that was not read: an empty path.
    package init() {}

    /// The target that a range of the head spells, or `nil` where it spells none that goes with the method.
    package init?(_ range: Range<Int>, of head: borrowing Span<UInt8>, method: HTTPMethod) {
        guard !range.isEmpty else { return nil }
        self.init()
        if method == .connect {
            guard Authority.isValid(head.extracting(range), needsPort: true) else { return nil }
            authority = HeadSlice(range)
        } else if head[range.lowerBound] == UInt8(ascii: "/") {
            guard let target = RequestTarget(origin: range, of: head) else { return nil }
            self = target
        } else if head[range.lowerBound] == UInt8(ascii: "*") {
            guard range.count == 1, method == .options else { return nil }
            path = HeadSlice(range)
            isAsterisk = true
        } else {
            guard let target = RequestTarget(absolute: range, of: head, method: method) else { return nil }
            self = target
        }
    }

    /// `absolute-path [ "?" query ]`: HTTP/1.1's origin form and HTTP/2's `:path`.
    @inline(__always)
    package init?(origin range: Range<Int>, of head: borrowing Span<UInt8>) {
        guard !range.isEmpty, head[range.lowerBound] == UInt8(ascii: "/") else { return nil }
        guard let question = Self.queryStart(range.lowerBound + 1..<range.upperBound, of: head) else { return nil }
        path = HeadSlice(range.lowerBound..<question)
        if question < range.upperBound { query = HeadSlice(question + 1..<range.upperBound) }
    }

    /// Where the first `?` is, or the range's end; `nil` where a byte belongs to no path or query.
    @inline(__always)
    private static func queryStart(_ range: Range<Int>, of head: borrowing Span<UInt8>) -> Int? {
        var allowed = ByteSet.path
        var question = range.upperBound
        var index = range.lowerBound
        while true {
            index = head.firstIndex(notIn: allowed, from: index, before: range.upperBound)
            guard index < range.upperBound else { return question }
            if head[index] == UInt8(ascii: "?"), question == range.upperBound {
                question = index
                allowed = .query
            } else {
                guard head[index] == UInt8(ascii: "%"),
                    Authority.isPercentEncoding(head.extracting(0..<range.upperBound), at: index)
                else { return nil }
            }
            index += 1
        }
    }

    /// `http://authority/path?query`, of which an empty path means `/`, or `*` with OPTIONS (RFC 9112 section 3.2.4).
    private init?(absolute range: Range<Int>, of head: borrowing Span<UInt8>, method: HTTPMethod) {
        let bytes = head.extracting(range)
        let start: Int
        if bytes.count > 7, bytes.extracting(0..<7).equals(ignoringCase: "http://") {
            start = range.lowerBound + 7
        } else if bytes.count > 8, bytes.extracting(0..<8).equals(ignoringCase: "https://") {
            start = range.lowerBound + 8
        } else {
            return nil
        }
        var end = start
        while end < range.upperBound, head[end] != UInt8(ascii: "/"), head[end] != UInt8(ascii: "?") { end += 1 }
        guard Authority.isValid(head.extracting(start..<end)) else { return nil }
        if end < range.upperBound, head[end] == UInt8(ascii: "/") {
            guard let target = RequestTarget(origin: end..<range.upperBound, of: head) else { return nil }
            self = target
        } else {
            self.init()
            // The last slash of "//" stands for the path that was left out.
            path = HeadSlice(start - 1..<start)
            isAsterisk = end == range.upperBound && method == .options
            if end < range.upperBound {
                guard Self.queryStart(end..<range.upperBound, of: head) != nil else { return nil }
                query = HeadSlice(end + 1..<range.upperBound)
            }
        }
        authority = HeadSlice(start..<end)
    }
}
