/// Where a request's body ends (RFC 9112 section 6.3).
package enum RequestFraming: BitwiseCopyable, Sendable, Equatable {
    /// There is no body.
    case empty
    /// After so many bytes, more than 0.
    case length(Int)
    /// After the last chunk and the trailer section.
    case chunked
}

/// A request's head, as slices of the bytes that it was received in.
///
/// The head does not own those bytes, which are in the event loop's read buffer or stored by the connection or the stream;
/// each method gets them as an argument. Field lines are in the form of HTTP/1.1, `name: value` with CRLF, in the order
/// received; HTTP/2 writes its fields in that form. Of fields that the server itself needs, the first value's slice is
/// kept; others are found by iterating over the lines.
package struct RequestHead: BitwiseCopyable, Sendable {
    /// A field whose first value's slice is kept.
    package enum Field: UInt8, CaseIterable {
        case accept, connection, contentEncoding, contentLength, contentType, expect, forwarded, forwardedFor, host
        case http2Settings, origin, requestID, traceparent, transferEncoding, upgrade, userAgent

        /// In lower case.
        package var name: StaticString {
            switch self {
            case .accept: "accept"
            case .connection: "connection"
            case .contentEncoding: "content-encoding"
            case .contentLength: "content-length"
            case .contentType: "content-type"
            case .expect: "expect"
            case .forwarded: "forwarded"
            case .forwardedFor: "x-forwarded-for"
            case .host: "host"
            case .http2Settings: "http2-settings"
            case .origin: "origin"
            case .requestID: "x-request-id"
            case .traceparent: "traceparent"
            case .transferEncoding: "transfer-encoding"
            case .upgrade: "upgrade"
            case .userAgent: "user-agent"
            }
        }

        /// The field of that name, a token in either case.
        @inline(__always)
        init?(name: borrowing Span<UInt8>) {
            // Each name is compared as a literal, which becomes numbers to compare words with.
            let field: Field? =
                switch name.count {
                case 4: name.equals(ignoringCase: "host") ? .host : nil
                case 6:
                    name.equals(ignoringCase: "accept")
                        ? .accept
                        : name.equals(ignoringCase: "expect")
                            ? .expect : name.equals(ignoringCase: "origin") ? .origin : nil
                case 7: name.equals(ignoringCase: "upgrade") ? .upgrade : nil
                case 9: name.equals(ignoringCase: "forwarded") ? .forwarded : nil
                case 10:
                    name.equals(ignoringCase: "connection")
                        ? .connection : name.equals(ignoringCase: "user-agent") ? .userAgent : nil
                case 11: name.equals(ignoringCase: "traceparent") ? .traceparent : nil
                case 12:
                    name.equals(ignoringCase: "content-type")
                        ? .contentType : name.equals(ignoringCase: "x-request-id") ? .requestID : nil
                case 14:
                    name.equals(ignoringCase: "content-length")
                        ? .contentLength : name.equals(ignoringCase: "http2-settings") ? .http2Settings : nil
                case 15: name.equals(ignoringCase: "x-forwarded-for") ? .forwardedFor : nil
                case 16: name.equals(ignoringCase: "content-encoding") ? .contentEncoding : nil
                case 17: name.equals(ignoringCase: "transfer-encoding") ? .transferEncoding : nil
                default: nil
                }
            guard let field else { return nil }
            self = field
        }
    }

    package var method = HTTPMethod.other
    package var version = HTTPVersion.http1_1
    /// The method's token; empty before it was read.
    package var methodToken = HeadSlice()
    package var target = RequestTarget()
    /// The field lines read so far, each with its line end.
    package var lines = HeadSlice()
    /// The number of ``lines``.
    package private(set) var lineCount = 0
    // A bit for each ``Field`` that is present, and for each that is present more than once.
    private var present: UInt16 = 0
    private var repeated: UInt16 = 0
    private var values = InlineArray<16, HeadSlice>(repeating: HeadSlice())

    /// Where the body ends; `nil` before ``interpret(_:bodyLimit:)``, and where that cannot be told.
    package private(set) var framing: RequestFraming?
    /// Whether the client wants the connection kept (RFC 9112 section 9.3).
    package private(set) var keepsAlive = false
    /// Whether the client waits for 100 before it sends the body (RFC 9110 section 10.1.1).
    package private(set) var expectsContinue = false
    /// Whether `Expect` holds anything else.
    package private(set) var expectsUnknown = false

    /// An empty head.
    package init() {}

    /// Becomes an empty head.
    ///
    /// Values' slices are not cleared, as ``present`` tells which are valid: clearing them would be most of the cost.
    mutating func removeAll() {
        method = .other
        version = .http1_1
        methodToken = HeadSlice()
        target = RequestTarget()
        lines = HeadSlice()
        lineCount = 0
        present = 0
        repeated = 0
        framing = nil
        keepsAlive = false
        expectsContinue = false
        expectsUnknown = false
    }

    /// The longest unwanted body that is read and discarded to keep its connection, bytes.
    static let shortBody = 64 * 1024

    /// Whether an unwanted body is read and discarded, so that the connection can be kept: it is known to be short, and is
    /// being sent.
    ///
    /// A client that waits for 100 may or may not send its body after a final response (RFC 9110 section 10.1.1), so that
    /// the next bytes on its connection are ambiguous.
    package var isBodyWorthReading: Bool {
        if case .length(let length) = framing { length <= Self.shortBody && !expectsContinue } else { false }
    }

    /// The path in origin form; `*` for the asterisk form, empty for the authority form.
    @_lifetime(copy bytes)
    @inline(__always)
    package func path(in bytes: Span<UInt8>) -> Span<UInt8> {
        // An absolute form with an empty path means `*` in OPTIONS, which is then not among the bytes received.
        target.isAsterisk ? Self.asterisk : bytes.extracting(target.path.range)
    }

    private static var asterisk: Span<UInt8> {
        @_lifetime(immortal) get {
            let text: StaticString = "*"
            return _overrideLifetime(UnsafeBufferPointer(start: text.utf8Start, count: 1).span, copying: ())
        }
    }

    // MARK: Field lines

    /// Adds a field line, whose value is valid and trimmed; `false` where its name is no token.
    @inline(__always)
    package mutating func appendLine(name: Range<Int>, value: Range<Int>, in bytes: borrowing Span<UInt8>) -> Bool {
        // A known field's name is a token.
        guard let field = Field(name: bytes.extracting(name)) else {
            let isToken =
                bytes.firstIndex(notIn: .token, from: name.lowerBound, before: name.upperBound)
                == name.upperBound
            lineCount += isToken ? 1 : 0
            return isToken
        }
        lineCount += 1
        let bit: UInt16 = 1 << UInt16(field.rawValue)
        if present & bit == 0 {
            present |= bit
            values[Int(field.rawValue)] = HeadSlice(value)
        } else {
            repeated |= bit
        }
        return true
    }

    /// Whether there is a line of that field.
    @inline(__always)
    package func has(_ field: Field) -> Bool { present & 1 << UInt16(field.rawValue) != 0 }

    /// Whether there is more than one.
    @inline(__always)
    private func isRepeated(_ field: Field) -> Bool { repeated & 1 << UInt16(field.rawValue) != 0 }

    /// The first line's value; `nil` where there is none.
    @inline(__always)
    package func first(_ field: Field) -> HeadSlice? { has(field) ? values[Int(field.rawValue)] : nil }

    /// The only line's value; `nil` where there is none or more than one.
    @inline(__always)
    package func only(_ field: Field) -> HeadSlice? { isRepeated(field) ? nil : first(field) }

    /// Calls `body` with the value of every line of that field, in order.
    func forEachValue(of field: Field, in bytes: borrowing Span<UInt8>, _ body: (Range<Int>) -> Void) {
        guard let first = first(field) else { return }
        if !isRepeated(field) {
            body(first.range)
            return
        }
        forEachLine(in: bytes) { bytes, name, value in
            if bytes.extracting(name).equals(ignoringCase: field.name) { body(value) }
        }
    }

    /// Calls `body` with the name and the trimmed value of every line, in order.
    package func forEachLine(
        in bytes: borrowing Span<UInt8>, _ body: (Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>) -> Void
    ) {
        let bytes = copy bytes
        var start = Int(lines.start)
        while start < Int(lines.end) {
            // Lines were validated when they were added.
            guard let colon = bytes.firstIndex(of: UInt8(ascii: ":"), from: start),
                let end = bytes.firstIndex(of: .carriageReturn, from: colon)
            else { preconditionFailure("a head's lines have names and ends") }
            body(bytes, start..<colon, bytes.trimmed(colon + 1..<end))
            start = end + 2
        }
    }

    /// Whether a list-valued field holds that token, in either case (RFC 9110 section 5.6.1).
    ///
    /// All lines of the field make one list (RFC 9110 section 5.3): `Connection: foo, CLOSE` holds `close`.
    package func hasToken(_ field: Field, _ token: StaticString, in bytes: borrowing Span<UInt8>) -> Bool {
        let bytes = copy bytes
        var found = false
        forEachValue(of: field, in: bytes) { value in
            bytes.forEachListElement(in: value) { element in
                found = found || bytes.extracting(element).equals(ignoringCase: token)
                return !found
            }
        }
        return found
    }

    // MARK: Message framing and connection

    /// Reads the fields that concern the connection; called once the head is complete.
    ///
    /// - Throws: the problem of a head that is ambiguous or over a limit, after which the connection cannot go on.
    package mutating func interpret(_ bytes: borrowing Span<UInt8>, bodyLimit: Int) throws(HTTPProblem) {
        try checkHost(bytes)
        framing = try bodyFraming(bytes, limit: bodyLimit)
        if has(.connection) {
            let closes = hasToken(.connection, "close", in: bytes)
            keepsAlive = !closes && (version == .http1_1 || hasToken(.connection, "keep-alive", in: bytes))
        } else {
            keepsAlive = version == .http1_1
        }
        // HTTP/1.0 has neither expectations nor interim responses: Expect is ignored (RFC 9110 section 10.1.1).
        if has(.expect), version != .http1_0 { readExpectations(bytes) }
    }

    /// Exactly one valid Host (RFC 9112 section 3.2); HTTP/1.0 may leave it out.
    ///
    /// With an absolute-form target RFC 9112 lets a server ignore Host. This one refuses a Host that differs: an
    /// intermediary may have routed by the other one.
    @inline(__always)
    private func checkHost(_ bytes: borrowing Span<UInt8>) throws(HTTPProblem) {
        guard let host = only(.host) else {
            if has(.host) { throw .badRequest("There is more than one Host.") }
            if version == .http1_0 { return }
            throw .badRequest("Host is missing.")
        }
        let value = bytes.extracting(host.range)
        guard Authority.isValid(value) else { throw .badRequest("Host is not a host with or without a port.") }
        if let authority = target.authority, !value.equals(ignoringCase: bytes.extracting(authority.range)) {
            throw .badRequest("Host is not the request target's authority.")
        }
    }

    @inline(__always)
    private func bodyFraming(_ bytes: borrowing Span<UInt8>, limit: Int) throws(HTTPProblem) -> RequestFraming {
        if let coding = first(.transferEncoding) {
            guard version == .http1_1 else { throw .badRequest("HTTP/1.0 has no Transfer-Encoding.") }
            guard !has(.contentLength) else {
                throw .badRequest("Content-Length and Transfer-Encoding exclude each other.")
            }
            let value = bytes.extracting(coding.range)
            guard !isRepeated(.transferEncoding), value.equals(ignoringCase: "chunked") else {
                throw Self.refusal(ofCodings: value, areOneLine: !isRepeated(.transferEncoding))
            }
            return .chunked
        }
        guard has(.contentLength) else { return .empty }
        guard let slice = only(.contentLength), let length = bytes.extracting(slice.range).decimalNumber else {
            throw .badRequest("Content-Length is not one decimal number.")
        }
        guard length <= limit else { throw .contentTooLarge(limit: limit) }
        return length == 0 ? .empty : .length(length)
    }

    /// 501 for codings that are unknown but well ordered, 400 where the body's end cannot be told (RFC 9112
    /// sections 6.1 and 6.3).
    private static func refusal(ofCodings value: borrowing Span<UInt8>, areOneLine: Bool) -> HTTPProblem {
        var chunkedCount = 0
        var lastIsChunked = false
        let all = copy value
        all.forEachListElement(in: 0..<all.count) { element in
            lastIsChunked = all.extracting(element).equals(ignoringCase: "chunked")
            chunkedCount += lastIsChunked ? 1 : 0
            return true
        }
        if areOneLine, lastIsChunked, chunkedCount == 1 {
            return .notImplemented("The only transfer coding read here is chunked.")
        }
        return .badRequest("Transfer-Encoding is not chunked.")
    }

    private mutating func readExpectations(_ bytes: borrowing Span<UInt8>) {
        let all = copy bytes
        var (isContinue, isUnknown) = (false, false)
        forEachValue(of: .expect, in: all) { value in
            all.forEachListElement(in: value) { element in
                if all.extracting(element).equals(ignoringCase: "100-continue") {
                    isContinue = true
                } else {
                    isUnknown = true
                }
                return true
            }
        }
        (expectsContinue, expectsUnknown) = (isContinue, isUnknown)
    }
}

extension Span where Element == UInt8 {
    /// `1*DIGIT` as a number (RFC 9110 section 8.6); `nil` where it is not that or does not fit.
    fileprivate var decimalNumber: Int? {
        guard count > 0 else { return nil }
        var value = 0
        for index in indices {
            guard let digit = self[index].decimalValue else { return nil }
            let (tens, overflowsTens) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsSum) = tens.addingReportingOverflow(Int(digit))
            if overflowsTens || overflowsSum { return nil }
            value = sum
        }
        return value
    }
}
