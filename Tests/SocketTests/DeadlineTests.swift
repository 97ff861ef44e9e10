import Glibc
import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Deadlines")
    struct Deadlines {
        @Test("a head that does not get finished is answered with 408, however busily it dribbles")
        func head() throws {
            let server = try TestServer { $0.headDeadline = .milliseconds(300) }
            let client = try server.client()
            client.send("GET / HTTP/1.1\r\nHost: a\r\n")
            var sent = 0
            while !client.read(milliseconds: 20), sent < 500 {
                client.send("X-A: b\r\n")
                sent += 1
            }
            #expect(client.reply()?.status == 408)
            #expect(client.readToEnd())
            #expect(eventually { server.records.all.first?.problem == "request-timeout" })
        }

        @Test("a body slower than the floor rate is answered with 408")
        func body() throws {
            let server = try TestServer {
                $0.bodyDeadline = .milliseconds(200)
                $0.minimumRate = 10_000
            }
            let client = try server.client()
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            var sent = 0
            // 1000 bytes/s and so a tenth of the floor.
            while !client.read(milliseconds: 20), sent < 500 {
                client.send([UInt8](repeating: 1, count: 20))
                sent += 1
            }
            #expect(client.reply()?.status == 408)
        }

        @Test("a body that is long in coming but above the floor rate is taken")
        func steadyBody() throws {
            let server = try TestServer {
                $0.bodyDeadline = .milliseconds(100)
                $0.minimumRate = 1_000
            }
            let client = try server.client()
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")
            for _ in 0..<20 {
                client.send([UInt8](repeating: 1, count: 100))
                #expect(!client.read(milliseconds: 15) || client.received.starts(with: Array("HTTP/1.1 200".utf8)))
            }
            #expect(client.reply()?.body.count == 2_000)
        }

        @Test("an idle connection is closed silently, a new one by the head's deadline")
        func idle() throws {
            let server = try TestServer {
                $0.headDeadline = .milliseconds(150)
                $0.idleDeadline = .milliseconds(400)
            }
            let start = TransportClock.system.monotonic()
            let new = try server.client()
            let used = try server.client()
            used.get("/")
            #expect(used.reply()?.status == 200)
            #expect(new.readToEnd())
            let newEnded = TransportClock.system.monotonic() - start
            #expect(new.received.isEmpty)
            #expect(used.readToEnd())
            let usedEnded = TransportClock.system.monotonic() - start
            #expect(used.received.isEmpty)
            #expect(newEnded >= 150_000_000)
            #expect(usedEnded >= 400_000_000)
        }

        @Test("a reply nobody reads ends the connection and its stream")
        func stalledReader() throws {
            let source = CountingSource(pieces: 100_000, size: 64 * 1024)
            let server = try TestServer({ $0.writeDeadline = .milliseconds(200) }) { _ in
                .deferred(cost: 4) { _ in .ready(HTTPResponse(status: 200, body: .stream(source))) }
            }
            let client = try server.client(receiveBuffer: 16 * 1024)
            client.get("/")
            #expect(client.read())
            #expect(eventually { server.server.status.openConnections == 0 })
            #expect(server.server.status.workCost == 0)
            #expect(eventually { server.records.all.first?.isComplete == false })
        }

        @Test("a slow but steady reader is not given up")
        func steadyReader() throws {
            let server = try TestServer({
                $0.writeDeadline = .milliseconds(100)
                $0.minimumRate = 1_000
            }) { _ in .ready(HTTPResponse(status: 200, body: .stream(CountingSource(pieces: 160, size: 64 * 1024)))) }
            let client = try server.client(receiveBuffer: 256 * 1024)
            client.get("/")
            // The rate leaves the server waiting for room for several of its deadlines.
            var rounds = 0
            while client.read(milliseconds: 5_000, atMost: 512 * 1024), rounds < 40 {
                usleep(20_000)
                rounds += 1
            }
            #expect(client.reply()?.body.count == 160 * 64 * 1024)
        }

        @Test("after an early error the connection is dropped when the client does not stop")
        func linger() throws {
            let server = try TestServer { $0.lingerDeadline = .milliseconds(200) }
            let client = try server.client()
            client.send("BAD\r\n\r\n")
            #expect(client.reply()?.status == 400)
            let start = TransportClock.system.monotonic()
            #expect(eventually { server.server.status.openConnections == 0 })
            #expect(TransportClock.system.monotonic() - start >= 150_000_000)
        }

        @Test("what a lingering connection drops is bounded")
        func lingerBytes() throws {
            let server = try TestServer {
                $0.lingerBytes = 100_000
                $0.lingerDeadline = .seconds(30)
            }
            let client = try server.client()
            client.send("BAD\r\n\r\n")
            #expect(client.reply()?.status == 400)
            client.send([UInt8](repeating: 0, count: 200_000))
            #expect(eventually { server.server.status.openConnections == 0 })
        }
    }
}
