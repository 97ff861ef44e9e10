import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Responses that the server makes by itself")
    struct Completion {
        @Test("the handler completes them, by the request's fields as far as they were read")
        func completes() throws {
            let gate = Gate()
            let server = try TestServer {
                $0.limits.body = 10
                $0.limits.fieldCount = 3
                $0.workBudget = 5
            } handler: { request in
                .deferred(cost: request.path == "/dear" ? 6 : 5) { _ in
                    gate.pass()
                    return HTTPResponse(status: 200)
                }
            }
            let requests = [
                ("POST / HTTP/1.1\r\nHost: a\r\nX-Mark: yes\r\nContent-Length: 11\r\n\r\n", 413),
                ("GET / HTTP/1.1\r\nHost: a\r\nX-Mark: yes\r\nB: b\r\nC: c\r\n\r\n", 431),
                ("GET /dear HTTP/1.1\r\nHost: a\r\nX-Mark: yes\r\n\r\n", 503),
            ]
            for (request, status) in requests {
                let client = try server.client()
                client.send(request)
                let reply = client.reply()
                #expect(reply?.status == status)
                #expect(reply?["x-completed"] == "yes", "\(request)")
            }
            let late = try server.client()
            late.get("/late", "X-Mark: yes\r\n")
            #expect(eventually { gate.waiting == 1 })
            server.advance(by: .seconds(60))
            let reply = late.reply()
            #expect(reply?.status == 503)
            #expect(reply?["x-completed"] == "yes")
            gate.open()
            let client = try server.client()
            client.send("nonsense\r\n\r\n")
            #expect(client.reply()?["x-completed"] == "without")
        }
    }
}
