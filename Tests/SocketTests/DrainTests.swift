import Dispatch
import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Drain")
    struct Drain {
        @Test("requests in flight are finished, idle connections closed, and the server ends")
        func inFlight() throws {
            let gate = Gate()
            let server = try TestServer({ _ in }) { request in
                guard request.path == "/slow" else { return TestServer.ok(request) }
                return .deferred(cost: 1) { _ in
                    gate.pass()
                    return HTTPResponse(status: 200, body: .bytes(Array("slow".utf8)))
                }
            }
            let idle = try server.client()
            idle.get("/")
            #expect(idle.reply()?.status == 200)
            let busy = try server.client()
            busy.get("/slow")
            let begun = try server.client()
            begun.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
            #expect(eventually { gate.waiting == 1 && server.server.status.openConnections == 3 })
            #expect(!server.server.status.isDraining)
            server.server.beginDrain()
            #expect(server.server.status.isDraining)
            server.settle()
            #expect(idle.isQuiet)
            server.advance(by: .seconds(1))
            #expect(idle.readToEnd())
            #expect(idle.received.isEmpty && !idle.wasReset)
            #expect(!server.isListening)
            #expect(throws: ConnectFailure.self) { try server.client() }
            begun.send("cd")
            let late = try #require(begun.reply())
            #expect(late.text == "abcd")
            #expect(late["connection"] == "close")
            gate.open()
            let reply = try #require(busy.reply())
            #expect(reply.text == "slow")
            #expect(reply["connection"] == "close")
            #expect(busy.readToEnd())
            #expect(begun.readToEnd())
            [idle, busy, begun].forEach { $0.close() }
            server.expectStopped()
            #expect(server.server.status.counts.incomplete == 0)
        }

        @Test("a connection that was accepted before the drain still gets its first request answered")
        func firstRequest() throws {
            let server = try TestServer()
            let clients = try (0..<20).map { _ in try server.client() }
            #expect(eventually { server.server.status.openConnections == 20 })
            beginDrain(of: server)
            #expect(clients.allSatisfy { $0.isQuiet })
            for client in clients {
                client.get("/")
                let reply = try #require(client.reply())
                #expect(reply.status == 200)
                #expect(reply["connection"] == "close")
                client.close()
            }
            server.expectStopped()
        }

        @Test("a connection that sends no more after the drain's beginning is closed a second later")
        func noRequest() throws {
            let server = try TestServer()
            let clients = try (0..<20).map { _ in try server.client() }
            #expect(eventually { server.server.status.openConnections == 20 })
            beginDrain(of: server)
            server.advance(by: .milliseconds(940))
            #expect(clients.allSatisfy { $0.isQuiet })
            server.advance(by: .milliseconds(10))
            for client in clients { #expect(client.readToEnd() && !client.wasReset) }
            server.expectStopped()
        }

        /// Begins it and lets handshakes end: every loop has heard of it, and no listener is left.
        private func beginDrain(of server: TestServer) {
            server.server.beginDrain()
            server.settle()
            server.advance(by: .milliseconds(50))
            #expect(!server.isListening)
        }

        @Test("a connection in use gets one more request answered, in case it was on its way")
        func nextRequest() throws {
            let server = try TestServer()
            let clients = try (0..<20).map { _ in try server.client() }
            for client in clients {
                client.get("/")
                #expect(client.reply()?["connection"] != "close")
            }
            beginDrain(of: server)
            for client in clients {
                client.get("/")
                let reply = try #require(client.reply())
                #expect(reply["connection"] == "close")
                #expect(client.readToEnd())
                client.close()
            }
            server.expectStopped()
        }

        @Test("a client whose streamed reply began before the drain gets one more request answered after it")
        func streamed() throws {
            let source = GatedSource(pieces: 2)
            let server = try TestServer { _ in
            } handler: { request in
                request.path == "/stream"
                    ? .ready(HTTPResponse(status: 200, body: .stream(source))) : TestServer.ok(request)
            }
            let client = try server.client()
            client.get("/stream")
            #expect(eventually { source.gate.waiting == 1 })
            beginDrain(of: server)
            source.gate.open()
            let reply = try #require(client.reply())
            #expect(reply.isWhole && reply["connection"] == nil)
            client.get("/")
            let last = try #require(client.reply())
            #expect(last.text == "OK")
            #expect(last["connection"] == "close")
            #expect(client.readToEnd())
            client.close()
            server.expectStopped()
        }

        @Test("no request that was sent is lost while clients keep coming")
        func underLoad() throws {
            // Its loops need only some of their time, and that it passes.
            let server = try TestServer(clock: .system)
            let answered = Counter()
            let lost = Counter()
            let isOver = Gate()
            let clients = DispatchGroup()
            let port = server.port
            for _ in 0..<8 {
                DispatchQueue.global().async(group: clients) {
                    // One connection per request: none can be closed while idle.
                    while !isOver.isOpenForAll, let client = try? Client(port: port) {
                        client.get("/")
                        if client.reply()?.status == 200 { answered.add() } else { lost.add() }
                        client.close()
                    }
                }
            }
            #expect(eventually { answered.value > 200 })
            server.server.beginDrain()
            server.expectStopped()
            // Refused by now; were they not, they would have to be told.
            let areRefused = clients.wait(timeout: .now() + 60) == .success
            isOver.open()
            #expect(areRefused)
            #expect(lost.value == 0)
        }

        @Test("what is not finished by the drain's deadline is cut")
        func deadline() throws {
            let gate = Gate()
            let server = try TestServer({ _ in }) { _ in
                .deferred(cost: 1) { ticket in
                    _ = eventually { ticket.isCancelled }
                    if ticket.isCancelled { gate.open() }
                    return HTTPResponse(status: 200)
                }
            }
            let client = try server.client()
            client.get("/")
            #expect(eventually { server.server.status.workCost == 1 })
            beginDrain(of: server)
            server.advance(by: .milliseconds(29_940))
            #expect(client.isQuiet)
            #expect(server.server.status.openConnections == 1)
            server.advance(by: .milliseconds(10))
            server.expectStopped()
            #expect(client.readToEnd())
            #expect(eventually { gate.isOpenForAll })
            #expect(eventually { server.server.status.workCost == 0 })
            #expect(server.server.status.openConnections == 0)
        }

        @Test("during the drain delay new connections are still served, and the status says so")
        func delay() throws {
            let server = try TestServer { $0.drainDelay = .seconds(5) }
            server.server.beginDrain()
            #expect(server.server.status.isDraining)
            server.settle()
            server.advance(by: .milliseconds(4_990))
            #expect(server.isListening)
            let client = try server.client()
            client.get("/")
            let reply = try #require(client.reply())
            #expect(reply.status == 200 && reply["connection"] == nil)
            server.settle()
            server.advance(by: .milliseconds(10))
            server.advance(by: .milliseconds(50))
            #expect(!server.isListening)
            #expect(client.isQuiet)
            server.advance(by: .seconds(1))
            #expect(client.readToEnd())
            client.close()
            server.expectStopped()
        }

        @Test("stopping at once closes everything")
        func stopNow() throws {
            let server = try TestServer()
            let client = try server.client()
            client.get("/")
            #expect(client.reply()?.status == 200)
            server.server.stopNow()
            server.expectStopped()
            #expect(client.readToEnd())
            #expect(server.records.flushes >= 2)
        }
    }
}
