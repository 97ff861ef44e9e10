package import HTTPServer

/// The handler of one event loop: routes requests, answers small ones on the loop and large ones on the compute pool.
package final class Service: HTTPHandler {
    /// The handler of one of the router's routes, which are numbered from 0.
    private enum Route {
        case compute(ComputeRoute)
        case operations(OperationsRoute)
    }

    private let router: Router
    private let routes: [Route]
    private let operations: OperationsRoutes
    /// The buffers in which this loop's small requests are read and answered.
    ///
    /// It is behind a pointer because every access to a class's stored property is checked for exclusivity at run time.
    /// Only the loop uses it, so that no check is needed.
    private let workspace = UnsafeMutablePointer<Workspace>.allocate(capacity: 1)
    private let corsOrigins: [String]

    /// The route of a request that the router has no route for.
    private static let noRoute = -1
    /// A flag on the route of a request whose header fields are refused.
    private static let refusedFlag = 1 << 16

    /// The service with a configuration.
    ///
    /// - Parameters:
    ///   - status: the server's status, for `/readyz` and `/metrics`.
    ///   - pool: the server's compute pool, whose threads share the work of a large request.
    ///   - heap: is notified of large requests; shared by all loops.
    ///   - log: the access log's writer, for `/metrics`.
    package init(
        _ configuration: ServiceConfiguration, status: HTTPServerStatus, pool: ComputePool, heap: HeapKeeping,
        log: LogWriter? = nil
    ) {
        operations = OperationsRoutes(status: status, workBudget: configuration.server.workBudget, log: log)
        corsOrigins = configuration.corsOrigins
        var router = Router(problemTypes: HTTPProblemKind.types)
        var routes: [Route] = []
        for operation in SoftmaxOperation.allCases {
            router.on(.post, "/" + operation.rawValue)
            routes.append(.compute(ComputeRoute(operation, limits: configuration.limits, pool, heap)))
        }
        for route in OperationsRoute.allCases {
            if route == .problem { router.on(.get, prefix: route.path) } else { router.on(.get, route.path) }
            routes.append(.operations(route))
        }
        self.router = router
        self.routes = routes
        workspace.initialize(to: Workspace())
    }

    deinit {
        workspace.deinitialize(count: 1)
        workspace.deallocate()
    }

    package func admit(_ head: borrowing HTTPRequest) -> HTTPAdmission {
        guard let index = router.route(head.method, head.path) else {
            return HTTPAdmission(route: Self.noRoute, takesBody: false)
        }
        // The body of a GET has no defined meaning (RFC 9110 section 9.3.1).
        guard case .compute = routes[index] else { return HTTPAdmission(route: index, takesBody: false) }
        // Matched, as comparing with `nil` makes two optionals of so large a type.
        let isRefused = if case .some = ComputeRoute.refusal(of: head) { true } else { false }
        return HTTPAdmission(route: isRefused ? index | Self.refusedFlag : index, takesBody: !isRefused)
    }

    package func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        guard !corsOrigins.isEmpty else { return answer(&request, &reply) }
        let origin = allowedOrigin(request)
        reply.fields = Self.corsFields(for: origin)
        let answer = answer(&request, &reply)
        if case .written = answer { return answer }
        reply.fields = HTTPFields()
        return Self.addingCORSFields(to: answer, for: origin)
    }

    private func answer(_ request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        guard request.route != Self.noRoute else { return .ready(router.refuse(request)) }
        guard request.route < Self.refusedFlag else {
            let problem = ComputeRoute.refusal(of: request) ?? .internalError()
            return .ready(problem.response(requestID: request.idText))
        }
        switch routes[request.route] {
        case .compute(let route): return route.respond(to: &request, &reply, in: &workspace.pointee)
        case .operations(let route): return operations.respond(to: request, route, &reply)
        }
    }

    // MARK: Cross-origin requests

    /// Lets pages of allowed origins read the errors that the server answers with by itself.
    package func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest) {
        guard !corsOrigins.isEmpty else { return }
        response = Self.addingCORSFields(to: response, for: allowedOrigin(head))
    }

    /// The request's `Origin`, if pages of that origin may read replies.
    private func allowedOrigin(_ request: borrowing HTTPRequest) -> String? {
        guard let origin = request.originText, corsOrigins.contains(where: { $0 == "*" || $0 == origin }) else {
            return nil
        }
        return origin
    }

    private static func addingCORSFields(to reply: HTTPReply, for origin: String?) -> HTTPReply {
        switch reply {
        case .written: .written
        case .ready(let response): .ready(addingCORSFields(to: response, for: origin))
        case .deferred(let cost, let replyBytes, let run):
            .deferred(cost: cost, replyBytes: replyBytes) { run($0).map { addingCORSFields(to: $0, for: origin) } }
        }
    }

    private static func addingCORSFields(to response: HTTPResponse, for origin: String?) -> HTTPResponse {
        var response = response
        response.fields.append(corsFields(for: origin))
        if origin != nil, response.status == 204 {
            response.fields.append("access-control-allow-methods", "GET, HEAD, POST, OPTIONS")
            response.fields.append(
                "access-control-allow-headers", "Authorization, Content-Type, X-Request-Id, Traceparent")
            response.fields.append("access-control-max-age", "600")
        }
        return response
    }

    /// The fields by which a browser lets a page of an allowed origin read a reply (Fetch standard, CORS protocol); for
    /// other requests `Vary` alone.
    ///
    /// Without `Vary: Origin` a cache could answer a request of one origin with the reply to another's.
    private static func corsFields(for origin: String?) -> HTTPFields {
        var fields = HTTPFields()
        fields.append("vary", "Origin")
        guard let origin else { return fields }
        fields.append("access-control-allow-origin", origin)
        // Fields that a page may only read if they are listed here.
        fields.append("access-control-expose-headers", "Allow, Retry-After, X-Request-Id")
        return fields
    }
}

extension HTTPResponse {
    /// A 200 with JSON content; all of them share one copy of their fields.
    static func json(_ body: HTTPBody) -> HTTPResponse { HTTPResponse(status: 200, fields: jsonFields, body: body) }

    private static let jsonFields = {
        var fields = HTTPFields()
        fields.append("content-type", "application/json")
        return fields
    }()
}
