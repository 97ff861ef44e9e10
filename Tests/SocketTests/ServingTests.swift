import Dispatch
import HTTPServer
import Synchronization
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Serving")
    struct Serving {
        @Test("requests on one connection are answered in order, with Date and a request id")
        func keepAlive() throws {
            let server = try TestServer(clock: .system)
            let client = try server.client()
            var ids: Set<String> = []
            for _ in 0..<50 {
                client.get("/a?b=c", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n")
                let reply = try #require(client.reply())
                #expect(reply.status == 200)
                #expect(reply.text == "OK")
                #expect(reply["date"]?.utf8.count == 29)
                ids.insert(try #require(reply["x-request-id"]))
            }
            #expect(ids.count == 50)
            #expect(eventually { server.records.all.count == 50 })
            let record = try #require(server.records.all.first)
            #expect(record.method == "GET")
            #expect(record.path == "/a")
            #expect(record.status == 200)
            #expect(record.isComplete)
            #expect(record.duration > 0)
            #expect(record.responseBytes == 2)
            #expect(record.traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            #expect(record.peer.hasPrefix("127.0.0.1:"))
            #expect(eventually { server.records.flushes > 0 })
            #expect(server.server.status.counts.statusClasses == [0, 50, 0, 0, 0])
            #expect(server.server.status.counts.accepted == 1)
        }

        @Test("Date is the time of the reply, also of the first one after a pause")
        func dateAfterPause() throws {
            let server = try TestServer()
            let client = try server.client()
            client.get("/")
            #expect(client.reply()?["date"] == "Fri, 15 Jan 2027 08:00:01 GMT")
            server.advance(by: .seconds(60))
            client.get("/")
            #expect(client.reply()?["date"] == "Fri, 15 Jan 2027 08:01:01 GMT")
        }

        @Test("a request id that the client sent comes back, also with a refusal")
        func requestID() throws {
            let server = try TestServer()
            let client = try server.client()
            client.get("/", "X-Request-Id: mine-1\r\n")
            #expect(client.reply()?["x-request-id"] == "mine-1")
            client.send("POST / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-2\r\nContent-Length: 99999999999\r\n\r\n")
            let reply = try #require(client.reply())
            #expect(reply.status == 413)
            #expect(reply["x-request-id"] == "mine-2")
            #expect(eventually { server.records.all.count == 2 })
            #expect(server.records.all.last?.problem == "content-too-large")
            #expect(server.server.status.counts.refused == 1)
        }

        @Test("pipelined requests are all answered in order", arguments: [2, 500, 20_000])
        func pipelining(count: Int) throws {
            let server = try TestServer({ _ in }) { request in
                .ready(HTTPResponse(status: 200, body: .bytes(Array(request.path.utf8))))
            }
            let client = try server.client()
            let requests = (0..<count).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
            // Sent beside the reading: neither end has to hold all of it.
            let sending = DispatchGroup()
            let sender = client.sender
            DispatchQueue.global().async(group: sending) { _ = sender.send(requests.utf8) }
            let end = "/\(count - 1)"
            while client.read(), !client.received.suffix(end.utf8.count).elementsEqual(end.utf8) {}
            sending.wait()
            let replies = try #require(Reply.readAll(client.received))
            #expect(replies.map(\.text) == (0..<count).map { "/\($0)" })
        }

        @Test("a large body goes through both ways unchanged", arguments: [65_535, 65_536, 65_537, 16 * 1024 * 1024])
        func largeBody(size: Int) throws {
            // Made before there is a connection whose head the server waits for, and by copying: under ThreadSanitizer a
            // closure for each of 16 million bytes takes longer than that deadline. The period fits no buffer.
            let period = (0..<65_537).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            var body: [UInt8] = []
            while body.count < size { body += period.prefix(size - body.count) }
            let server = try TestServer()
            let client = try server.client()
            client.post("/", body)
            let reply = try #require(client.reply())
            #expect(reply.body == body)
            #expect(eventually { server.records.all.count == 1 })
            #expect(server.records.all.first?.requestBytes == size)
            #expect(server.records.all.first?.responseBytes == size)
        }

        @Test("a body over the limit is refused so that the client that sends it all can read why")
        func earlyRefusal() throws {
            let server = try TestServer { $0.limits.body = 1_000 }
            let client = try server.client()
            client.post("/", [UInt8](repeating: 0, count: 20_000_000))
            #expect(client.reply()?.status == 413)
            #expect(client.readToEnd())
            #expect(!client.wasReset)
        }

        @Test("64 clients at once are all served on their own connections")
        func manyClients() throws {
            let server = try TestServer()
            let clients = try (0..<64).map { _ in try server.client() }
            for round in 0..<50 {
                for (index, client) in clients.enumerated() { client.post("/", Array("\(round)-\(index)".utf8)) }
                for (index, client) in clients.enumerated() { #expect(client.reply()?.text == "\(round)-\(index)") }
            }
            #expect(server.server.status.openConnections == 64)
            #expect(eventually { server.server.status.counts.statusClasses[1] == 64 * 50 })
            clients.forEach { $0.close() }
            #expect(eventually { server.server.status.openConnections == 0 })
        }

        @Test("HEAD gets the head alone and the connection goes on")
        func head() throws {
            let server = try TestServer()
            let client = try server.client()
            client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.reply(isForHead: true)?["content-length"] == "2")
            client.get("/")
            #expect(client.reply()?.text == "OK")
        }

        @Test("a second server on the same port is refused, and the port is free again afterwards")
        func portInUse() throws {
            var port: UInt16 = 0
            do {
                let server = try TestServer()
                port = server.port
                #expect(throws: HTTPServerError.self) { try TestServer({ $0.port = port }) }
            }
            let server = try TestServer { $0.port = port }
            let client = try server.client()
            client.get("/")
            #expect(client.reply()?.status == 200)
        }

        @Test("an address that is none is an error that names it", arguments: ["256.1.1.1", "nowhere.invalid"])
        func badAddress(host: String) {
            let error = #expect(throws: HTTPServerError.self) { try TestServer { $0.host = host } }
            #expect(error?.subject == host)
        }
    }
}
