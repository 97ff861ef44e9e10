import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Eviction of idle connections")
    struct Eviction {
        private func limited(loops: Int = 1) throws -> TestServer {
            try TestServer {
                $0.maxConnections = 4
                $0.reservedConnections = 1
                $0.loops = loops
            }
        }

        private func serve(_ client: Client) {
            client.get("/")
            #expect(client.reply()?.status == 200)
        }

        /// Clients that were served in that order, a second apart, and are idle for longer than a close lingers.
        private func idle(_ count: Int, of server: TestServer) throws -> [Client] {
            let clients = try (0..<count).map { _ in try server.client() }
            for client in clients {
                serve(client)
                server.advance(by: .seconds(1))
            }
            server.advance(by: .seconds(5))
            return clients
        }

        @Test("a new client takes the seat of the one that is idle longest, again and again")
        func longest() throws {
            let server = try limited()
            var clients = try idle(4, of: server)
            // The first to connect is not the first to go: it was used last.
            serve(clients[0])
            clients.append(clients.removeFirst())
            for _ in 0..<12 {
                server.advance(by: .seconds(5))
                let new = try server.client()
                serve(new)
                let evicted = clients.removeFirst()
                #expect(evicted.readToEnd())
                #expect(evicted.received.isEmpty)
                #expect(!evicted.wasReset)
                clients.append(new)
                #expect(server.server.status.openConnections == 4)
            }
            clients.forEach(serve)
        }

        @Test("clients whose last replies have only just been delivered make room too, time standing still")
        func recent() throws {
            let server = try limited()
            let clients = try (0..<4).map { _ in try server.client() }
            clients.forEach(serve)
            // Who comes before the oldest client's kernel has acknowledged its reply is told to try again.
            #expect(
                eventually {
                    guard let new = try? server.client() else { return false }
                    new.get("/")
                    return new.reply()?.status == 200
                })
            #expect(clients[0].readToEnd())
            #expect(clients[0].received.isEmpty && !clients[0].wasReset)
        }

        @Test("a client that has begun a request, or sent one that is not read yet, keeps its seat")
        func inFlight() throws {
            let server = try limited()
            let clients = try idle(4, of: server)
            clients[0].send("GET / HTTP/1.1\r\nHost: a\r\n")
            clients[1].send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{")
            clients[2].get("/")
            serve(try server.client())
            #expect(clients[3].readToEnd())
            #expect(clients[3].received.isEmpty)
            clients[0].send("\r\n")
            clients[1].send("}")
            for client in clients[..<3] { #expect(client.reply()?.status == 200) }
        }

        @Test("on the reserve no body is invited that is refused anyway")
        func reservedBody() throws {
            let server = try limited()
            let clients = try (0..<4).map { _ in try server.client() }
            clients.forEach { $0.send("GET / HTTP/1.1\r\nHost: a\r\n") }
            let new = try server.client()
            new.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
            #expect(new.reply()?.status == 503)
            #expect(new.readToEnd())
            // They are there until here: an optimised build lets go of what is not used any more.
            clients.forEach { $0.close() }
        }

        @Test("a client that never said anything goes as well")
        func silent() throws {
            let server = try limited()
            let silent = try (0..<4).map { _ in try server.client() }
            #expect(eventually { server.server.status.openConnections == 4 })
            serve(try server.client())
            #expect(eventually { silent.contains { $0.read(milliseconds: 0) && $0.isClosed } })
        }

        @Test("an idle HTTP/2 connection is told with GOAWAY")
        func http2() throws {
            let server = try limited()
            let clients = try (0..<4).map { _ in try server.client() }
            for client in clients {
                client.send(Frame.preface + Frame.headers(1, flags: 5))
                #expect(eventually { client.read(milliseconds: 0) && !client.received.isEmpty })
            }
            #expect(eventually { server.records.all.count == 4 })
            server.advance(by: .seconds(5))
            serve(try server.client())
            #expect(clients[0].readToEnd())
            #expect(Frame.goaways(in: clients[0].received) == [0])
        }

        @Test("idle clients of other loops make room too")
        func otherLoops() throws {
            let server = try limited(loops: 4)
            for _ in 0..<20 {
                let clients = try idle(4, of: server)
                // One that comes before another loop has made room is told to try again.
                #expect(
                    eventually {
                        guard let client = try? server.client() else { return false }
                        client.get("/")
                        return client.reply()?.status == 200
                    })
                clients.forEach { $0.close() }
                #expect(eventually { server.server.status.openConnections == 0 })
            }
        }
    }
}
