import HTTPServer
import Testing

@testable import SoftmaxService

@Suite struct HeadFirstTests {
    @Test(
        arguments: [
            ("POST", "/softmax", [], 400), ("POST", "/softmax", [("content-type", "application/json")], 400),
            ("POST", "/nope", [], 404), ("GET", "/nope", [], 404), ("PUT", "/softmax", [], 405),
            ("GET", "/vjp", [], 405), ("POST", "/livez", [], 405), ("BREW", "/softmax", [], 501),
            ("POST", "/jvp", [("accept", "text/html")], 406), ("POST", "/jvp", [("content-type", "text/plain")], 415),
            ("POST", "/jacobian", [("content-encoding", "gzip")], 415), ("OPTIONS", "/softmax", [], 204),
            ("GET", "/livez", [], 200), ("HEAD", "/version", [], 200), ("GET", "/problems/not-json", [], 200),
        ] as [(String, String, [(String, String)], Int)])
    func `a body is accepted only if it decides the answer`(
        _ method: String, _ path: String, _ lines: [(String, String)], _ status: Int
    ) {
        for origins in [[], ["*"]] {
            let service = service { $0.corsOrigins = origins }
            let head = SentRequest(method, path, fields: lines)
            // The body is empty, which is no JSON: 400 shows that it was read.
            #expect(head.withRequest { service.admit($0).takesBody } == (status == 400))
            #expect(service.finish(head).status == status)
        }
    }
}
