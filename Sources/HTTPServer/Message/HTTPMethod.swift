/// A request method (RFC 9110 section 9), compared case-sensitively.
public enum HTTPMethod: UInt8, BitwiseCopyable, Sendable, Hashable, CaseIterable {
    /// GET: RFC 9110 section 9.3.1.
    case get
    /// HEAD: RFC 9110 section 9.3.2.
    case head
    /// POST: RFC 9110 section 9.3.3.
    case post
    /// PUT: RFC 9110 section 9.3.4.
    case put
    /// DELETE: RFC 9110 section 9.3.5.
    case delete
    /// CONNECT: RFC 9110 section 9.3.6; this server refuses it.
    case connect
    /// OPTIONS: RFC 9110 section 9.3.7.
    case options
    /// TRACE: RFC 9110 section 9.3.8.
    case trace
    /// PATCH: RFC 5789.
    case patch
    /// QUERY: the IETF's coming one, which OpenAPI 3.2 has.
    case query
    /// A token that names no method this server recognises, whatever the path.
    case other

    /// The method's token; empty for ``other``, whose token is in the head that it came with.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .query: "QUERY"
        case .other: ""
        }
    }

    /// The method that those bytes name.
    package init(_ token: borrowing Span<UInt8>) {
        self =
            switch token.count {
            case 3: token.equals("GET") ? .get : token.equals("PUT") ? .put : .other
            case 4: token.equals("POST") ? .post : token.equals("HEAD") ? .head : .other
            case 5:
                token.equals("PATCH")
                    ? .patch : token.equals("TRACE") ? .trace : token.equals("QUERY") ? .query : .other
            case 6: token.equals("DELETE") ? .delete : .other
            case 7: token.equals("OPTIONS") ? .options : token.equals("CONNECT") ? .connect : .other
            default: .other
            }
    }
}

/// The protocol version a request came with.
public enum HTTPVersion: UInt8, BitwiseCopyable, Sendable, Hashable {
    /// HTTP/1.0
    case http1_0
    /// HTTP/1.1
    case http1_1
    /// HTTP/2
    case http2
}
