/// Methods and paths to handlers, with the answers that HTTP wants where there is none.
///
/// Paths are exact, but for prefixes that end in `/`; an exact path wins over a prefix and a longer prefix over a
/// shorter one. They are compared as sent: `/%61` is not `/a`. A method that is no standard one and no route's gets 501
/// whatever the path, which RFC 9110 section 9.1 wants of a server that does not recognise it. Otherwise unknown paths
/// get 404; known ones get 405 with `Allow` for other methods, 204 with `Allow` for OPTIONS (RFC 9110 section 9.3.7) and
/// their GET handler for HEAD, whose body the session leaves out (RFC 9110 section 9.3.2).
public struct Router: HTTPHandler {
    /// Answers one request of a route.
    public typealias Respond = @Sendable (HTTPRequest) -> HTTPReply
    /// Whether a route wants the body that a head announces: ``HTTPHandler/takesBody(of:)``.
    public typealias TakesBody = @Sendable (HTTPRequest) -> Bool

    /// What a method and a path lead to.
    public enum Match: Sendable, Equatable {
        /// The route of that number, in the order in which they were added.
        case route(Int)
        /// OPTIONS on a known path or on `*`.
        case options(allow: String)
        /// The path is known but not with that method.
        case methodNotAllowed(allow: String)
        /// The path is not known.
        case notFound
        /// The method is not known, at any path.
        case unknownMethod
    }

    /// All that is at one path: a handful of methods at most, so a list is the fastest table.
    private struct Resource: Sendable {
        var routes: [(method: HTTPMethod, index: Int)] = []
        var allow = "OPTIONS"

        mutating func add(_ method: HTTPMethod, _ index: Int) {
            routes.append((method, index))
            var methods = routes.map(\.method)
            if methods.contains(.get), !methods.contains(.head) { methods.append(.head) }
            if !methods.contains(.options) { methods.append(.options) }
            allow = methods.map(\.rawValue).sorted().joined(separator: ", ")
        }

        func match(_ method: HTTPMethod) -> Match {
            if let route = routes.first(where: { $0.method == method }) { return .route(route.index) }
            if method == .head, let route = routes.first(where: { $0.method == .get }) { return .route(route.index) }
            return method == .options ? .options(allow: allow) : .methodNotAllowed(allow: allow)
        }
    }

    /// The methods that are recognised: the standard ones and those of the routes.
    private var methods: Set<HTTPMethod> = HTTPMethod.standard
    private var routes: [(takesBody: TakesBody?, respond: Respond)] = []
    private var exact: [String: Resource] = [:]
    private var prefixes: [(prefix: String, resource: Resource)] = []
    private let problemTypes: String

    /// A router without routes.
    ///
    /// - Parameter problemTypes: as in ``HTTPProblem/response(requestID:types:)``, for the problems it answers with.
    public init(problemTypes: String = "") { self.problemTypes = problemTypes }

    /// Adds a route at exactly that path.
    ///
    /// A method that is there already keeps its first handler.
    ///
    /// - Parameter takesBody: refuses a body by its request's head; without it the body is wanted, but for GET, where it
    ///   means nothing (RFC 9110 section 9.3.1).
    public mutating func on(
        _ method: HTTPMethod, _ path: String, takesBody: TakesBody? = nil, _ respond: @escaping Respond
    ) {
        exact[path, default: Resource()].add(method, routes.count)
        append(method, takesBody, respond)
    }

    /// Adds a route for every path that begins with `prefix`, which ends in `/`.
    public mutating func on(_ method: HTTPMethod, prefix: String, _ respond: @escaping Respond) {
        let place = prefixes.firstIndex { $0.prefix == prefix }
        if let place {
            prefixes[place].resource.add(method, routes.count)
        } else {
            var resource = Resource()
            resource.add(method, routes.count)
            prefixes.append((prefix, resource))
            prefixes.sort { $0.prefix.utf8.count > $1.prefix.utf8.count }
        }
        append(method, nil, respond)
    }

    private mutating func append(_ method: HTTPMethod, _ takesBody: TakesBody?, _ respond: @escaping Respond) {
        methods.insert(method)
        let never: TakesBody = { _ in false }
        routes.append((takesBody ?? (method == .get ? never : nil), respond))
    }

    /// What that method and path lead to.
    public func match(_ method: HTTPMethod, _ path: String) -> Match {
        var match = Match.notFound
        if let resource = exact[path] {
            match = resource.match(method)
        } else if let (_, resource) = prefixes.first(where: { path.utf8.starts(with: $0.prefix.utf8) }) {
            match = resource.match(method)
        } else if method == .options, path == "*" {
            // Asks about the server, not about a path.
            match = .options(allow: "GET, HEAD, OPTIONS, POST")
        }
        // Last, so that requests that lead somewhere do not pay for the question.
        switch match {
        case .route, .options: return match
        case .methodNotAllowed, .notFound, .unknownMethod: return methods.contains(method) ? match : .unknownMethod
        }
    }

    /// As the route has it; a body that leads to no route is not wanted.
    public func takesBody(of head: HTTPRequest) -> Bool {
        switch match(head.method, head.path) {
        case .route(let index): routes[index].takesBody?(head) ?? true
        case .options, .methodNotAllowed, .notFound, .unknownMethod: false
        }
    }

    /// Answers a request with its route's handler, or as described above.
    public func respond(to request: consuming HTTPRequest) -> HTTPReply {
        switch match(request.method, request.path) {
        case .route(let index):
            return routes[index].respond(request)
        case .options(let allow):
            var response = HTTPResponse(status: 204)
            response.fields.append("allow", allow)
            return .ready(response)
        case .methodNotAllowed(let allow):
            return refuse(request, .methodNotAllowed(request.method, allow: allow))
        case .notFound:
            return refuse(request, .notFound(request.path))
        case .unknownMethod:
            return refuse(request, .unknownMethod())
        }
    }

    private func refuse(_ request: borrowing HTTPRequest, _ problem: HTTPProblem) -> HTTPReply {
        .ready(problem.response(requestID: request.id, types: problemTypes))
    }
}
