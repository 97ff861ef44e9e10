package import HTTPServer

/// The whole service as one handler: routes to operations, cheap work at once, the rest on the compute pool.
package struct Service: HTTPHandler {
    private let router: Router
    private let corsOrigins: [String]

    /// A service of that configuration.
    ///
    /// - Parameters:
    ///   - status: the server's, for `/readyz` and `/metrics`.
    ///   - pool: the server's, whose threads share the work of one large request.
    ///   - log: where the access log goes, for `/metrics`.
    package init(
        _ configuration: ServiceConfiguration, status: HTTPServerStatus, pool: ComputePool, log: LogWriter? = nil
    ) {
        var router = Router()
        let heap = HeapKeeping(status)
        let workspaces = Workspaces()
        for operation in NativeOperation.allCases {
            let route = NativeRoute(operation, limits: configuration.limits, pool, heap, workspaces)
            router.on(.post, "/" + operation.rawValue, takesBody: { route.refusal(of: $0.fields) == nil }) {
                route.respond(to: $0)
            }
        }
        OperationsRoutes.add(to: &router, status: status, workBudget: configuration.server.workBudget, log: log)
        self.router = router
        corsOrigins = configuration.corsOrigins
    }

    package func respond(to request: consuming HTTPRequest) -> HTTPReply {
        guard !corsOrigins.isEmpty else { return router.respond(to: request) }
        let origin = allowedOrigin(request.fields)
        return Self.expose(router.respond(to: request), to: origin)
    }

    /// The origin that a request names, where its pages may read replies.
    private func allowedOrigin(_ fields: HTTPFields) -> String? {
        guard let origin = fields.only("origin"), corsOrigins.contains(where: { $0 == "*" || $0 == origin }) else {
            return nil
        }
        return origin
    }

    private static func expose(_ reply: HTTPReply, to origin: String?) -> HTTPReply {
        switch reply {
        case .ready(let response): .ready(expose(response, to: origin))
        case .deferred(let cost, let run): .deferred(cost: cost) { expose(run($0), to: origin) }
        }
    }

    /// Adds what a browser wants to see before it hands the reply to a page of that origin (Fetch standard, CORS
    /// protocol); for no origin, or one that is not allowed, only that the answer to another may differ.
    ///
    /// Without that `Vary` a cache would hand one origin's reply, or a reply to no origin, to all of them.
    private static func expose(_ response: HTTPResponse, to origin: String?) -> HTTPResponse {
        var response = response
        response.fields.append("vary", "Origin")
        guard let origin else { return response }
        response.fields.append("access-control-allow-origin", origin)
        // The reply's fields that a page is not shown without asking.
        response.fields.append("access-control-expose-headers", "Allow, Retry-After, X-Request-Id")
        if response.status == 204 {
            response.fields.append("access-control-allow-methods", "GET, HEAD, POST, OPTIONS")
            response.fields.append(
                "access-control-allow-headers", "Authorization, Content-Type, X-Request-Id, Traceparent")
            response.fields.append("access-control-max-age", "600")
        }
        return response
    }
}

extension Service {
    /// Whether the body decides the answer.
    package func takesBody(of head: HTTPRequest) -> Bool { router.takesBody(of: head) }

    /// Has pages of allowed origins read the server's own errors too.
    package func complete(_ response: inout HTTPResponse, for fields: HTTPFields) {
        guard !corsOrigins.isEmpty else { return }
        response = Self.expose(response, to: allowedOrigin(fields))
    }
}

extension HTTPResponse {
    /// A 200 of that content.
    static func ok(_ body: [UInt8], type: String) -> HTTPResponse {
        var response = HTTPResponse(status: 200, body: .bytes(body))
        response.fields.append("content-type", type)
        return response
    }

    /// A 200 whose content is JSON.
    ///
    /// Its fields are made once, for all replies.
    static func json(_ body: HTTPBody) -> HTTPResponse { HTTPResponse(status: 200, fields: jsonFields, body: body) }

    /// The same, for no cache to keep (RFC 9111 section 5.2.2.5): what it says is true now only.
    var notStored: HTTPResponse {
        var response = self
        response.fields.append("cache-control", "no-store")
        return response
    }

    /// The same for a probe, whose answer no cache may keep: what it says is true now only.
    static func probe(_ body: HTTPBody) -> HTTPResponse { HTTPResponse(status: 200, fields: probeFields, body: body) }

    private static let jsonFields = {
        var fields = HTTPFields()
        fields.append("content-type", "application/json")
        return fields
    }()
    private static let probeFields = json(.bytes([])).notStored.fields
}
