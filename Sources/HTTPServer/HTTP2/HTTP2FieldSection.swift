/// A request's field section (RFC 9113 section 8.3) as HPACK hands it over, line by line, bounded and checked.
///
/// libnghttp2 has refused already what RFC 9113 calls malformed: pseudo-fields missing, twice or after others,
/// connection-specific fields, `TE` other than trailers, capitals in names. It lets through a Host that is not the
/// authority, userinfo, and any byte in a path. Those are held to the same rules as in HTTP/1.1.
struct HTTP2FieldSection: Sendable {
    private var method = HTTPMethod("")
    private var target: RequestTarget?
    private var isAsterisk = false
    private var targetLength = 0
    private var authority: HTTPFields.Line?
    private var hosts = 0
    /// The field lines without pseudo-fields; `:authority` is the Host that HTTP/1.1 would have.
    private(set) var fields = HTTPFields()
    /// The sum over all lines of name, value and 32, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2).
    private(set) var size = 0
    /// The first thing that was wrong.
    private(set) var problem: HTTPProblem?

    init() {}

    /// Whether the method is HEAD, as far as it is known.
    var isHead: Bool { method == .head }

    /// Counts a line; `false` once the section is so large that the stream gets no 431 but a reset.
    ///
    /// That is at four times the limit and no less than 64 KiB: nobody means well with it.
    mutating func count(nameLength: Int, valueLength: Int, _ limits: HTTPLimits) -> Bool {
        // Both come out of one header block, whose lengths libnghttp2 bounds at 64 KiB.
        size += nameLength + valueLength + 32
        return size <= max(64 * 1024, 4 * min(limits.fieldSection, 1 << 20))
    }

    /// Takes a line.
    mutating func append(_ name: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>, _ limits: HTTPLimits) {
        guard problem == nil else { return }
        do throws(HTTPProblem) {
            guard size <= limits.fieldSection else { throw .fieldsTooLarge(limit: limits.fieldSection) }
            if name.count > 0, name[0] == UInt8(ascii: ":") {
                try readPseudoField(name, value, limits)
            } else {
                try readField(name, value, limits)
            }
        } catch {
            problem = error
        }
    }

    /// A line came that is no valid field line.
    mutating func appendInvalid() {
        if problem == nil { problem = .badRequest("Field line \(fields.count + 1) is malformed.") }
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
            method = HTTPMethod(validToken: value)
            targetLength += value.count
        } else if name.equals(":path") {
            targetLength += value.count
            isAsterisk = value.equals("*")
            target = isAsterisk ? nil : RequestTarget(origin: value)
            guard isAsterisk || target != nil else { throw .badRequest("The path is malformed.") }
        } else if name.equals(":scheme") {
            guard value.equals(ignoringCase: "http") || value.equals(ignoringCase: "https") else {
                throw .badRequest("The scheme is neither http nor https.")
            }
        } else if name.equals(":authority") {
            guard Authority.isValid(value) else {
                throw .badRequest("The authority is not a host with or without a port.")
            }
            value.withUnsafeBufferPointer { fields.append("host", $0) }
            authority = fields.lines.last
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
                let bytes = fields.storage.span.extracting(authority.value)
                guard bytes.equals(ignoringCase: value) else {
                    throw .badRequest("Host is not the request target's authority.")
                }
                return
            }
        }
        guard fields.count < limits.fieldCount else { throw .tooManyFields(limit: limits.fieldCount) }
        fields.append(validName: name, validValue: value)
    }

    /// What was read of a section that is refused.
    var partialHead: RequestHead {
        var head = RequestHead()
        head.method = method
        head.version = .http2
        head.target = target ?? (isAsterisk ? .asterisk : .unread)
        head.fields = fields
        return head
    }

    /// Makes sense of the whole section; called once, when it is complete.
    ///
    /// - Throws: ``problem``, or that of a section that is ambiguous or over a limit.
    mutating func head(bodyLimit: Int) throws(HTTPProblem) -> RequestHead {
        if let problem { throw problem }
        guard method != .connect else { throw .notImplemented("CONNECT is not done here.") }
        var head = RequestHead()
        head.method = method
        head.version = .http2
        if let target {
            head.target = target
        } else {
            guard isAsterisk, method == .options else { throw .badRequest("The target does not go with the method.") }
            head.target = .asterisk
        }
        head.fields = fields
        fields = HTTPFields()
        do throws(HTTPProblem) {
            try head.interpret(bodyLimit: bodyLimit)
            if head.expectsUnknown { throw .expectationFailed() }
        } catch {
            // The refusal wants them: its reply has the request's identifier.
            fields = head.fields
            throw error
        }
        return head
    }
}
