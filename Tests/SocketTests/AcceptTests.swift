import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Accepting on two loops")
    struct Accepting {
        private func answered(_ server: TestServer) -> Int { server.records.perLoop.values.reduce(0, +) }

        @Test("both loops get connections")
        func both() throws {
            let server = try TestServer()
            // All on one loop: once in 2⁶³ runs.
            let clients = try (0..<64).map { _ in try server.client() }
            for client in clients {
                client.get("/")
                #expect(client.reply()?.status == 200)
            }
            #expect(eventually { answered(server) == 64 })
            #expect(server.records.perLoop.count == 2)
            #expect(server.server.status.counts.accepted == 64)
        }

        @Test("connections of a loop that is held up wait for it, those of the other are served, and none is lost")
        func starved() throws {
            let gate = Gate()
            let server = try TestServer { _ in
            } handler: { request in
                // On the loop's own thread.
                if request.path == "/hold" { gate.pass() }
                return TestServer.ok(request)
            }
            let holding = try server.client()
            holding.get("/hold")
            #expect(eventually { gate.waiting == 1 })
            let clients = try (0..<64).map { _ in try server.client() }
            clients.forEach { $0.get("/") }
            // Whoever is answered now is so by the loop that is not held up: accepted connections are those and the one
            // that holds. Waiting longer changes nothing, as the kernel chose when each connected.
            #expect(eventually { answered(server) > 0 && answered(server) + 1 == server.server.status.counts.accepted })
            let others = server.records.perLoop
            #expect(others.count == 1)
            gate.open()
            #expect(holding.reply()?.status == 200)
            for client in clients {
                #expect(client.reply()?.text == "OK")
                #expect(!client.isClosed)
            }
            #expect(eventually { answered(server) == 65 })
            #expect(server.records.perLoop.count == 2)
            #expect(server.server.status.counts.accepted == 65)
            #expect(server.server.status.counts.incomplete == 0)
        }
    }
}
