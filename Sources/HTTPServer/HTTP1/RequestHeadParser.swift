/// Reads a request's head line by line (RFC 9112 sections 2 to 5), from any split of its bytes.
///
///     HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]
///     request-line = method SP request-target SP HTTP-version
///     field-line   = field-name ":" OWS field-value OWS
///
/// Every line ends in CRLF; bare LF, bare CR, line folding and whitespace around a field's name are errors. The head's
/// slices count from the first byte given to ``parse(_:_:)``, and the caller keeps all bytes until the head is no longer
/// needed. Parsed lines are not parsed again, and the scan for an incomplete line's end resumes where it stopped: the cost
/// of a head is linear, however it is split.
///
/// What runs once for each line or request has one caller and is inlined into it.
struct RequestHeadParser: BitwiseCopyable, Sendable {
    /// The head so far, complete once ``parse(_:_:)`` has returned `true`; alone in an array, to be lent as a span.
    private(set) var heads: [1 of RequestHead] = [RequestHead()]
    /// The same.
    var head: RequestHead {
        @inline(__always) get { heads[0] }
        @inline(__always) _modify { yield &heads[0] }
    }
    /// Where the first unparsed line begins; the head's length once it is complete.
    private(set) var lineStart = 0
    /// How many bytes of that line were scanned and hold no line feed.
    private(set) var scanned = 0
    /// Where the line's first byte is that no field value can have; `nil` while there is none among those scanned.
    ///
    /// In a well-formed line it is the carriage return at the end: finding it checks a field's value as well.
    private var control: Int?
    /// Whether the request line was parsed; empty lines before it are ignored.
    private(set) var hasStarted = false
    private var emptyLines = 0

    /// Empty lines tolerated before a request line (RFC 9112 section 2.2).
    static let emptyLineLimit = 2

    /// Begins the next head.
    mutating func removeAll() {
        head.removeAll()
        lineStart = 0
        scanned = 0
        control = nil
        hasStarted = false
        emptyLines = 0
    }

    /// Whether all of `count` received bytes were scanned, and more are needed.
    func isStarved(with count: Int) -> Bool { lineStart + scanned == count }

    /// Parses all complete lines; returns whether the head is complete.
    ///
    /// - Parameter bytes: all bytes received from the head's first on.
    /// - Throws: the problem of the first line that is malformed or over a limit; the same for every split.
    mutating func parse(_ bytes: borrowing Span<UInt8>, _ limits: HTTPLimits) throws(HTTPProblem) -> Bool {
        while let lineFeed = findLineFeed(bytes) {
            let start = lineStart
            let isClean = control == lineFeed - 1
            scanned = 0
            control = nil
            try checkLength(lineFeed + 1 - start, bytes, limits)
            guard lineFeed > start, bytes[lineFeed - 1] == .carriageReturn else {
                throw .badRequest("A line ends without a carriage return.")
            }
            lineStart = lineFeed + 1
            let line = start..<lineFeed - 1
            if !hasStarted {
                try readRequestLine(line, of: bytes)
            } else if line.isEmpty {
                return true
            } else {
                try readFieldLine(line, of: bytes, isClean: isClean, limits)
            }
        }
        scanned = bytes.count - lineStart
        // The incomplete line will have at least a line feed more.
        if scanned > 0 { try checkLength(scanned + 1, bytes, limits) }
        return false
    }

    /// Where the next line ends, from the first byte on that was not scanned; `nil` where there is no line feed yet.
    @inline(__always)
    private mutating func findLineFeed(_ bytes: borrowing Span<UInt8>) -> Int? {
        var index = lineStart + scanned
        if control == nil {
            index = bytes.firstControl(from: index)
            guard index < bytes.count else { return nil }
            control = index
            // Nearly always the end of the line.
            if bytes[index] == .carriageReturn, index + 1 < bytes.count { index += 1 }
        }
        if index < bytes.count, bytes[index] == .lineFeed { return index }
        return bytes.firstIndex(of: .lineFeed, from: index)
    }

    /// Checks the length of the line that begins at ``lineStart``.
    ///
    /// A request line that is too long is 414 where its target is what makes it so (RFC 9112 section 3). Without a
    /// method and a space within the limit it is no request line at all. Only that many bytes decide, so that it makes no
    /// difference how many more have come.
    private func checkLength(
        _ length: Int, _ bytes: borrowing Span<UInt8>, _ limits: HTTPLimits
    ) throws(HTTPProblem) {
        if !hasStarted {
            guard length > limits.requestLine else { return }
            let end = min(bytes.count, lineStart + max(0, limits.requestLine))
            guard Self.methodEnd(lineStart..<end, of: bytes) != nil else {
                throw .badRequest("The request line does not begin with a method and one space.")
            }
            throw .uriTooLong(limit: limits.requestLine)
        } else if length > 2, head.lines.count + length > limits.fieldSection {
            // The two bytes of the empty line at the end are no field line.
            throw .fieldsTooLarge(limit: limits.fieldSection)
        }
    }

    @inline(__always)
    private mutating func readRequestLine(_ line: Range<Int>, of bytes: borrowing Span<UInt8>) throws(HTTPProblem) {
        guard !line.isEmpty else {
            emptyLines += 1
            guard emptyLines <= Self.emptyLineLimit else { throw .badRequest("Too many empty lines.") }
            return
        }
        guard let methodEnd = Self.methodEnd(line, of: bytes) else {
            throw .badRequest("The request line does not begin with a method and one space.")
        }
        guard let targetEnd = bytes.firstIndex(of: .space, from: methodEnd + 1), targetEnd > methodEnd + 1,
            targetEnd < line.upperBound
        else {
            throw .badRequest("The request line is not a method, a target and a version with one space between.")
        }
        head.version = try Self.version(bytes.extracting(targetEnd + 1..<line.upperBound))
        head.method = HTTPMethod(bytes.extracting(line.lowerBound..<methodEnd))
        head.methodToken = HeadSlice(line.lowerBound..<methodEnd)
        guard let target = RequestTarget(methodEnd + 1..<targetEnd, of: bytes, method: head.method) else {
            throw .badRequest("The request target is malformed or does not go with the method.")
        }
        head.target = target
        head.lines = HeadSlice(lineStart..<lineStart)
        hasStarted = true
    }

    /// Where the method ends that the line begins with; `nil` where it begins with no token and one space.
    @inline(__always)
    private static func methodEnd(_ line: Range<Int>, of bytes: borrowing Span<UInt8>) -> Int? {
        let end = bytes.firstIndex(notIn: .token, from: line.lowerBound, before: line.upperBound)
        return end > line.lowerBound && end < line.upperBound && bytes[end] == .space ? end : nil
    }

    /// `HTTP-version = "HTTP" "/" DIGIT "." DIGIT` (RFC 9112 section 2.3), case-sensitive.
    ///
    /// A higher minor version is spoken to as 1.1 (RFC 9110 section 2.5). HTTP/2's preface ends here when it comes to
    /// a session of HTTP/1.1: `PRI * HTTP/2.0` is a well-formed line of another major version.
    @inline(__always)
    private static func version(_ bytes: borrowing Span<UInt8>) throws(HTTPProblem) -> HTTPVersion {
        if bytes.equals("HTTP/1.1") { return .http1_1 }
        guard bytes.count == 8, bytes.extracting(0..<5).equals("HTTP/"), bytes[6] == UInt8(ascii: "."),
            let major = bytes[5].decimalValue, let minor = bytes[7].decimalValue
        else { throw .badRequest("The request line does not end in a version of HTTP.") }
        guard major == 1 else { throw .versionNotSupported("HTTP/\(major).\(minor) is not spoken here.") }
        return minor == 0 ? .http1_0 : .http1_1
    }

    /// A colon right after a token, and a value of bytes that a value can have: then the whole line `isClean`, as what a
    /// value cannot have is in no token either.
    @inline(__always)
    private mutating func readFieldLine(
        _ line: Range<Int>, of bytes: borrowing Span<UInt8>, isClean: Bool, _ limits: HTTPLimits
    ) throws(HTTPProblem) {
        guard head.lineCount < limits.fieldCount else { throw .tooManyFields(limit: limits.fieldCount) }
        guard isClean, let colon = bytes.firstIndex(of: UInt8(ascii: ":"), from: line.lowerBound),
            colon > line.lowerBound, colon < line.upperBound,
            head.appendLine(
                name: line.lowerBound..<colon, value: bytes.trimmed(colon + 1..<line.upperBound), in: bytes)
        else { throw .badRequest("Field line \(head.lineCount + 1) is malformed.") }
        let lines = Int(head.lines.start)..<lineStart
        head.lines = HeadSlice(lines)
    }
}
