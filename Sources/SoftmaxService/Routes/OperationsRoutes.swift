import HTTPServer

/// Probes and self-description.
enum OperationsRoutes {
    /// Whether a path is one that orchestrators and scrapers ask for every few seconds.
    static func isProbe(_ path: String) -> Bool { ["/livez", "/readyz", "/metrics"].contains(path) }

    /// Adds them.
    ///
    /// They do nothing that could wait.
    static func add(to router: inout Router, status: HTTPServerStatus, workBudget: Int, log: LogWriter?) {
        let (live, ready) = (Array("{\"status\":\"live\"}".utf8), Array("{\"status\":\"ready\"}".utf8))
        router.on(.get, "/livez") { _ in .ready(.probe(.bytes(live))) }
        router.on(.get, "/readyz") { request in
            guard status.isDraining else { return .ready(.probe(.bytes(ready))) }
            let problem = HTTPProblem(.draining, "This server is shutting down.")
            return .ready(problem.response(requestID: request.id).notStored)
        }
        router.on(.get, "/metrics") { _ in
            let metrics = Metrics(status, workBudget: workBudget, log: log)
            return .ready(HTTPResponse.ok(metrics.bytes, type: "text/plain; version=0.0.4").notStored)
        }
        router.on(.get, "/version") { _ in
            .ready(.json(.bytes(Array("{\"name\":\"softmaxd\",\"version\":\"\(Version.current)\"}".utf8))))
        }
        router.on(.get, "/openapi.yaml") { _ in
            .ready(.ok(PackageResources.openapi_yaml, type: "application/yaml"))
        }
        router.on(.get, "/openapi.json") { _ in .ready(.json(.bytes(PackageResources.openapi_json))) }
        router.on(.get, prefix: HTTPProblemKind.types) { explain($0) }
    }

    /// `GET /problems/<slug>`: what the `type` of a problem points to.
    private static func explain(_ request: HTTPRequest) -> HTTPReply {
        let slug = request.path.dropFirst(HTTPProblemKind.types.count)
        guard let kind = HTTPProblemKind.served.first(where: { $0.slug == slug }) else {
            return .ready(HTTPProblem.notFound(request.path).response(requestID: request.id))
        }
        let strings = kind.slug.utf8.count + kind.title.utf8.count + kind.explanation.utf8.count
        var text: [UInt8] = []
        // Beside those strings, of which a byte takes six at most: names and a number, below 100 bytes.
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
        return .ready(.json(.bytes(text)))
    }
}
