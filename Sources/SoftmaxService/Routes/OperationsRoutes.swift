import HTTPServer

/// A GET route for people, operators and tools: pages, probes, metrics, the version, the API description, explanations of
/// problems.
enum OperationsRoute: CaseIterable {
    case explorer, docs, derivation, icon, live, ready, metrics, version, openAPIYAML, openAPIJSON, catalog, problem

    /// The path; for ``problem`` the prefix of its paths.
    var path: String {
        switch self {
        case .explorer: "/"
        case .docs: "/docs"
        case .derivation: "/docs/derivation"
        case .icon: "/favicon.ico"
        case .live: "/livez"
        case .ready: "/readyz"
        case .metrics: "/metrics"
        case .version: "/version"
        case .openAPIYAML: "/openapi.yaml"
        case .openAPIJSON: "/openapi.json"
        case .catalog: "/.well-known/api-catalog"
        case .problem: HTTPProblemKind.types
        }
    }
}

/// The handler of all ``OperationsRoute``s, none of which ever blocks.
struct OperationsRoutes {
    let status: HTTPServerStatus
    let workBudget: Int
    let log: LogWriter?

    private static let live = Array("{\"status\":\"live\"}".utf8)
    private static let ready = Array("{\"status\":\"ready\"}".utf8)
    private static let json: StaticString = "application/json"

    /// Whether orchestrators and scrapers ask for a path every few seconds.
    static func isProbe(_ path: String) -> Bool { ["/livez", "/readyz", "/metrics"].contains(path) }

    /// Answers a request; probes and metrics with `Cache-Control: no-store`, as they only hold at that moment.
    func respond(
        to request: borrowing HTTPRequest, _ route: OperationsRoute, _ reply: inout ReplyWriter
    ) -> HTTPReply {
        switch route {
        case .explorer: Page.explorer.respond(to: request, &reply)
        case .docs: Page.docs.respond(to: request, &reply)
        case .derivation: Page.derivation.respond(to: request, &reply)
        case .icon: Page.icon.respond(to: request, &reply)
        case .catalog: Page.catalog.respond(to: request, &reply)
        case .live: reply.write(contentType: Self.json, isStored: false, Self.live)
        case .ready:
            guard !status.isDraining else {
                var response = HTTPProblem(.draining, "This server is shutting down.")
                    .response(requestID: request.idText)
                response.fields.append("cache-control", "no-store")
                return .ready(response)
            }
            reply.write(contentType: Self.json, isStored: false, Self.ready)
        case .metrics:
            let metrics = Metrics(status, workBudget: workBudget, log: log)
            reply.write(contentType: "text/plain; version=0.0.4", isStored: false, metrics.bytes)
        case .version:
            reply.write(
                contentType: Self.json, Array("{\"name\":\"softmaxd\",\"version\":\"\(Version.current)\"}".utf8))
        case .openAPIYAML: reply.write(contentType: "application/yaml", PackageResources.openapi_yaml)
        case .openAPIJSON: reply.write(contentType: Self.json, PackageResources.openapi_json)
        case .problem: return Self.explain(request, &reply)
        }
        return .written
    }

    /// Answers `GET /problems/<slug>`, which the `type` of a problem points to: a page for browsers, JSON for all others.
    ///
    /// A slash behind the slug is ignored.
    private static func explain(_ request: borrowing HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        let path = request.pathText
        var slug = path.dropFirst(OperationsRoute.problem.path.count)
        let isFolder = slug.last == "/"
        if isFolder { slug.removeLast() }
        guard let kind = HTTPProblemKind.served.first(where: { $0.slug == slug }) else {
            return .ready(HTTPProblem.notFound(path).response(requestID: request.idText))
        }
        reply.fields.append("vary", "Accept")
        guard !prefersHTML(request) else {
            Page.explanation(of: kind, root: isFolder ? "../../" : "../").send(request, &reply)
            return .written
        }
        let strings = kind.slug.utf8.count + kind.title.utf8.count + kind.explanation.utf8.count
        var text: [UInt8] = []
        // Escaping takes at most six bytes for each byte of the strings; the rest is below 100 bytes.
        text.write(atMost: 100 + 6 * strings) { text in
            text.append("{\"type\":")
            text.appendJSON(HTTPProblemKind.types + kind.slug)
            text.append(",\"status\":")
            text.appendDecimal(kind.status)
            text.append(",\"title\":")
            text.appendJSON(kind.title)
            text.append(",\"detail\":")
            text.appendJSON(kind.explanation)
            text.append("}")
        }
        reply.write(contentType: json, text)
        return .written
    }

    /// Whether `Accept` prefers HTML to both kinds of JSON that an explanation might be taken for.
    ///
    /// Browsers do. `*/*`, which curl sends, gives all types the same weight, as no `Accept` at all does.
    private static func prefersHTML(_ request: borrowing HTTPRequest) -> Bool {
        let html = request.weight(of: "text/html")
        return html > request.weight(of: "application/json") && html > request.weight(of: "application/problem+json")
    }
}
