import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Health checks")
    struct HealthChecks {
        @Test("a probe tells the status of what answers", arguments: ["127.0.0.1", "0.0.0.0"])
        func status(host: String) throws {
            let server = try TestServer(handler: { request in
                .ready(HTTPResponse(status: request.path == "/live" ? 200 : 503))
            })
            #expect(HTTPProbe.status(host: host, port: server.port, path: "/live") == 200)
            #expect(HTTPProbe.status(host: host, port: server.port, path: "/other") == 503)
        }

        @Test("a probe tells of no status where nobody listens, or the name is no host's")
        func nobody() throws {
            let port = try {
                let server = try TestServer()
                return server.port
            }()
            #expect(HTTPProbe.status(host: "127.0.0.1", port: port, path: "/") == nil)
            #expect(HTTPProbe.status(host: "[no address]", port: port, path: "/") == nil)
        }
    }
}
