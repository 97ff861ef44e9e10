/// Reads a request's head line by line (RFC 9112 sections 2 to 5), from any split of its bytes.
///
///     HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
///     request-line = method SP request-target SP HTTP-version
///     field-line   = field-name ":" OWS field-value OWS
///
/// Every line ends in CRLF; a line feed alone, a carriage return elsewhere, a folded line and space around a field's
/// name are errors, not variants. Lines are consumed as they complete, and how far the search for an incomplete
/// line's end got is remembered: a head that comes byte by byte costs as much as one that comes whole.
struct RequestHeadParser: Sendable {
    /// What was read so far; complete once ``parse(_:limits:)`` says so.
    private(set) var head = RequestHead()
    private var hasRequestLine = false
    private var emptyLines = 0
    private var fieldBytes = 0
    /// How many bytes of the incomplete line are known to hold no line feed.
    private var scanned = 0
    /// How many bytes were looked at in search of this head's line feeds, those looked at twice counted twice.
    private(set) var searched = 0

    /// Empty lines tolerated before a request line (RFC 9112 section 2.2).
    static let emptyLineLimit = 2

    /// Whether any of a request was consumed; empty lines before it are none of it.
    var hasStarted: Bool { hasRequestLine }

    /// Whether all of `count` bytes, those that were received and not consumed, were looked at and do not end a line.
    func isStarved(with count: Int) -> Bool { scanned == count }

    /// Reads what is there.
    ///
    /// - Parameter bytes: all that was received after what earlier calls consumed.
    /// - Returns: how many bytes were consumed, and whether they end the head.
    /// - Throws: the problem of the first line that is malformed or over a limit. The same for every split.
    mutating func parse(
        _ bytes: borrowing Span<UInt8>, limits: HTTPLimits
    ) throws(HTTPProblem) -> (consumed: Int, isComplete: Bool) {
        var start = 0
        while let lineFeed = findLineFeed(in: bytes, from: start + scanned) {
            scanned = 0
            let length = lineFeed + 1 - start
            try checkLength(length, of: bytes.extracting(start..<bytes.count), limits)
            guard length >= 2, bytes[lineFeed - 1] == .carriageReturn else {
                throw .badRequest("A line ends without a carriage return.")
            }
            let line = bytes.extracting(start..<lineFeed - 1)
            start = lineFeed + 1
            if !hasRequestLine {
                try readRequestLine(line, fieldSpace: bytes.count - start, limits)
            } else if line.count == 0 {
                return (start, true)
            } else {
                fieldBytes += length
                try readFieldLine(line, limits)
            }
        }
        scanned = bytes.count - start
        // The line is at least one line feed longer than what is there.
        if scanned > 0 { try checkLength(scanned + 1, of: bytes.extracting(start..<bytes.count), limits) }
        return (start, false)
    }

    private mutating func findLineFeed(in bytes: borrowing Span<UInt8>, from start: Int) -> Int? {
        let found = bytes.firstIndex(of: .lineFeed, from: start)
        searched &+= (found.map { $0 + 1 } ?? bytes.count) - start
        return found
    }

    /// Makes sense of a complete head: ``RequestHead/interpret(bodyLimit:)``.
    mutating func interpret(bodyLimit: Int) throws(HTTPProblem) { try head.interpret(bodyLimit: bodyLimit) }

    /// What was read; the parser is at the beginning of the next head.
    mutating func takeHead() -> RequestHead {
        let taken = head
        self = RequestHeadParser()
        return taken
    }

    /// Checks the length of the line that `bytes` begin with.
    ///
    /// A request line that is too long is 414 where its target is what makes it so (RFC 9112 section 3). Without a
    /// method and a space within the limit it is no request line at all. Only that many bytes decide, so that it makes no
    /// difference how many more have come.
    private func checkLength(
        _ length: Int, of bytes: borrowing Span<UInt8>, _ limits: HTTPLimits
    ) throws(HTTPProblem) {
        if !hasRequestLine {
            guard length > limits.requestLine else { return }
            let end = Self.methodEnd(bytes.extracting(0..<min(bytes.count, max(0, limits.requestLine))))
            guard end != nil else {
                throw .badRequest("The request line does not begin with a method and one space.")
            }
            throw .uriTooLong(limit: limits.requestLine)
        } else if length > 2, fieldBytes + length > limits.fieldSection {
            // The two bytes of the empty line at the end are no field line.
            throw .fieldsTooLarge(limit: limits.fieldSection)
        }
    }

    private mutating func readRequestLine(
        _ line: borrowing Span<UInt8>, fieldSpace: Int, _ limits: HTTPLimits
    ) throws(HTTPProblem) {
        guard line.count > 0 else {
            emptyLines += 1
            guard emptyLines <= Self.emptyLineLimit else { throw .badRequest("Too many empty lines.") }
            return
        }
        guard let methodEnd = Self.methodEnd(line) else {
            throw .badRequest("The request line does not begin with a method and one space.")
        }
        guard let targetEnd = line.firstIndex(of: .space, from: methodEnd + 1), targetEnd > methodEnd + 1 else {
            throw .badRequest("The request line is not a method, a target and a version with one space between.")
        }
        head.version = try version(line.extracting(targetEnd + 1..<line.count))
        head.method = HTTPMethod(validToken: line.extracting(0..<methodEnd))
        let bytes = line.extracting(methodEnd + 1..<targetEnd)
        guard let target = RequestTarget(bytes, method: head.method) else {
            throw .badRequest("The request target is malformed or does not go with the method.")
        }
        head.target = target
        hasRequestLine = true
        // Most heads are here whole by now: room for their fields, bounded by what was received and by the limit.
        head.fields.reserve(bytes: min(fieldSpace, limits.fieldSection, 4096))
    }

    /// Where the method ends that the line begins with; `nil` where it begins with no token and one space.
    private static func methodEnd(_ line: borrowing Span<UInt8>) -> Int? {
        let token = ByteSet.token
        var end = 0
        while end < line.count, token.contains(line[end]) { end += 1 }
        return end > 0 && end < line.count && line[end] == .space ? end : nil
    }

    /// `HTTP-version = "HTTP" "/" DIGIT "." DIGIT` (RFC 9112 section 2.3), case-sensitive.
    ///
    /// A higher minor version is spoken to as 1.1 (RFC 9110 section 2.5). HTTP/2's preface ends here when it comes to
    /// a session of HTTP/1.1: `PRI * HTTP/2.0` is a well-formed line of another major version.
    private func version(_ bytes: borrowing Span<UInt8>) throws(HTTPProblem) -> HTTPVersion {
        guard bytes.count == 8, bytes.extracting(0..<5).equals("HTTP/"), bytes[6] == UInt8(ascii: "."),
            let major = bytes[5].decimalValue, let minor = bytes[7].decimalValue
        else { throw .badRequest("The request line does not end in a version of HTTP.") }
        guard major == 1 else { throw .versionNotSupported("HTTP/\(major).\(minor) is not spoken here.") }
        return minor == 0 ? .http1_0 : .http1_1
    }

    private mutating func readFieldLine(_ line: borrowing Span<UInt8>, _ limits: HTTPLimits) throws(HTTPProblem) {
        guard head.fields.count < limits.fieldCount else { throw .tooManyFields(limit: limits.fieldCount) }
        guard let field = FieldLine(line) else {
            throw .badRequest("Field line \(head.fields.count + 1) is malformed.")
        }
        head.fields.append(validName: line.extracting(field.name), validValue: line.extracting(field.value))
    }
}

/// Where a field line's name and value are, in heads (RFC 9112 section 5).
struct FieldLine {
    let name: Range<Int>
    let value: Range<Int>

    /// `nil` for a line without a colon right after a token, or with a byte that no field value has.
    init?(_ line: borrowing Span<UInt8>) {
        let token = ByteSet.token
        var colon = 0
        while colon < line.count, token.contains(line[colon]) { colon += 1 }
        guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else { return nil }
        for index in colon + 1..<line.count where !line[index].isFieldValueByte { return nil }
        name = 0..<colon
        value = line.trimmed(colon + 1..<line.count)
    }
}
