/// Methods and paths to routes, with the answers that HTTP wants where there is none.
///
/// Paths are exact, but for prefixes that end in `/`; an exact path wins over a prefix and a longer prefix over a
/// shorter one. They are compared as sent: `/%61` is not `/a`. A method that is not recognised gets 501 whatever the path
/// (RFC 9110 section 9.1). Otherwise unknown paths get 404; known ones get 405 with `Allow` for other methods, 204 with
/// `Allow` for OPTIONS (RFC 9110 section 9.3.7) and their GET route for HEAD, whose body the protocol leaves out (RFC 9110
/// section 9.3.2).
public struct Router: Sendable {
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

    /// All that is at one path, or below one prefix: a handful of methods at most.
    private struct Resource: Sendable {
        let path: [UInt8]
        var routes: [(method: HTTPMethod, index: Int)] = []
        var allow = ""

        mutating func add(_ method: HTTPMethod, _ index: Int) {
            routes.append((method, index))
            var methods = routes.map(\.method)
            if methods.contains(.get), !methods.contains(.head) { methods.append(.head) }
            if !methods.contains(.options) { methods.append(.options) }
            allow = methods.map(\.name.description).sorted().joined(separator: ", ")
        }

        func route(_ method: HTTPMethod) -> Int? {
            for route in routes where route.method == method { return route.index }
            return method == .head ? self.route(.get) : nil
        }

        func isAt(_ path: borrowing Span<UInt8>) -> Bool { path.equals(self.path.span) }

        func isPrefix(of path: borrowing Span<UInt8>) -> Bool {
            path.count >= self.path.count && path.extracting(0..<self.path.count).equals(self.path.span)
        }
    }

    private var count = 0
    /// Some dozen paths of different lengths, mostly: looking at each is the fastest table.
    private var exact: [Resource] = []
    private var prefixes: [Resource] = []
    private let problemTypes: String

    /// A router without routes.
    ///
    /// - Parameter problemTypes: as in ``HTTPProblem/response(requestID:types:)``, for the problems it answers with.
    public init(problemTypes: String = "") { self.problemTypes = problemTypes }

    /// Adds a route at exactly that path; returns its number.
    ///
    /// A method that is there already keeps its first route.
    @discardableResult
    public mutating func on(_ method: HTTPMethod, _ path: String) -> Int { Self.add(method, path, to: &exact, &count) }

    /// Adds a route for every path that begins with `prefix`, which ends in `/`; returns its number.
    @discardableResult
    public mutating func on(_ method: HTTPMethod, prefix: String) -> Int {
        let index = Self.add(method, prefix, to: &prefixes, &count)
        prefixes.sort { $0.path.count > $1.path.count }
        return index
    }

    private static func add(
        _ method: HTTPMethod, _ path: String, to resources: inout [Resource], _ count: inout Int
    ) -> Int {
        let path = Array(path.utf8)
        let place = resources.firstIndex { $0.path == path } ?? resources.count
        if place == resources.count { resources.append(Resource(path: path)) }
        resources[place].add(method, count)
        count += 1
        return count - 1
    }

    /// The route that a method and a path lead to; `nil` where there is none.
    public func route(_ method: HTTPMethod, _ path: borrowing Span<UInt8>) -> Int? {
        for index in exact.indices where exact[index].isAt(path) { return exact[index].route(method) }
        for index in prefixes.indices where prefixes[index].isPrefix(of: path) { return prefixes[index].route(method) }
        return nil
    }

    /// The same, with what HTTP wants where there is none.
    public func match(_ method: HTTPMethod, _ path: borrowing Span<UInt8>) -> Match {
        if let route = route(method, path) { return .route(route) }
        guard method != .other else { return .unknownMethod }
        guard let resource = resource(at: path) else {
            // `OPTIONS *` asks about the server, not about a path.
            return method == .options && path.equals("*") ? .options(allow: "GET, HEAD, OPTIONS, POST") : .notFound
        }
        return method == .options ? .options(allow: resource.allow) : .methodNotAllowed(allow: resource.allow)
    }

    private func resource(at path: borrowing Span<UInt8>) -> Resource? {
        for resource in exact where resource.isAt(path) { return resource }
        for resource in prefixes where resource.isPrefix(of: path) { return resource }
        return nil
    }

    /// The answer to a request that leads to no route.
    public func refuse(_ request: borrowing HTTPRequest) -> HTTPResponse {
        let problem: HTTPProblem
        switch match(request.method, request.path) {
        case .options(let allow):
            var response = HTTPResponse(status: 204)
            response.fields.append("allow", allow)
            return response
        case .methodNotAllowed(let allow): problem = .methodNotAllowed(request.method, allow: allow)
        case .notFound: problem = .notFound(request.pathText)
        case .unknownMethod: problem = .unknownMethod()
        case .route: preconditionFailure("a request that leads to a route is the route's to answer")
        }
        return problem.response(requestID: request.idText, types: problemTypes)
    }
}
