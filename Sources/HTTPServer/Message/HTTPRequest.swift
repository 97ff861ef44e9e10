/// A request method (RFC 9110 section 9), compared case-sensitively.
public struct HTTPMethod: Sendable, Hashable {
    /// The method's token.
    public let rawValue: String
    /// A method of that token.
    ///
    /// The parser has checked it to be one.
    package init(_ rawValue: String) { self.rawValue = rawValue }
    /// GET: RFC 9110 section 9.3.1.
    public static let get = HTTPMethod("GET")
    /// HEAD: RFC 9110 section 9.3.2.
    public static let head = HTTPMethod("HEAD")
    /// POST: RFC 9110 section 9.3.3.
    public static let post = HTTPMethod("POST")
    /// OPTIONS: RFC 9110 section 9.3.7.
    public static let options = HTTPMethod("OPTIONS")
    /// CONNECT: RFC 9110 section 9.3.6; this server refuses it.
    package static let connect = HTTPMethod("CONNECT")

    /// The methods of RFC 9110 section 9.3, PATCH (RFC 5789) and QUERY (the IETF's coming one, which OpenAPI 3.2 has):
    /// those that a server recognises though no route has them.
    package static let standard: Set<HTTPMethod> = [
        .get, .head, .post, HTTPMethod("PUT"), HTTPMethod("DELETE"), .connect, .options, HTTPMethod("TRACE"),
        HTTPMethod("PATCH"), HTTPMethod("QUERY"),
    ]

    /// A method of those bytes, which are a token; the usual ones cost no new string.
    package init(validToken bytes: borrowing Span<UInt8>) {
        if bytes.equals("GET") {
            self = .get
        } else if bytes.equals("POST") {
            self = .post
        } else {
            self.init(bytes.string(0..<bytes.count))
        }
    }
}

/// The protocol version a request came with.
public enum HTTPVersion: Sendable, Hashable {
    /// HTTP/1.0
    case http1_0
    /// HTTP/1.1
    case http1_1
    /// HTTP/2
    case http2
}

/// A complete, validated request: its head and its whole body.
public struct HTTPRequest: Sendable {
    /// The method.
    public var method: HTTPMethod
    /// The path in origin form, as sent (percent-encoded, begins with `/`), without the query; `*` for `OPTIONS *`.
    public var path: String
    /// What follows the first `?` of the target, or `nil` where there is none.
    public var query: String?
    /// The version.
    public var version: HTTPVersion
    /// The field lines.
    ///
    /// Trailers are dropped.
    public var fields: HTTPFields
    /// The body, decoded of its transfer coding.
    ///
    /// The array's capacity exceeds its count by at least
    /// ``bodyPadding`` bytes, so that a vectorised reader may read past its end without a copy.
    public var body: [UInt8]
    /// `X-Request-Id` as sent (1…128 visible ASCII characters) or made by the server.
    public var id: String

    /// How many bytes beyond its count the body's storage has at least.
    public static let bodyPadding = 64

    /// No body, with the storage that ``body`` promises; shared by all requests without one.
    package static let emptyBody: [UInt8] = {
        var body: [UInt8] = []
        body.reserveCapacity(bodyPadding)
        return body
    }()

    /// A request of those parts.
    public init(
        method: HTTPMethod, path: String, query: String? = nil, version: HTTPVersion = .http1_1,
        fields: HTTPFields = HTTPFields(), body: [UInt8] = [], id: String = ""
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.version = version
        self.fields = fields
        self.body = body
        self.id = id
    }
}
