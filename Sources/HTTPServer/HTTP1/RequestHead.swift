/// Where a request's body ends (RFC 9112 section 6.3).
enum RequestFraming: Sendable, Equatable {
    /// There is none.
    case empty
    /// After so many bytes, more than 0.
    case length(Int)
    /// After the last chunk and the trailers.
    case chunked
}

/// A request's head with what it means for the connection.
struct RequestHead: Sendable {
    var method = HTTPMethod("")
    var target = RequestTarget.unread
    var version = HTTPVersion.http1_1
    var fields = HTTPFields()
    /// Where the body ends; `nil` as long as that is not known, and for good where it cannot be.
    var framing: RequestFraming?
    /// Whether the client wants the connection kept (RFC 9112 section 9.3).
    var keepsAlive = false
    /// Whether the client waits for 100 before it sends the body (RFC 9110 section 10.1.1).
    var expectsContinue = false
    /// Whether `Expect` holds anything else.
    var expectsUnknown = false
    /// The client's own identifier of the request, or empty.
    var id = ""

    /// The longest body that is read though nobody wants it, so that its connection can be kept, bytes.
    static let shortBody = 64 * 1024

    /// Whether the body is read though the handler does not want it: it is known to be short, and is on its way.
    ///
    /// A client that waits for 100 may send its body or not once it has the answer instead (RFC 9110 section 10.1.1), so
    /// what comes next on its connection cannot be told.
    var isBodyWorthReading: Bool {
        if case .length(let length) = framing { length <= Self.shortBody && !expectsContinue } else { false }
    }

    /// The request of this head and that body.
    func request(body: [UInt8] = HTTPRequest.emptyBody) -> HTTPRequest {
        HTTPRequest(
            method: method, path: target.path, query: target.query, version: version, fields: fields, body: body, id: id
        )
    }

    /// Reads the fields that concern the connection, in one pass; called once the head is complete.
    ///
    /// - Throws: the problem of a head that is ambiguous or over a limit, after which the connection cannot go on.
    mutating func interpret(bodyLimit: Int) throws(HTTPProblem) {
        var seen = ConnectionFields()
        for line in fields.lines { seen.note(line, in: fields) }
        try checkHost(seen.host, count: seen.hosts)
        framing = try framing(seen, bodyLimit: bodyLimit)

        if seen.hasConnection {
            let closes = fields.hasToken("connection", "close")
            keepsAlive = !closes && (version == .http1_1 || fields.hasToken("connection", "keep-alive"))
        } else {
            keepsAlive = version == .http1_1
        }
        // An HTTP/1.0 client knows neither expectations nor interim responses: its Expect is ignored.
        if seen.hasExpect, version != .http1_0 { readExpectations() }
        if let line = seen.requestID { id = fields.requestID(at: line) }
    }

    /// Exactly one valid Host (RFC 9112 section 3.2); HTTP/1.0 may leave it out.
    ///
    /// With an absolute-form target the RFC lets a server ignore Host. This one refuses a Host that says otherwise:
    /// whoever stands in front may have believed the other one.
    private func checkHost(_ host: HTTPFields.Line?, count: Int) throws(HTTPProblem) {
        guard let host, count == 1 else {
            if count == 0, version == .http1_0 { return }
            throw .badRequest(count == 0 ? "Host is missing." : "There is more than one Host.")
        }
        let bytes = fields.storage.span.extracting(host.value)
        guard Authority.isValid(bytes) else { throw .badRequest("Host is not a host with or without a port.") }
        if let authority = target.authority, !bytes.equals(ignoringCase: authority.span) {
            throw .badRequest("Host is not the request target's authority.")
        }
    }

    private func framing(_ seen: ConnectionFields, bodyLimit: Int) throws(HTTPProblem) -> RequestFraming {
        if let coding = seen.transferEncoding {
            guard version == .http1_1 else { throw .badRequest("HTTP/1.0 has no Transfer-Encoding.") }
            guard seen.contentLengths == 0 else {
                throw .badRequest("Content-Length and Transfer-Encoding exclude each other.")
            }
            let bytes = fields.storage.span.extracting(coding.value)
            guard seen.transferEncodings == 1, bytes.equals(ignoringCase: "chunked") else {
                throw refusal(ofCodings: bytes, isOnlyLine: seen.transferEncodings == 1)
            }
            return .chunked
        }
        guard let length = seen.contentLength else { return .empty }
        guard seen.contentLengths == 1, let value = contentLength(fields.storage.span.extracting(length.value)) else {
            throw .badRequest("Content-Length is not one decimal number.")
        }
        guard value <= bodyLimit else { throw .contentTooLarge(limit: bodyLimit) }
        return value == 0 ? .empty : .length(value)
    }

    /// 501 for codings that are unknown but well ordered, 400 where the body's end cannot be told (RFC 9112
    /// sections 6.1 and 6.3).
    private func refusal(ofCodings bytes: borrowing Span<UInt8>, isOnlyLine: Bool) -> HTTPProblem {
        var chunkedCount = 0
        var lastIsChunked = false
        let all = copy bytes
        all.forEachListElement(in: 0..<all.count) { element in
            lastIsChunked = all.extracting(element).equals(ignoringCase: "chunked")
            chunkedCount += lastIsChunked ? 1 : 0
            return true
        }
        if isOnlyLine, lastIsChunked, chunkedCount == 1 {
            return .notImplemented("The only transfer coding read here is chunked.")
        }
        return .badRequest("Transfer-Encoding is not chunked.")
    }

    /// `Content-Length = 1*DIGIT` (RFC 9110 section 8.6), or `nil` where it is not that or does not fit.
    private func contentLength(_ bytes: borrowing Span<UInt8>) -> Int? {
        guard bytes.count > 0 else { return nil }
        var value = 0
        for index in bytes.indices {
            guard let digit = bytes[index].decimalValue else { return nil }
            let (tens, overflowsTens) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsSum) = tens.addingReportingOverflow(Int(digit))
            if overflowsTens || overflowsSum { return nil }
            value = sum
        }
        return value
    }

    private mutating func readExpectations() {
        let fields = self.fields
        let bytes = fields.storage.span
        for line in fields.lines where fields.isNamed(line, "expect") {
            bytes.forEachListElement(in: line.value) { element in
                if bytes.extracting(element).equals(ignoringCase: "100-continue") {
                    expectsContinue = true
                } else {
                    expectsUnknown = true
                }
                return true
            }
        }
    }
}

/// The field lines that concern the connection, picked out by the length of their names first.
private struct ConnectionFields {
    var host: HTTPFields.Line?
    var hosts = 0
    var contentLength: HTTPFields.Line?
    var contentLengths = 0
    var transferEncoding: HTTPFields.Line?
    var transferEncodings = 0
    var hasConnection = false
    var hasExpect = false
    var requestID: HTTPFields.Line?
    private var requestIDs = 0

    init() {}

    mutating func note(_ line: HTTPFields.Line, in fields: HTTPFields) {
        switch line.name.count {
        case 4 where fields.isNamed(line, "host"):
            host = line
            hosts += 1
        case 6 where fields.isNamed(line, "expect"):
            hasExpect = true
        case 10 where fields.isNamed(line, "connection"):
            hasConnection = true
        case 12 where fields.isNamed(line, "x-request-id"):
            requestIDs += 1
            requestID = requestIDs == 1 ? line : nil
        case 14 where fields.isNamed(line, "content-length"):
            contentLength = line
            contentLengths += 1
        case 17 where fields.isNamed(line, "transfer-encoding"):
            transferEncoding = line
            transferEncodings += 1
        default: break
        }
    }
}
