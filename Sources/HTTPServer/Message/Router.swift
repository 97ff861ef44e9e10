/// Maps methods and paths to routes, and answers requests without a route as RFC 9110 requires.
///
/// Paths are exact, but for prefixes that end in `/`; an exact path wins over a prefix and a longer prefix over a
/// shorter one. One trailing slash too many is ignored: `/a/` is `/a` where only that is known. Otherwise they are compared
/// as sent: `/%61` is not `/a`. A method that is not recognised gets 501 whatever the path
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

    /// All that is at one path, or below one prefix.
    private struct Resource: BitwiseCopyable, Sendable {
        /// Where its path is in ``paths``, and its `Allow` in ``allows``.
        let path: HeadSlice
        let number: Int
        /// The route of each method, by the method's number; −1 for none.
        var routes = InlineArray<11, Int>(repeating: -1)

        func route(_ method: HTTPMethod) -> Int? {
            let index = routes[Int(method.rawValue)]
            if index >= 0 { return index }
            return method == .head ? route(.get) : nil
        }

        /// `Allow`: HEAD goes with GET, OPTIONS with all.
        var allow: String {
            let methods = HTTPMethod.allCases.filter { $0 == .options || route($0) != nil }
            return methods.map(\.name.description).sorted().joined(separator: ", ")
        }
    }

    private var count = 0
    /// The paths of all resources, one after the other.
    private var paths: [UInt8] = []
    private var allows: [String] = []
    /// Usually a dozen paths of different lengths, for which a linear search is fastest.
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
    public mutating func on(_ method: HTTPMethod, _ path: String) -> Int { add(method, path, to: \.exact) }

    /// Adds a route for every path that begins with `prefix`, which ends in `/`; returns its number.
    @discardableResult
    public mutating func on(_ method: HTTPMethod, prefix: String) -> Int {
        let index = add(method, prefix, to: \.prefixes)
        prefixes.sort { $0.path.count > $1.path.count }
        return index
    }

    private mutating func add(
        _ method: HTTPMethod, _ path: String, to resources: WritableKeyPath<Router, [Resource]>
    ) -> Int {
        let bytes = Array(path.utf8)
        let existing = self[keyPath: resources].firstIndex { paths[$0.path.range].elementsEqual(bytes) }
        let start = paths.count
        if existing == nil {
            paths += bytes
            let resource = Resource(path: HeadSlice(start..<paths.count), number: allows.count)
            self[keyPath: resources].append(resource)
            allows.append("")
        }
        let place = existing ?? self[keyPath: resources].count - 1
        var resource = self[keyPath: resources][place]
        if resource.routes[Int(method.rawValue)] < 0 { resource.routes[Int(method.rawValue)] = count }
        self[keyPath: resources][place] = resource
        allows[resource.number] = resource.allow
        count += 1
        return count - 1
    }

    /// The resource at that path or below the longest prefix of it: its place in ``exact``, or behind these in ``prefixes``.
    private func place(of path: borrowing Span<UInt8>) -> Int? {
        if let index = exactPlace(of: path) { return index }
        if path.count > 2, path[path.count - 1] == UInt8(ascii: "/"),
            let index = exactPlace(of: path.extracting(0..<path.count - 1))
        {
            return index
        }
        let paths = paths.span
        for index in prefixes.indices where prefixes[index].path.count <= path.count {
            let prefix = prefixes[index].path
            if paths.extracting(prefix.range).equals(path.extracting(0..<prefix.count)) { return exact.count + index }
        }
        return nil
    }

    /// The resource at exactly that path: its place in ``exact``.
    @inline(__always)
    private func exactPlace(of path: borrowing Span<UInt8>) -> Int? {
        let paths = paths.span
        for index in exact.indices where exact[index].path.count == path.count {
            if paths.extracting(exact[index].path.range).equals(path) { return index }
        }
        return nil
    }

    /// The route that a method and a path lead to; `nil` where there is none.
    public func route(_ method: HTTPMethod, _ path: borrowing Span<UInt8>) -> Int? {
        guard let place = place(of: path) else { return nil }
        return place < exact.count ? exact[place].route(method) : prefixes[place - exact.count].route(method)
    }

    /// The same, with the answer where there is no route.
    public func match(_ method: HTTPMethod, _ path: borrowing Span<UInt8>) -> Match {
        if let route = route(method, path) { return .route(route) }
        guard method != .other else { return .unknownMethod }
        guard let place = place(of: path) else {
            // `OPTIONS *` asks about the server, not about a path.
            return method == .options && path.equals("*") ? .options(allow: "GET, HEAD, OPTIONS, POST") : .notFound
        }
        let resource = place < exact.count ? exact[place] : prefixes[place - exact.count]
        return method == .options
            ? .options(allow: allows[resource.number])
            : .methodNotAllowed(allow: allows[resource.number])
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
