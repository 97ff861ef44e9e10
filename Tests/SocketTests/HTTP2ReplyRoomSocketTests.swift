import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("HTTP/2 replies that the peer does not take, over sockets")
    struct HTTP2ReplyRoom {
        @Test("Deferred requests of one connection wait for room, and all are served as streams end")
        func deferred() throws {
            let ran = Counter()
            let server = try TestServer { _ in
            } handler: { _ in
                .deferred(cost: 20_000, replyBytes: 480_000) { _ in
                    ran.add()
                    return HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 400_000)))
                }
            }
            let client = try server.client()
            // SETTINGS_INITIAL_WINDOW_SIZE 0.
            client.send(Array(Frame.preface.prefix(24)) + Frame.settings([0, 4, 0, 0, 0, 0]))
            let streams = (0..<30).map { UInt32(2 * $0 + 1) }
            client.send(streams.flatMap { Frame.headers($0, flags: 5) })
            #expect(eventually { ran.value >= 2 })
            // A PING's answer shows that all before it was read.
            client.send(Frame.ping)
            #expect(eventually { client.read() && client.hasPingAnswer })
            // No work under way after a turn of the loops: none follows of what is done.
            func isDone() -> Bool {
                server.settle()
                return server.server.status.workCost == 0
            }
            #expect(eventually(isDone))
            // Each may be counted with up to 480 000 bytes before it is made, and a million may be held.
            #expect((2...3).contains(ran.value))
            for stream in streams {
                client.send(Frame.reset(stream))
                #expect(eventually { server.records.all.count == Int(stream / 2) + 1 })
                // The room that it leaves goes to the next one, which is done before its own stream ends.
                #expect(eventually(isDone))
            }
            #expect(ran.value == 30)
            #expect(!client.isClosed)
        }
    }
}
