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
    private var responders: [Respond] = []
    private var exact: [String: Resource] = [:]
    private var prefixes: [(prefix: String, resource: Resource)] = []

    /// A router without routes.
    public init() {}

    /// Adds a route at exactly that path.
    ///
    /// A method that is there already keeps its first handler.
    public mutating func on(_ method: HTTPMethod, _ path: String, _ respond: @escaping Respond) {
        exact[path, default: Resource()].add(method, responders.count)
        append(method, respond)
    }

    /// Adds a route for every path that begins with `prefix`, which ends in `/`.
    public mutating func on(_ method: HTTPMethod, prefix: String, _ respond: @escaping Respond) {
        let place = prefixes.firstIndex { $0.prefix == prefix }
        if let place {
            prefixes[place].resource.add(method, responders.count)
        } else {
            var resource = Resource()
            resource.add(method, responders.count)
            prefixes.append((prefix, resource))
            prefixes.sort { $0.prefix.utf8.count > $1.prefix.utf8.count }
        }
        append(method, respond)
    }

    private mutating func append(_ method: HTTPMethod, _ respond: @escaping Respond) {
        methods.insert(method)
        responders.append(respond)
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

    /// Answers a request with its route's handler, or as described above.
    public func respond(to request: consuming HTTPRequest) -> HTTPReply {
        switch match(request.method, request.path) {
        case .route(let index):
            return responders[index](request)
        case .options(let allow):
            var response = HTTPResponse(status: 204)
            response.fields.append("allow", allow)
            return .ready(response)
        case .methodNotAllowed(let allow):
            return .ready(HTTPProblem.methodNotAllowed(request.method, allow: allow).response(requestID: request.id))
        case .notFound:
            return .ready(HTTPProblem.notFound(request.path).response(requestID: request.id))
        case .unknownMethod:
            return .ready(HTTPProblem.unknownMethod().response(requestID: request.id))
        }
    }
}
