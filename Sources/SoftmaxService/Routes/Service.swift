package import HTTPServer

/// The whole service as the handler of one event loop: routes to operations, cheap work at once, the rest on the compute
/// pool.
package final class Service: HTTPHandler {
    /// What is at a route of the router, by its number.
    private enum Route {
        case native(NativeRoute)
        case operations(OperationsRoute)
    }

    private let router: Router
    private let routes: [Route]
    private let operations: OperationsRoutes
    /// The memory in which this loop's small requests are read and answered.
    ///
    /// Behind a pointer, as the loop alone uses it: a stored property would be checked for exclusive access each time.
    private let workspace = UnsafeMutablePointer<Workspace>.allocate(capacity: 1)
    private let corsOrigins: [String]

    /// What ``admit(_:)`` says of a head: no route, or a native route whose head alone is refused.
    private static let noRoute = -1
    private static let refused = 1 << 16

    /// A service of that configuration.
    ///
    /// - Parameters:
    ///   - status: the server's, for `/readyz` and `/metrics`.
    ///   - pool: the server's, whose threads share the work of one large request.
    ///   - heap: is told of large requests; the process has one.
    ///   - log: where the access log goes, for `/metrics`.
    package init(
        _ configuration: ServiceConfiguration, status: HTTPServerStatus, pool: ComputePool, heap: HeapKeeping,
        log: LogWriter? = nil
    ) {
        operations = OperationsRoutes(status: status, workBudget: configuration.server.workBudget, log: log)
        corsOrigins = configuration.corsOrigins
        var router = Router(problemTypes: HTTPProblemKind.types)
        var routes: [Route] = []
        for operation in NativeOperation.allCases {
            router.on(.post, "/" + operation.rawValue)
            routes.append(.native(NativeRoute(operation, limits: configuration.limits, pool, heap)))
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
        // A body means nothing to a GET (RFC 9110 section 9.3.1).
        guard case .native = routes[index] else { return HTTPAdmission(route: index, takesBody: false) }
        let isRefused = NativeRoute.refusal(of: head) != nil
        return HTTPAdmission(route: isRefused ? index | Self.refused : index, takesBody: !isRefused)
    }

    package func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        guard !corsOrigins.isEmpty else { return answer(&request, &reply) }
        let origin = allowedOrigin(request)
        reply.fields = Self.exposure(to: origin)
        let answer = answer(&request, &reply)
        if case .written = answer { return answer }
        reply.fields = HTTPFields()
        return Self.expose(answer, to: origin)
    }

    private func answer(_ request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        guard request.route != Self.noRoute else { return .ready(router.refuse(request)) }
        guard request.route < Self.refused else {
            let problem = NativeRoute.refusal(of: request) ?? .internalError()
            return .ready(problem.response(requestID: request.idText))
        }
        switch routes[request.route] {
        case .native(let route): return route.respond(to: &request, &reply, in: &workspace.pointee)
        case .operations(let route): return operations.respond(to: request, route, &reply)
        }
    }

    // MARK: Cross-origin requests

    /// Has pages of allowed origins read the server's own errors too.
    package func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest) {
        guard !corsOrigins.isEmpty else { return }
        response = Self.expose(response, to: allowedOrigin(head))
    }

    /// The origin that a request names, where its pages may read replies.
    private func allowedOrigin(_ request: borrowing HTTPRequest) -> String? {
        guard let origin = request.originText, corsOrigins.contains(where: { $0 == "*" || $0 == origin }) else {
            return nil
        }
        return origin
    }

    private static func expose(_ reply: HTTPReply, to origin: String?) -> HTTPReply {
        switch reply {
        case .written: .written
        case .ready(let response): .ready(expose(response, to: origin))
        case .deferred(let cost, let replyBytes, let run):
            .deferred(cost: cost, replyBytes: replyBytes) { run($0).map { expose($0, to: origin) } }
        }
    }

    private static func expose(_ response: HTTPResponse, to origin: String?) -> HTTPResponse {
        var response = response
        response.fields.append(exposure(to: origin))
        if origin != nil, response.status == 204 {
            response.fields.append("access-control-allow-methods", "GET, HEAD, POST, OPTIONS")
            response.fields.append(
                "access-control-allow-headers", "Authorization, Content-Type, X-Request-Id, Traceparent")
            response.fields.append("access-control-max-age", "600")
        }
        return response
    }

    /// What a browser wants to see before it hands a reply to a page of that origin (Fetch standard, CORS protocol); for
    /// no origin, or one that is not allowed, only that the answer to another may differ.
    ///
    /// Without that `Vary` a cache would hand one origin's reply, or a reply to no origin, to all of them.
    private static func exposure(to origin: String?) -> HTTPFields {
        var fields = HTTPFields()
        fields.append("vary", "Origin")
        guard let origin else { return fields }
        fields.append("access-control-allow-origin", origin)
        // The reply's fields that a page is not shown without asking.
        fields.append("access-control-expose-headers", "Allow, Retry-After, X-Request-Id")
        return fields
    }
}

extension HTTPResponse {
    /// A 200 whose content is JSON.
    ///
    /// Its fields are made once, for all replies.
    static func json(_ body: HTTPBody) -> HTTPResponse { HTTPResponse(status: 200, fields: jsonFields, body: body) }

    private static let jsonFields = {
        var fields = HTTPFields()
        fields.append("content-type", "application/json")
        return fields
    }()
}
