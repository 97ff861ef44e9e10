import HTTPServer
import Testing

@Suite("Router")
struct RouterTests {
    private static let router: TestRouter = {
        var router = TestRouter()
        func answer(_ text: String) -> TestRouter.Respond {
            { request in .ready(HTTPResponse(status: 200, body: .bytes(Array("\(text) \(request.path)".utf8)))) }
        }
        router.on(.get, "/", answer("root"))
        router.on(.post, "/softmax", answer("softmax"))
        router.on(.get, prefix: "/problems/", answer("problem"))
        router.on(.get, "/problems/own", answer("own"))
        router.on(.get, prefix: "/problems/deep/", answer("deep"))
        router.on(.post, "/", answer("root post"))
        return router
    }()

    @Test(
        "method and path lead to a route or to what HTTP wants instead",
        arguments: [
            (.get, "/", .route(0)), (.head, "/", .route(0)), (.post, "/", .route(5)), (.post, "/softmax", .route(1)),
            (.get, "/softmax", .methodNotAllowed(allow: "OPTIONS, POST")),
            (.head, "/softmax", .methodNotAllowed(allow: "OPTIONS, POST")),
            (.options, "/softmax", .options(allow: "OPTIONS, POST")),
            (.options, "/", .options(allow: "GET, HEAD, OPTIONS, POST")),
            (.options, "*", .options(allow: "GET, HEAD, OPTIONS, POST")), (.options, "/none", .notFound),
            (.get, "*", .notFound), (.get, "/Softmax", .notFound), (.post, "/softmax/", .route(1)),
            (.get, "/softmax/", .methodNotAllowed(allow: "OPTIONS, POST")), (.post, "/softmax//", .notFound),
            (.post, "/softmax/x", .notFound), (.get, "/problems/own/", .route(3)), (.get, "/problems/deep/", .route(4)),
            (.get, "/%73oftmax", .notFound), (.get, "//", .notFound), (.get, "", .notFound),
            (.get, "/problems/", .route(2)), (.get, "/problems/x", .route(2)), (.get, "/problems/own", .route(3)),
            (.get, "/problems/deep/x", .route(4)), (.get, "/problems", .notFound),
            (.post, "/problems/x", .methodNotAllowed(allow: "GET, HEAD, OPTIONS")),
            (.put, "/softmax", .methodNotAllowed(allow: "OPTIONS, POST")),
            (.delete, "/softmax", .methodNotAllowed(allow: "OPTIONS, POST")),
            (.trace, "/softmax", .methodNotAllowed(allow: "OPTIONS, POST")),
            (.patch, "/softmax", .methodNotAllowed(allow: "OPTIONS, POST")),
            (.query, "/softmax", .methodNotAllowed(allow: "OPTIONS, POST")),
            (.patch, "/none", .notFound), (method("PURGE"), "/softmax", .unknownMethod),
            (method("post"), "/softmax", .unknownMethod), (method("FOO"), "/none", .unknownMethod),
            (method("FOO"), "*", .unknownMethod),
        ] as [(HTTPMethod, String, Router.Match)])
    func match(_ method: HTTPMethod, _ path: String, _ expected: Router.Match) {
        let bytes = Array(path.utf8)
        #expect(Self.router.router.match(method, bytes.span) == expected)
    }

    /// The method that a token names.
    private static func method(_ token: String) -> HTTPMethod {
        let bytes = Array(token.utf8)
        return HTTPMethod(bytes.span)
    }

    @Test("a method is the one that its token names, in that case; any other token names none")
    func methods() {
        for method in HTTPMethod.allCases where method != .other {
            #expect(Self.method(method.name.description) == method)
            #expect(Self.method(method.name.description.lowercased()) == .other)
            #expect(Self.method(method.name.description + "S") == .other)
        }
        #expect(Self.method("") == .other)
    }

    @Test("a method that nobody knows is not implemented, and the connection goes on")
    func unknownMethod() throws {
        let driver = SessionDriver(router: Self.router)
        driver.receive("get /softmax HTTP/1.1\r\nHost: a\r\n\r\nFOO /x HTTP/1.1\r\nHost: a\r\n\r\n")
        driver.receive("PUT /softmax HTTP/1.1\r\nHost: a\r\n\r\n")
        let replies = try #require(driver.replies())
        #expect(replies.map(\.status) == [501, 501, 405])
        #expect(replies.map { $0["allow"] } == [nil, nil, "OPTIONS, POST"])
        #expect(replies.allSatisfy { $0["content-type"] == "application/problem+json" })
    }

    @Test("OPTIONS is answered 204 with Allow")
    func options() throws {
        let driver = SessionDriver(router: Self.router)
        driver.receive("OPTIONS /problems/a HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        let replies = try #require(driver.replies())
        #expect(replies.map(\.status) == [204, 204])
        #expect(replies.map { $0["allow"] } == ["GET, HEAD, OPTIONS", "GET, HEAD, OPTIONS, POST"])
    }

    @Test("a route's handler gets the request")
    func handler() {
        let driver = SessionDriver(router: Self.router)
        driver.receive("GET /problems/deep/1?q HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(driver.replies()?.first?.text == "deep /problems/deep/1")
    }

    @Test(
        "the problems it answers with are of the service's types",
        arguments: [
            ("GET", "not-found"), ("BREW", "not-implemented"), ("PUT", "not-found"),
        ])
    func types(method: String, slug: String) throws {
        for types in ["", "https://example.org/kinds/"] {
            let head = try #require(HeadCopy(line: "\(method) /nowhere HTTP/1.1", []))
            let response = head.withRequest { Router(problemTypes: types).refuse($0) }
            guard case .bytes(let text) = response.body else {
                Issue.record("no answer at once")
                continue
            }
            #expect(String(decoding: text, as: UTF8.self).hasPrefix("{\"type\":\"\(types)\(slug)\","))
        }
    }
}
