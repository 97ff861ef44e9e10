/// A failed request as RFC 9457 problem details: the only error body this server sends.
public struct HTTPProblem: Error, Sendable, Equatable {
    /// The status code, 400…599.
    public var status: Int
    /// What kind of failure, a short stable slug, with which `type` ends.
    public var slug: String
    /// The kind in words; the same for every occurrence.
    public var title: String
    /// What is wrong with this request, where, and which limit it passed.
    public var detail: String
    /// RFC 6901 JSON Pointer to the place in the request's body.
    public var pointer: String?
    /// The limit that was passed.
    public var limit: Int?
    /// `Allow`, for 405.
    public var allow: String?
    /// `Retry-After` in seconds, for 503.
    public var retryAfter: Int?
    /// `Accept-Encoding`, for a 415 because of a content coding (RFC 9110 section 15.5.16).
    public var acceptEncoding: String?

    /// A problem of those parts.
    public init(
        status: Int, slug: String, title: String, detail: String, pointer: String? = nil, limit: Int? = nil,
        allow: String? = nil, retryAfter: Int? = nil
    ) {
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.pointer = pointer
        self.limit = limit
        self.allow = allow
        self.retryAfter = retryAfter
    }

    /// A problem of that kind.
    public init(_ kind: HTTPProblemKind, _ detail: String, pointer: String? = nil, limit: Int? = nil) {
        self.init(
            status: kind.status, slug: kind.slug, title: kind.title, detail: detail, pointer: pointer, limit: limit)
    }
}

/// The failures of the protocol layer, each with what was wrong this time.
extension HTTPProblem {
    /// 400: what was sent is not an HTTP request, or not one that this server reads.
    public static func badRequest(_ detail: String) -> HTTPProblem { HTTPProblem(.badRequest, detail) }

    /// 404: nothing is at that path.
    public static func notFound(_ path: String) -> HTTPProblem { HTTPProblem(.notFound, "Nothing is at \(path).") }

    /// 405 with `Allow`: the path does not take that method.
    public static func methodNotAllowed(_ method: HTTPMethod, allow: String) -> HTTPProblem {
        var problem = HTTPProblem(.methodNotAllowed, "\(method.name) is not allowed here; allowed: \(allow).")
        problem.allow = allow
        return problem
    }

    /// 406: the client accepts nothing that could be answered.
    public static func notAcceptable(available: String) -> HTTPProblem {
        HTTPProblem(.notAcceptable, "Accept admits none of: \(available).")
    }

    /// 408: the request was not complete by its deadline.
    public static func requestTimeout(_ detail: String) -> HTTPProblem { HTTPProblem(.requestTimeout, detail) }

    /// 413: the body is over the limit, in bytes.
    public static func contentTooLarge(limit: Int) -> HTTPProblem {
        HTTPProblem(.contentTooLarge, "The body is longer than \(limit) bytes.", limit: limit)
    }

    /// 414: the request line is over the limit, in bytes.
    public static func uriTooLong(limit: Int) -> HTTPProblem {
        HTTPProblem(.uriTooLong, "The request line is longer than \(limit) bytes.", limit: limit)
    }

    /// 415: the body's media type is not one that is read here.
    public static func unsupportedMediaType(_ detail: String) -> HTTPProblem {
        HTTPProblem(.unsupportedMediaType, detail)
    }

    /// 415: the body has a content coding, of which none is read here.
    public static func unsupportedContentCoding(_ detail: String) -> HTTPProblem {
        var problem = HTTPProblem(.unsupportedMediaType, detail)
        problem.acceptEncoding = "identity"
        return problem
    }

    /// 417: an expectation other than `100-continue`.
    public static func expectationFailed() -> HTTPProblem {
        HTTPProblem(.expectationFailed, "Expect holds something other than 100-continue.")
    }

    /// 431: the field lines together are over the limit, in bytes.
    public static func fieldsTooLarge(limit: Int) -> HTTPProblem {
        HTTPProblem(.fieldsTooLarge, "The header fields are longer than \(limit) bytes.", limit: limit)
    }

    /// 431: more field lines than the limit.
    public static func tooManyFields(limit: Int) -> HTTPProblem {
        HTTPProblem(.fieldsTooLarge, "There are more than \(limit) header fields.", limit: limit)
    }

    /// 500: the server failed; what it says is not the failure's own text.
    public static func internalError() -> HTTPProblem {
        HTTPProblem(.internalError, "The server failed to answer this request.")
    }

    /// 501: part of HTTP that this server does not do.
    public static func notImplemented(_ detail: String) -> HTTPProblem { HTTPProblem(.notImplemented, detail) }

    /// 501: a method that is no standard one and no route's (RFC 9110 section 9.1).
    public static func unknownMethod() -> HTTPProblem { .notImplemented("The method is not known to this server.") }

    /// 503 with `Retry-After`: too busy now.
    public static func serviceUnavailable(_ detail: String, retryAfter: Int) -> HTTPProblem {
        var problem = HTTPProblem(.serviceUnavailable, detail)
        problem.retryAfter = retryAfter
        return problem
    }

    /// 505: a major version that is not spoken here.
    public static func versionNotSupported(_ detail: String) -> HTTPProblem {
        HTTPProblem(.versionNotSupported, detail)
    }
}
