/// One kind of failure: what a problem's `type` points to.
public struct HTTPProblemKind: Sendable, Equatable {
    /// The status code.
    public var status: Int
    /// The last part of a problem's `type`, short and stable.
    public var slug: String
    /// The kind in a few words.
    public var title: String
    /// What it means and what to do about it, for whoever follows `type`.
    public var explanation: String

    /// A kind of those parts.
    public init(status: Int, slug: String, title: String, explanation: String) {
        self.status = status
        self.slug = slug
        self.title = title
        self.explanation = explanation
    }
}

/// The kinds of the protocol layer.
extension HTTPProblemKind {
    /// 400: not HTTP, or ambiguous.
    public static let badRequest = HTTPProblemKind(
        status: 400, slug: "bad-request", title: "Bad request",
        explanation: """
            What was sent is not a request by RFC 9110 and RFC 9112, or can be read in more than one way. This server \
            guesses nothing: it answers and closes the connection. The detail names the rule.
            """)
    /// 404: nothing at that path.
    public static let notFound = HTTPProblemKind(
        status: 404, slug: "not-found", title: "Not found",
        explanation: "Nothing is at that path. Paths are compared as sent, case-sensitively, without decoding.")
    /// 405: another method is wanted there.
    public static let methodNotAllowed = HTTPProblemKind(
        status: 405, slug: "method-not-allowed", title: "Method not allowed",
        explanation: "The path exists but does not take that method. The Allow field lists those it takes.")
    /// 406: `Accept` admits nothing there is.
    public static let notAcceptable = HTTPProblemKind(
        status: 406, slug: "not-acceptable", title: "Not acceptable",
        explanation: "The request's Accept field admits none of the media types that could be answered.")
    /// 408: head or body not there by the deadline.
    public static let requestTimeout = HTTPProblemKind(
        status: 408, slug: "request-timeout", title: "Request timeout",
        explanation: "The request was not complete by its deadline, or its body came too slowly. Send it again.")
    /// 413: the body is over its limit.
    public static let contentTooLarge = HTTPProblemKind(
        status: 413, slug: "content-too-large", title: "Content too large",
        explanation: "The body is over the limit that the problem's limit member gives. Send less at a time.")
    /// 414: the request line is over its limit.
    public static let uriTooLong = HTTPProblemKind(
        status: 414, slug: "uri-too-long", title: "URI too long",
        explanation: "The request line is over the limit that the problem's limit member gives, in bytes.")
    /// 415: a `Content-Type` that is not read there.
    public static let unsupportedMediaType = HTTPProblemKind(
        status: 415, slug: "unsupported-media-type", title: "Unsupported media type",
        explanation: "The body's Content-Type is not one that is read at that path. The detail names what is.")
    /// 417: an expectation that is not met.
    public static let expectationFailed = HTTPProblemKind(
        status: 417, slug: "expectation-failed", title: "Expectation failed",
        explanation: "The Expect field asks for something other than 100-continue.")
    /// 431: too many or too long field lines.
    public static let fieldsTooLarge = HTTPProblemKind(
        status: 431, slug: "fields-too-large", title: "Request header fields too large",
        explanation: "The header fields are over the limit that the problem's limit member gives, in bytes or lines.")
    /// 500: the server failed.
    public static let internalError = HTTPProblemKind(
        status: 500, slug: "internal-error", title: "Internal server error",
        explanation: "The server failed. Its log has the request's identifier.")
    /// 501: a part of HTTP that is not done here.
    public static let notImplemented = HTTPProblemKind(
        status: 501, slug: "not-implemented", title: "Not implemented",
        explanation: """
            The request needs what this server does not do: a method other than RFC 9110's, PATCH and QUERY; CONNECT; or \
            a transfer coding but chunked. Methods are case-sensitive.
            """)
    /// 503: the work budget is full.
    public static let serviceUnavailable = HTTPProblemKind(
        status: 503, slug: "service-unavailable", title: "Service unavailable",
        explanation: "Too much work waits already. Try again after the seconds that Retry-After gives.")
    /// 505: a major version that is not spoken.
    public static let versionNotSupported = HTTPProblemKind(
        status: 505, slug: "version-not-supported", title: "HTTP version not supported",
        explanation: "The request's major version of HTTP is not spoken here.")

    /// All kinds that the protocol layer and ``Router`` answer with, in order of status.
    public static let all: [HTTPProblemKind] = [
        badRequest, notFound, methodNotAllowed, notAcceptable, requestTimeout, contentTooLarge, uriTooLong,
        unsupportedMediaType, expectationFailed, fieldsTooLarge, internalError, notImplemented, serviceUnavailable,
        versionNotSupported,
    ]
}
