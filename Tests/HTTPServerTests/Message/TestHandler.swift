@testable import HTTPServer

/// A handler of closures, which get copies of requests and may keep them.
final class TestHandler: HTTPHandler {
    var admitting: (RequestCopy) -> HTTPAdmission
    var responding: (inout HTTPRequest, inout ReplyWriter) -> HTTPReply
    var completing: (inout HTTPResponse, RequestCopy) -> Void = { _, _ in }

    /// One that answers every request with those closures.
    init(
        admit: @escaping (RequestCopy) -> HTTPAdmission = { _ in HTTPAdmission() },
        respond: @escaping (RequestCopy) -> HTTPReply = { _ in .ready(HTTPResponse(status: 200)) }
    ) {
        admitting = admit
        responding = { request, _ in respond(RequestCopy(taking: &request)) }
    }

    func admit(_ head: borrowing HTTPRequest) -> HTTPAdmission { admitting(RequestCopy(head)) }
    func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        responding(&request, &reply)
    }
    func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest) {
        completing(&response, RequestCopy(head))
    }
}

/// A router whose routes are closures.
struct TestRouter: Sendable {
    typealias Respond = @Sendable (RequestCopy) -> HTTPReply

    private(set) var router: Router
    private var answers: [Respond] = []

    /// A router without routes.
    init(problemTypes: String = "") { router = Router(problemTypes: problemTypes) }

    /// Adds a route at exactly that path.
    mutating func on(_ method: HTTPMethod, _ path: String, _ respond: @escaping Respond) {
        router.on(method, path)
        answers.append(respond)
    }

    /// Adds a route for every path that begins with `prefix`.
    mutating func on(_ method: HTTPMethod, prefix: String, _ respond: @escaping Respond) {
        router.on(method, prefix: prefix)
        answers.append(respond)
    }

    /// The answer to a request that leads to no route, or the route's number.
    enum Outcome {
        case route(Int)
        case refused(HTTPResponse)
    }

    /// Where a request leads.
    func outcome(_ request: borrowing HTTPRequest) -> Outcome {
        if let route = router.route(request.method, request.path) { return .route(route) }
        return .refused(router.refuse(request))
    }

    /// What is answered there.
    func respond(to request: RequestCopy, _ outcome: Outcome) -> HTTPReply {
        switch outcome {
        case .route(let route): answers[route](request)
        case .refused(let response): .ready(response)
        }
    }
}
