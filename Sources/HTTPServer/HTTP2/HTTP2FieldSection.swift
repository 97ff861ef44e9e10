/// A request's field section (RFC 9113 section 8.3), validated and bounded line by line as HPACK decodes it.
///
/// libnghttp2 refuses what RFC 9113 calls malformed: pseudo-fields missing, repeated or after others, connection-specific
/// fields, `TE` other than trailers, capitals in names. It accepts a Host that differs from the authority, userinfo, and any
/// byte in a path. For those the rules of HTTP/1.1 apply.
///
/// ``bytes`` hold the section in the form of an HTTP/1.1 head, as ``RequestHead`` needs it: the pseudo-fields' values, then
/// the field lines, the first of which is a Host with the value of `:authority`.
struct HTTP2FieldSection: Sendable {
    private let limits: HTTPLimits
    /// The stream whose section is being received, 0 for none: sections are not interleaved (RFC 9113 section 4.3).
    private(set) var stream: Int32 = 0
    /// The deadline for its end.
    private(set) var deadline = UInt64.max
    /// The head so far.
    private(set) var head = RequestHead()
    private(set) var bytes: [UInt8] = []
    private var hasTarget = false
    private var targetLength = 0
    private var authority: HeadSlice?
    /// Field lines have begun: the Host line with ``authority`` is written.
    private var hasLines = false
    private var hosts = 0
    /// The sum over all lines of name, value and 32, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2).
    private(set) var size = 0
    /// The first problem found.
    private var problem: HTTPProblem?

    init(_ limits: HTTPLimits) {
        self.limits = limits
        head.version = .http2
    }

    /// A request's section begins on that stream.
    mutating func begin(_ stream: Int32, deadline: UInt64) {
        if self.stream != 0 { end() }
        self.stream = stream
        self.deadline = deadline
    }

    /// What a line adds to ``size``.
    static func size(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) -> Int {
        // libnghttp2 bounds both at 64 KiB.
        name.count + value.count + 32
    }

    /// Whether a section is so large that its stream is reset instead of answered with 431: above four times the limit, and
    /// above 64 KiB.
    func isExcessive(_ size: Int) -> Bool {
        size > max(64 * 1024, 4 * min(limits.fieldSection, 1 << 20))
    }

    /// Appends a line; an invalid one makes the request malformed.
    mutating func append(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, isValid: Bool) {
        size += Self.size(name, value)
        // Matched, since a comparison with `nil` copies the whole problem.
        if case .some = problem { return }
        do throws(HTTPProblem) {
            guard isValid else {
                beginLines()
                throw .badRequest("Field line \(head.lineCount + 1) is malformed.")
            }
            guard size <= limits.fieldSection else { throw .fieldsTooLarge(limit: limits.fieldSection) }
            if name.count > 0, name[0] == UInt8(ascii: ":") {
                try readPseudoField(name, value)
            } else {
                try readField(name, value)
            }
        } catch {
            problem = error
        }
    }

    private mutating func readPseudoField(
        _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>
    ) throws(HTTPProblem) {
        if name.equals(":method") {
            guard ResponseHead.isToken(value) else { throw .badRequest("The method is no token.") }
            head.method = HTTPMethod(value)
            head.methodToken = keep(value)
            targetLength += value.count
        } else if name.equals(":path") {
            targetLength += value.count
            let slice = keep(value)
            let target =
                value.equals("*")
                ? RequestTarget(slice.range, of: bytes.span, method: .options)
                : RequestTarget(origin: slice.range, of: bytes.span)
            guard let target else { throw .badRequest("The path is malformed.") }
            head.target = target
            hasTarget = true
        } else if name.equals(":scheme") {
            guard value.equals(ignoringCase: "http") || value.equals(ignoringCase: "https") else {
                throw .badRequest("The scheme is neither http nor https.")
            }
        } else if name.equals(":authority") {
            guard Authority.isValid(value) else {
                throw .badRequest("The authority is not a host with or without a port.")
            }
            authority = keep(value)
        }
        // What HTTP/1.1 has in its request line: method, two spaces, target, version, CRLF.
        guard targetLength + 12 <= limits.requestLine else { throw .uriTooLong(limit: limits.requestLine) }
    }

    private mutating func readField(
        _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>
    ) throws(HTTPProblem) {
        beginLines()
        if name.equals("host") {
            hosts += 1
            guard hosts == 1 else { throw .badRequest("There is more than one Host.") }
            if let authority {
                guard bytes.span.extracting(authority.range).equals(ignoringCase: value) else {
                    throw .badRequest("Host is not the request target's authority.")
                }
                return
            }
        }
        guard head.lineCount < limits.fieldCount else { throw .tooManyFields(limit: limits.fieldCount) }
        appendLine(name, value)
    }

    /// Keeps a pseudo-field's value.
    private mutating func keep(_ value: borrowing Span<UInt8>) -> HeadSlice {
        let start = bytes.count
        bytes.append(value)
        return HeadSlice(start..<bytes.count)
    }

    /// Begins the field lines, with Host from `:authority`.
    private mutating func beginLines() {
        guard !hasLines else { return }
        hasLines = true
        head.lines = HeadSlice(bytes.count..<bytes.count)
        guard let authority else { return }
        let host: StaticString = "host"
        let name = UnsafeBufferPointer(start: host.utf8Start, count: host.utf8CodeUnitCount)
        // From a copy, since appending to an array while a slice refers to it would copy all of it.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: authority.count) { value in
            _ = value.initialize(fromContentsOf: bytes[authority.range])
            appendLine(name.span, UnsafeBufferPointer(value).span)
        }
    }

    private mutating func appendLine(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) {
        let start = bytes.count
        let colon = start + name.count
        let end = colon + 1 + value.count
        bytes.write(atMost: name.count + value.count + 3) { line in
            line.append(name)
            line.append(UInt8(ascii: ":"))
            line.append(value)
            line.append("\r\n")
        }
        let written = bytes
        _ = head.appendLine(name: start..<colon, value: written.span.trimmed(colon + 1..<end), in: written.span)
        head.lines = HeadSlice(Int(head.lines.start)..<written.count)
    }

    /// Interprets the complete section; called once.
    ///
    /// - Throws: the first problem found, or that of a section that is ambiguous or over a limit.
    mutating func interpret() throws(HTTPProblem) {
        beginLines()
        if case .some(let problem) = problem { throw problem }
        guard head.method != .connect else { throw .notImplemented("CONNECT is not done here.") }
        guard hasTarget, !head.target.isAsterisk || head.method == .options else {
            throw .badRequest("The target does not go with the method.")
        }
        let bytes = bytes
        try head.interpret(bytes.span, bodyLimit: limits.body)
        if head.expectsUnknown { throw .expectationFailed() }
    }

    /// Ends the section, and moves it to its stream in exchange for the stream's storage.
    mutating func move(to stream: inout HTTP2Stream) {
        stream.head = head
        swap(&stream.headBytes, &bytes)
        end()
    }

    /// Ends the section; only the storage is kept.
    mutating func end() {
        stream = 0
        deadline = .max
        head.removeAll()
        head.version = .http2
        if !bytes.isEmpty { bytes.removeAll(keepingCapacity: true) }
        hasTarget = false
        targetLength = 0
        authority = nil
        hasLines = false
        hosts = 0
        size = 0
        problem = nil
    }
}
