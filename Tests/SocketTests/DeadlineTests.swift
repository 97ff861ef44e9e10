import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Deadlines")
    struct Deadlines {
        /// A client that has been answered once; what it sends with that request has been read by then too.
        private func client(of server: TestServer, sending beginning: String) throws -> Client {
            let client = try server.client()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + beginning)
            #expect(client.reply()?.status == 200)
            server.settle()
            return client
        }

        @Test("a head that does not get finished is answered with 408, however busily it dribbles")
        func head() throws {
            let server = try TestServer()
            let client = try client(of: server, sending: "GET / HTTP/1.1\r\nHost: a\r\n")
            for _ in 0..<9 {
                server.advance(by: .seconds(1))
                client.send("X-A: b\r\n")
                #expect(client.isQuiet)
            }
            server.advance(by: .milliseconds(990))
            #expect(client.isQuiet)
            server.advance(by: .milliseconds(10))
            #expect(client.reply()?.status == 408)
            #expect(client.readToEnd())
            #expect(eventually { server.records.all.last?.problem == "request-timeout" })
        }

        @Test("a body slower than the floor rate is answered with 408, not before its first deadline")
        func body() throws {
            let server = try TestServer()
            let client = try client(
                of: server, sending: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            server.advance(by: .milliseconds(9_990))
            #expect(client.isQuiet)
            // A tenth of the floor.
            for _ in 0..<100 where client.isQuiet {
                client.send([UInt8](repeating: 1, count: 50))
                server.advance(by: .seconds(1))
            }
            #expect(client.reply()?.status == 408)
        }

        @Test("a body that is long in coming but above the floor rate is taken")
        func steadyBody() throws {
            let server = try TestServer()
            let client = try client(of: server, sending: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 72000\r\n\r\n")
            for _ in 0..<119 {
                client.send([UInt8](repeating: 1, count: 600))
                server.advance(by: .seconds(1))
                #expect(client.isQuiet)
            }
            client.send([UInt8](repeating: 1, count: 600))
            #expect(client.reply()?.body.count == 72_000)
        }

        @Test("an idle connection is closed silently, a new one by the head's deadline")
        func idle() throws {
            let server = try TestServer()
            let new = try server.client()
            let used = try client(of: server, sending: "")
            #expect(eventually { server.server.status.openConnections == 2 })
            server.advance(by: .milliseconds(9_990))
            #expect(new.isQuiet && used.isQuiet)
            server.advance(by: .milliseconds(10))
            #expect(new.readToEnd())
            #expect(new.received.isEmpty && !new.wasReset)
            server.advance(by: .milliseconds(64_990))
            #expect(used.isQuiet)
            #expect(server.server.status.openConnections == 1)
            server.advance(by: .milliseconds(10))
            #expect(used.readToEnd())
            #expect(used.received.isEmpty && !used.wasReset)
        }

        @Test("a reply nobody reads ends the connection and its stream")
        func stalledReader() throws {
            let source = CountingSource(pieces: 100_000, size: 64 * 1024)
            let server = try TestServer({ _ in }) { _ in
                .deferred(cost: 4) { _ in HTTPResponse(status: 200, body: .stream(source)) }
            }
            let client = try server.client(receiveBuffer: 16 * 1024)
            client.get("/")
            #expect(client.read())
            #expect(
                eventually {
                    server.advance(by: .seconds(10))
                    return server.server.status.openConnections == 0
                })
            #expect(eventually { server.server.status.workCost == 0 })
            #expect(eventually { server.records.all.first?.isComplete == false })
        }

        @Test("a slow but steady reader is not given up, though the server waits for room all the while")
        func steadyReader() throws {
            let source = CountingSource(pieces: 400, size: 64 * 1024)
            let server = try TestServer({ _ in }) { _ in .ready(HTTPResponse(status: 200, body: .stream(source))) }
            let client = try server.client(receiveBuffer: 128 * 1024)
            client.get("/")
            // Each step takes more than the kernel holds for this end (twice what was asked for), so that the server's
            // end has room again before the next: a little more than the floor's 5000 bytes in 10 s would do.
            while client.received.count < 20 << 20, !client.isClosed {
                let before = client.received.count
                while client.received.count < before + 1 << 20, client.read() {}
                server.advance(by: .seconds(9))
            }
            #expect(client.reply()?.body.count == 400 * 64 * 1024)
        }

        @Test("after an early error the connection is dropped when the client does not stop")
        func linger() throws {
            let server = try TestServer()
            let client = try server.client()
            client.send("BAD\r\n\r\n")
            #expect(client.reply()?.status == 400)
            server.settle()
            server.advance(by: .milliseconds(1_990))
            #expect(server.server.status.openConnections == 1)
            server.advance(by: .milliseconds(10))
            #expect(server.server.status.openConnections == 0)
            // It is there until here: an optimised build lets go of what is not used any more.
            client.close()
        }

        @Test("what a lingering connection drops is bounded")
        func lingerBytes() throws {
            let server = try TestServer { $0.lingerBytes = 100_000 }
            let client = try server.client()
            client.send("BAD\r\n\r\n")
            #expect(client.reply()?.status == 400)
            client.send([UInt8](repeating: 0, count: 200_000))
            #expect(eventually { server.server.status.openConnections == 0 })
        }
    }
}
