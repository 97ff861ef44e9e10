package import HTTPServer

/// The problem types that this service adds to those of the HTTP server; `GET /problems/<slug>` explains each of them.
extension HTTPProblemKind {
    /// The prefix of every problem's `type`, which is the path of its explanation.
    static let types = "/problems/"

    /// 400: the body is not a JSON text.
    static let notJSON = HTTPProblemKind(
        status: 400, slug: "not-json", title: "The body is not JSON",
        explanation: """
            The body is not a JSON text by RFC 8259. The detail names the byte offset of the first fault. Common causes: \
            a trailing comma, single quotes, NaN or Infinity as a bare word, a number such as 01, +1 or .5.
            """)
    /// 400: an object has two members of the same name.
    static let duplicateMember = HTTPProblemKind(
        status: 400, slug: "duplicate-member", title: "A member appears twice",
        explanation: "RFC 8259 leaves the meaning of a repeated member name open, so this service refuses it.")
    /// 400: nested deeper than the limit.
    static let nestingTooDeep = HTTPProblemKind(
        status: 400, slug: "nesting-too-deep", title: "The body is nested too deeply",
        explanation: "Arrays may be nested as deep as the problem's limit member says, 32 unless configured otherwise.")
    /// 413: more numbers than the limit.
    static let tooManyNumbers = HTTPProblemKind(
        status: 413, slug: "too-many-numbers", title: "The request holds too many numbers",
        explanation: "The problem's limit member gives the most numbers one tensor may have. Split the batch.")
    /// 413: the reply would hold more numbers than the limit.
    static let replyTooLarge = HTTPProblemKind(
        status: 413, slug: "reply-too-large", title: "The reply would be too large",
        explanation: """
            A dense Jacobian holds C² numbers a sample. Ask for "form": "factored" (2 numbers a class), "diagonal" or \
            "entries", or let /vjp or /jvp apply it without forming it.
            """)
    /// 422: JSON that is no valid request.
    static let invalidRequest = HTTPProblemKind(
        status: 422, slug: "invalid-request", title: "The request means nothing here",
        explanation: """
            The body is JSON, but what it asks for is not defined: the detail says why and the pointer (RFC 6901) says \
            where. Examples: shapes that differ, a sample with no classes or with every class masked, a temperature that \
            is not positive, a number that overflows its dtype, an unknown member.
            """)
    /// 503 of `/readyz`: the server is draining.
    static let draining = HTTPProblemKind(
        status: 503, slug: "draining", title: "The server is shutting down",
        explanation: "It finishes what it has begun and takes no more. Send requests to another replica.")

    /// Every kind this service can answer with.
    package static let served: [HTTPProblemKind] =
        all + [notJSON, duplicateMember, nestingTooDeep, tooManyNumbers, replyTooLarge, invalidRequest, draining]
}

extension HTTPProblem {
    /// The problem-details response, with a `type` below ``HTTPProblemKind/types``.
    package func response(requestID: String) -> HTTPResponse {
        response(requestID: requestID, types: HTTPProblemKind.types)
    }
}
