/// A request's field section (RFC 9113 section 8.3) as HPACK hands it over, line by line, bounded and checked.
///
/// libnghttp2 has refused already what RFC 9113 calls malformed: pseudo-fields missing, twice or after others,
/// connection-specific fields, `TE` other than trailers, capitals in names. It lets through a Host that is not the
/// authority, userinfo, and any byte in a path. Those are held to the same rules as in HTTP/1.1.
///
/// What is kept is written down as the head of HTTP/1.1 that would say the same, for ``RequestHead`` to point into: the
/// pseudo-fields' values, then the field lines, of which `:authority` as Host is the first.
struct HTTP2FieldSection: Sendable {
    private let limits: HTTPLimits
    /// The stream of the request that is being received, 0 for none: field sections come one at a time.
    private(set) var stream: Int32 = 0
    /// By when it has to be complete.
    private(set) var deadline = UInt64.max
    /// What was read so far.
    private(set) var head = RequestHead()
    private(set) var bytes: [UInt8] = []
    private var hasTarget = false
    private var targetLength = 0
    private var authority: HeadSlice?
    /// The Host line that stands for ``authority`` is written.
    private var hasLines = false
    private var hosts = 0
    /// The sum over all lines of name, value and 32, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2).
    private(set) var size = 0
    /// The first thing that was wrong.
    private var problem: HTTPProblem?

    init(_ limits: HTTPLimits) {
        self.limits = limits
        head.version = .http2
    }

    /// The request on that stream begins.
    mutating func begin(_ stream: Int32, deadline: UInt64) {
        if self.stream != 0 { end() }
        self.stream = stream
        self.deadline = deadline
    }

    /// What a line counts.
    static func size(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) -> Int {
        // Both come out of one header block, whose lengths libnghttp2 bounds at 64 KiB.
        name.count + value.count + 32
    }

    /// Whether a section is so large that its stream gets no 431 but a reset.
    ///
    /// That is at four times the limit and no less than 64 KiB: nobody means well with it.
    func isExcessive(_ size: Int) -> Bool {
        size > max(64 * 1024, 4 * min(limits.fieldSection, 1 << 20))
    }

    /// Takes a line; one that is invalid as a field line refuses the request.
    mutating func append(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, isValid: Bool) {
        size += Self.size(name, value)
        // Compared with `nil`, all of a problem would be copied first.
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

    /// Field lines come from here on: Host is the first where `:authority` stands for it.
    private mutating func beginLines() {
        guard !hasLines else { return }
        hasLines = true
        head.lines = HeadSlice(bytes.count..<bytes.count)
        guard let authority else { return }
        let host: StaticString = "host"
        let name = UnsafeBufferPointer(start: host.utf8Start, count: host.utf8CodeUnitCount)
        // From a copy: what grows must have one owner, or all of it is copied.
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
        head.appendLine(name: start..<colon, value: written.span.trimmed(colon + 1..<end), in: written.span)
        head.lines = HeadSlice(Int(head.lines.start)..<written.count)
    }

    /// Makes sense of the whole section; called once, when it is complete.
    ///
    /// - Throws: the first thing that was wrong, or the problem of a section that is ambiguous or over a limit.
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

    /// Hands over what was read, for the stream's storage in return; no request is being received any more.
    mutating func hand(to stream: inout HTTP2Stream) {
        stream.head = head
        swap(&stream.headBytes, &bytes)
        end()
    }

    /// No request is being received any more: all is forgotten but the storage.
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
