import Glibc
import HTTPServer
import Synchronization
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Deferred and streamed replies")
    struct Compute {
        @Test("deferred work comes back on its connection while the loop serves others")
        func deferred() throws {
            let gate = Gate()
            let server = try TestServer({ $0.loops = 1 }) { request in
                guard request.path == "/slow" else { return TestServer.ok(request) }
                return .deferred(cost: 10) { _ in
                    gate.pass()
                    return HTTPResponse(status: 200, body: .bytes(Array("slow".utf8)))
                }
            }
            let slow = try server.client()
            slow.get("/slow")
            slow.get("/next")
            #expect(eventually { gate.waiting == 1 })
            #expect(server.server.status.workCost == 10)
            let quick = try server.client()
            quick.get("/")
            #expect(quick.reply()?.text == "OK")
            gate.open()
            #expect(slow.reply()?.text == "slow")
            #expect(slow.reply()?.text == "OK")
            #expect(server.server.status.workCost == 0)
        }

        @Test("a streamed body arrives whole, chunked", arguments: [1, 2, 100])
        func streamed(pieces: Int) throws {
            let source = CountingSource(pieces: pieces, size: 70_000)
            let server = try TestServer({ _ in }) { _ in
                .deferred(cost: 5) { _ in HTTPResponse(status: 200, body: .stream(source)) }
            }
            let client = try server.client()
            client.get("/")
            let reply = try #require(client.reply())
            #expect(reply["transfer-encoding"] == "chunked")
            #expect(reply.body == source.expected)
            #expect(reply.isWhole)
            #expect(server.server.status.workCost == 0)
            #expect(eventually { server.records.all.first?.responseBytes == pieces * 70_000 })
        }

        @Test("a streamed body for HEAD is never made, and the connection goes on")
        func streamedHead() throws {
            let source = CountingSource(pieces: 3, size: 100)
            let server = try TestServer({ _ in }) { request in
                guard request.path == "/stream" else { return TestServer.ok(request) }
                return .deferred(cost: 5) { _ in HTTPResponse(status: 200, body: .stream(source)) }
            }
            let client = try server.client()
            client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.reply(isForHead: true)?.status == 200)
            client.get("/")
            #expect(client.reply()?.text == "OK")
            #expect(source.made.load(ordering: .relaxed) == 0)
            #expect(server.server.status.workCost == 0)
            #expect(eventually { server.records.all.count == 2 })
            #expect(!server.records.all.contains { !$0.isComplete })
        }

        @Test("a reader that stops makes the stream stop, and one that goes on gets all of it")
        func slowReader() throws {
            let source = CountingSource(pieces: 400, size: 64 * 1024)
            let server = try oneByOne { _ in .ready(HTTPResponse(status: 200, body: .stream(source))) }
            let client = try server.client(receiveBuffer: 16 * 1024)
            client.get("/")
            #expect(client.read())
            // The stream stands still once the kernel's buffers are full: at most a few MiB of its 25.
            let made = try standstill(of: source, in: server)
            #expect(made < 150)
            #expect(client.reply()?.body.count == 400 * 64 * 1024)
        }

        /// A server of one loop and one compute thread; `/short` is work for that thread.
        private func oneByOne(_ handler: @escaping @Sendable (RequestCopy) -> HTTPReply) throws -> TestServer {
            try TestServer {
                $0.loops = 1
                $0.computeThreads = 1
            } handler: { request in
                guard request.path == "/short" else { return handler(request) }
                return .deferred(cost: 1) { _ in HTTPResponse(status: 200, body: .bytes([1])) }
            }
        }

        /// How many pieces a stream has made once it makes no more.
        ///
        /// Work is done in the order it comes: by the time that two short jobs are answered, one after the other, a piece
        /// that was asked for before is made, and the one that it led to.
        private func standstill(of source: CountingSource, in server: TestServer) throws -> Int {
            let client = try server.client()
            var made = -1
            while true {
                let before = made
                for _ in 0..<2 {
                    client.get("/short")
                    try #require(client.reply()?.body == [1])
                }
                made = source.made.load(ordering: .relaxed)
                if made == before { return made }
            }
        }

        @Test("two streams and a short job share one compute thread by turns")
        func fairness() throws {
            let sources = (0..<2).map { _ in GatedSource(pieces: 3) }
            let server = try oneByOne { request in
                .ready(HTTPResponse(status: 200, body: .stream(sources[request.path == "/0" ? 0 : 1])))
            }
            let streams = try (0..<2).map { _ in try server.client() }
            streams[0].get("/0")
            #expect(eventually { sources[0].gate.waiting == 1 })
            streams[1].get("/1")
            // The head of the second stream shows that its first piece has been asked for, and waits.
            #expect(streams[1].read())
            let short = try server.client()
            short.get("/short")
            #expect(eventually { server.server.status.workCost == 1 })
            // One piece of each may be made: a stream that had another turn before the short job would hold it up.
            for source in sources { source.gate.letOne() }
            #expect(short.reply()?.body == [1])
            #expect(sources.allSatisfy { $0.gate.waiting <= 2 })
            for source in sources { source.gate.open() }
            for client in streams { #expect(client.reply()?.body == [1, 2, 3]) }
        }

        @Test("work over the budget gets 503 with Retry-After and never runs")
        func overBudget() throws {
            let gate = Gate()
            let ran = Counter()
            let server = try TestServer({ $0.workBudget = 100 }) { request in
                .deferred(cost: request.path == "/60" ? 60 : 41) { _ in
                    ran.add()
                    gate.pass()
                    return HTTPResponse(status: 200)
                }
            }
            let first = try server.client()
            first.get("/60")
            #expect(eventually { gate.waiting == 1 })
            let second = try server.client()
            second.get("/41")
            let reply = try #require(second.reply())
            #expect(reply.status == 503)
            #expect(reply["retry-after"] == "1")
            #expect(reply["content-type"] == "application/problem+json")
            gate.open()
            #expect(first.reply()?.status == 200)
            second.get("/41")
            #expect(second.reply()?.status == 200)
            #expect(ran.value == 2)
            #expect(server.server.status.workCost == 0)
        }

        @Test("a reset connection cancels what runs, drops what waits, and gives their cost back once")
        func disconnect() throws {
            let gate = Gate()
            let cancelled = Counter()
            let ran = Counter()
            let server = try TestServer({ $0.computeThreads = 1 }) { _ in
                .deferred(cost: 7) { ticket in
                    ran.add()
                    gate.pass()
                    while !ticket.isCancelled, !gate.isOpenForAll { usleep(1_000) }
                    if ticket.isCancelled { cancelled.add() }
                    return HTTPResponse(status: 200)
                }
            }
            let clients = try (0..<3).map { _ in try server.client() }
            clients[0].get("/")
            #expect(eventually { gate.waiting == 1 })
            clients[1].get("/")
            clients[2].get("/")
            #expect(eventually { server.server.status.workCost == 21 })
            // The one that waits first: were the running one gone before it, the pool would go on with it.
            clients[1].reset()
            #expect(eventually { server.server.status.workCost == 14 })
            gate.letOne()
            clients[0].reset()
            #expect(eventually { cancelled.value == 1 })
            #expect(eventually { server.server.status.workCost == 7 })
            gate.open()
            #expect(clients[2].reply()?.status == 200)
            #expect(ran.value == 2)
            #expect(server.server.status.workCost == 0)
            #expect(eventually { server.server.status.counts.incomplete == 2 })
        }

        @Test("work that nobody waits for any more counts until it returns")
        func abandonedWork() throws {
            let gate = Gate()
            let server = try TestServer { _ in
            } handler: { _ in
                .deferred(cost: 7) { _ in
                    gate.pass()
                    return HTTPResponse(status: 200)
                }
            }
            let client = try server.client()
            client.get("/")
            #expect(eventually { gate.waiting == 1 })
            client.reset()
            #expect(eventually { server.server.status.openConnections == 0 })
            #expect(server.server.status.workCost == 7)
            gate.open()
            #expect(eventually { server.server.status.workCost == 0 })
        }

        @Test("a client that closes in the middle of a stream ends it")
        func disconnectDuringStream() throws {
            let source = CountingSource(pieces: 1_000_000, size: 64 * 1024)
            let server = try oneByOne { _ in
                .deferred(cost: 9) { _ in HTTPResponse(status: 200, body: .stream(source)) }
            }
            let client = try server.client()
            client.get("/")
            #expect(client.read())
            client.close()
            #expect(eventually { server.server.status.openConnections == 0 })
            #expect(eventually { server.server.status.workCost == 0 })
            let made = source.made.load(ordering: .relaxed)
            #expect(made < 1_000)
            #expect(try standstill(of: source, in: server) <= made + 1)
        }

        @Test("work that raises its ticket is held to its true cost")
        func raised() throws {
            let server = try TestServer {
                $0.workBudget = 100
            } handler: { request in
                .deferred(cost: 10) { ticket in
                    guard ticket.raise(to: request.path == "/dear" ? 101 : 100) else { return nil }
                    return HTTPResponse(status: 200, body: .bytes([1]))
                }
            }
            let client = try server.client()
            client.send("GET /cheap HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.reply()?.status == 200)
            client.send("GET /dear HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.reply()?.status == 503)
            #expect(server.server.status.workCost == 0)
        }

        @Test("a half-closed client still gets its deferred reply")
        func halfClosed() throws {
            let gate = Gate()
            let server = try TestServer({ _ in }) { _ in
                .deferred(cost: 1) { _ in
                    gate.pass()
                    return HTTPResponse(status: 200, body: .bytes([7]))
                }
            }
            let client = try server.client()
            client.get("/")
            client.halfClose()
            #expect(eventually { gate.waiting == 1 })
            server.settle()
            gate.open()
            #expect(client.reply()?.body == [7])
            #expect(client.readToEnd())
        }

        @Test("work past its deadline is cancelled and answered with 503")
        func requestDeadline() throws {
            let cancelled = Counter()
            let begun = Counter()
            let server = try TestServer({ _ in }) { request in
                guard request.path == "/slow" else { return TestServer.ok(request) }
                return .deferred(cost: 3) { ticket in
                    begun.add()
                    while !ticket.isCancelled { usleep(1_000) }
                    cancelled.add()
                    return HTTPResponse(status: 200)
                }
            }
            let client = try server.client()
            client.get("/slow")
            #expect(eventually { begun.value == 1 })
            server.advance(by: .milliseconds(59_990))
            #expect(client.isQuiet && cancelled.value == 0)
            server.advance(by: .milliseconds(10))
            #expect(client.reply()?.status == 503)
            client.get("/")
            #expect(client.reply()?.text == "OK")
            #expect(eventually { cancelled.value == 1 })
            #expect(eventually { server.server.status.workCost == 0 })
        }

        @Test("a stream past its deadline is cut so that the client can tell", arguments: ["1.1", "1.0"])
        func streamDeadline(version: String) throws {
            let stuck = StuckSource()
            let server = try TestServer({ _ in }) { _ in
                .ready(HTTPResponse(status: 200, body: .stream(stuck)))
            }
            let client = try server.client()
            client.send("GET / HTTP/\(version)\r\nHost: a\r\n\r\n")
            #expect(eventually { stuck.end.waiting == 1 })
            server.settle()
            server.advance(by: .milliseconds(59_990))
            while client.read(milliseconds: 0) {}
            #expect(!client.isClosed)
            server.advance(by: .milliseconds(10))
            #expect(client.readToEnd())
            stuck.end.open()
            if version == "1.0" {
                #expect(client.wasReset)
            } else {
                #expect(client.reply()?.isWhole == false)
            }
            #expect(eventually { server.records.all.first?.isComplete == false })
        }
    }
}

/// A body that makes one piece and then takes for ever to make the other, unless it is let go on.
private final class StuckSource: HTTPBodySource {
    let end = Gate()
    private let made = Atomic<Int>(0)

    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress {
        let isFirst = made.add(1, ordering: .relaxed).oldValue == 0
        if !isFirst { end.pass() }
        parts.append([1, 2, 3])
        return isFirst ? .more : .last
    }
}
