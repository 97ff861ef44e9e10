/// A request's field section (RFC 9113 section 8.3) as HPACK hands it over, line by line, bounded and checked.
///
/// libnghttp2 has refused already what RFC 9113 calls malformed: pseudo-fields missing, twice or after others,
/// connection-specific fields, `TE` other than trailers, capitals in names. It lets through a Host that is not the
/// authority, userinfo, and any byte in a path. Those are held to the same rules as in HTTP/1.1.
struct HTTP2FieldSection: Sendable {
    /// The stream of the request that is being received, 0 for none: field sections come one at a time.
    private(set) var stream: Int32 = 0
    /// By when it has to be complete.
    private(set) var deadline = UInt64.max
    /// What was read so far: method, target and the field lines without pseudo-fields; `:authority` is the Host that
    /// HTTP/1.1 would have.
    private(set) var head: RequestHead
    private var targetLength = 0
    private var authority: HTTPFields.Line?
    private var hosts = 0
    /// The sum over all lines of name, value and 32, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2).
    private(set) var size = 0
    /// The first thing that was wrong.
    private var problem: HTTPProblem?
    private var isRefused = false

    init() {
        head = RequestHead()
        head.version = .http2
    }

    /// The request on that stream begins.
    mutating func begin(_ stream: Int32, deadline: UInt64) {
        if self.stream != 0 { self = HTTP2FieldSection() }
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
    static func isExcessive(_ size: Int, _ limits: HTTPLimits) -> Bool {
        size > max(64 * 1024, 4 * min(limits.fieldSection, 1 << 20))
    }

    /// Takes a line; one that is invalid as a field line refuses the request.
    mutating func append(
        _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, isValid: Bool, _ limits: HTTPLimits
    ) {
        size += Self.size(name, value)
        guard !isRefused else { return }
        if head.fields.lines.isEmpty { head.fields.reserve(bytes: 256) }
        do throws(HTTPProblem) {
            guard isValid else { throw .badRequest("Field line \(head.fields.count + 1) is malformed.") }
            guard size <= limits.fieldSection else { throw .fieldsTooLarge(limit: limits.fieldSection) }
            if name.count > 0, name[0] == UInt8(ascii: ":") {
                try readPseudoField(name, value, limits)
            } else {
                try readField(name, value, limits)
            }
        } catch {
            problem = error
            isRefused = true
        }
    }

    private mutating func readPseudoField(
        _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, _ limits: HTTPLimits
    ) throws(HTTPProblem) {
        if name.equals(":method") {
            guard value.count > 0 else { throw .badRequest("The method is no token.") }
            let token = ByteSet.token
            for index in value.indices where !token.contains(value[index]) {
                throw .badRequest("The method is no token.")
            }
            head.method = HTTPMethod(validToken: value)
            targetLength += value.count
        } else if name.equals(":path") {
            targetLength += value.count
            guard let target = value.equals("*") ? .asterisk : RequestTarget(origin: value) else {
                throw .badRequest("The path is malformed.")
            }
            head.target = target
        } else if name.equals(":scheme") {
            guard value.equals(ignoringCase: "http") || value.equals(ignoringCase: "https") else {
                throw .badRequest("The scheme is neither http nor https.")
            }
        } else if name.equals(":authority") {
            guard Authority.isValid(value) else {
                throw .badRequest("The authority is not a host with or without a port.")
            }
            value.withUnsafeBufferPointer { head.fields.append("host", $0) }
            authority = head.fields.lines.last
        }
        // What HTTP/1.1 has in its request line: method, two spaces, target, version, CRLF.
        guard targetLength + 12 <= limits.requestLine else { throw .uriTooLong(limit: limits.requestLine) }
    }

    private mutating func readField(
        _ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, _ limits: HTTPLimits
    ) throws(HTTPProblem) {
        if name.equals("host") {
            hosts += 1
            guard hosts == 1 else { throw .badRequest("There is more than one Host.") }
            if let authority {
                let bytes = head.fields.storage.span.extracting(authority.value)
                guard bytes.equals(ignoringCase: value) else {
                    throw .badRequest("Host is not the request target's authority.")
                }
                return
            }
        }
        guard head.fields.count < limits.fieldCount else { throw .tooManyFields(limit: limits.fieldCount) }
        // Capitals are invalid (RFC 9113 section 8.2.1): the name needs no other case.
        let start = head.fields.storage.count
        head.fields.storage.write(atMost: name.count + value.count) { writer in
            writer.append(name)
            writer.append(value)
        }
        head.fields.lines.append(
            HTTPFields.Line(
                nameStart: start, nameEnd: start + name.count, valueEnd: start + name.count + value.count))
    }

    /// Makes sense of the whole section; called once, when it is complete.
    ///
    /// - Throws: the first thing that was wrong, or the problem of a section that is ambiguous or over a limit.
    mutating func interpret(bodyLimit: Int) throws(HTTPProblem) {
        if isRefused, let problem { throw problem }
        guard head.method != .connect else { throw .notImplemented("CONNECT is not done here.") }
        guard !head.target.path.isEmpty, head.target.path != "*" || head.method == .options else {
            throw .badRequest("The target does not go with the method.")
        }
        try head.interpret(bodyLimit: bodyLimit)
        if head.expectsUnknown { throw .expectationFailed() }
    }

    /// Hands the head over, as far as it was read; no request is being received any more.
    mutating func takeHead() -> RequestHead {
        let taken = head
        self = HTTP2FieldSection()
        return taken
    }
}
