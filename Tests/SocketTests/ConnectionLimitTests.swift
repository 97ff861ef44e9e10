import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Connection limits")
    struct ConnectionLimits {
        private func limited() throws -> TestServer {
            try TestServer {
                $0.maxConnections = 4
                $0.reservedConnections = 2
                $0.isProbe = { $0 == "/livez" }
            }
        }

        @Test("past the limit the reserve answers probes and nothing else, once")
        func reserve() throws {
            let server = try limited()
            let regular = try busy(4, of: server)
            let probe = try server.client()
            probe.get("/livez")
            let alive = try #require(probe.reply())
            #expect(alive.status == 200)
            #expect(alive["connection"] == "close")
            let other = try server.client()
            other.get("/")
            let refused = try #require(other.reply())
            #expect(refused.status == 503)
            #expect(refused["retry-after"] == "1")
            #expect(refused["connection"] == "close")
            #expect(probe.readToEnd())
            #expect(other.readToEnd())
            for client in regular {
                client.send("\r\n")
                #expect(client.reply()?.status == 200)
            }
        }

        /// Clients that were served once and are in the midst of another request: none of them is idle.
        private func busy(_ count: Int, of server: TestServer) throws -> [Client] {
            let clients = try (0..<count).map { _ in try server.client() }
            for client in clients {
                client.get("/")
                #expect(client.reply()?.status == 200)
                client.send("GET / HTTP/1.1\r\nHost: a\r\n")
            }
            return clients
        }

        @Test("up to the limit nobody is put on the reserve, whatever the other loop is looking at meanwhile")
        func exact() throws {
            for _ in 0..<200 {
                let server = try limited()
                let clients = try (0..<4).map { _ in try server.client() }
                for client in clients { client.get("/") }
                for client in clients { #expect(client.reply()?.status == 200) }
            }
        }

        @Test("past the reserve accepting pauses, and goes on when a seat is free")
        func pause() throws {
            let server = try limited()
            let taken = try busy(4, of: server) + (0..<2).map { _ in try server.client() }
            #expect(eventually { server.server.status.openConnections == 6 })
            let waiting = try (0..<4).map { _ in try server.client() }
            waiting.forEach { $0.get("/") }
            #expect(eventually { server.server.status.counts.acceptPauses > 0 })
            // A loop looks again after a pause, and once for each: it neither accepts anybody nor spins.
            for _ in 0..<5 {
                let before = server.server.status.counts.acceptPauses
                server.advance(by: .milliseconds(100))
                #expect(eventually { server.server.status.counts.acceptPauses > before })
                #expect(server.server.status.openConnections == 6)
                #expect(waiting.allSatisfy { $0.isQuiet })
            }
            taken.forEach { $0.close() }
            // One loop's connection has closed, the other finds out after its pause.
            #expect(
                eventually {
                    server.advance(by: .milliseconds(100))
                    return server.server.status.counts.accepted == 10
                })
            for client in waiting { #expect(client.reply() != nil) }
        }

        @Test("who says nothing on the reserve loses the seat after a second, whatever the head's deadline")
        func silentReserve() throws {
            let server = try limited()
            let taken = try busy(4, of: server) + (0..<2).map { _ in try server.client() }
            #expect(eventually { server.server.status.openConnections == 6 })
            server.advance(by: .milliseconds(990))
            #expect(taken.allSatisfy { $0.isQuiet })
            server.advance(by: .milliseconds(10))
            #expect(server.server.status.openConnections == 4)
            // Which two of the six got the reserve's seats is the loops' affair: any of them may have been accepted last.
            let kept = taken.filter { client in
                client.read(milliseconds: 0)
                return !client.isClosed
            }
            #expect(kept.count == 4)
            #expect(taken.allSatisfy { $0.received.isEmpty && !$0.wasReset })
            let probe = try server.client()
            probe.get("/livez")
            #expect(probe.reply()?.status == 200)
            for client in kept {
                client.send("\r\n")
                let reply = client.reply()
                #expect(reply?.status == 200 && reply?["connection"] == nil)
            }
        }

        @Test("past the memory for bodies a large request gets 503 and small ones are served on")
        func bodies() throws {
            let server = try TestServer { $0.bodyMemory = 250_000 }
            let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n"
            let half = [UInt8](repeating: 0x61, count: 150_000)
            let first = try server.client()
            first.send(Array(head.utf8) + half)
            #expect(eventually { server.server.status.bodyBytes == 150_000 - 65_536 })
            let second = try server.client()
            second.send(Array(head.utf8) + half + half)
            let refused = try #require(second.reply())
            #expect(refused.status == 503)
            #expect(refused["retry-after"] == "1")
            let small = try server.client()
            small.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            #expect(small.reply()?.status == 200)
            // What was stored of the refused body is released just after its reply is sent.
            #expect(eventually { server.server.status.bodyBytes == 150_000 - 65_536 })
            first.send(half)
            #expect(first.reply()?.status == 200)
            #expect(eventually { server.server.status.bodyBytes == 0 })
        }
    }
}
