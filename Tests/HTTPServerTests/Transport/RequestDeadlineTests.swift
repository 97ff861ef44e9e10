import HTTPServer
import Testing

extension TransportTests {
    @Suite("Request deadlines on a manual clock")
    struct RequestDeadlines {
        @Test("a request that defers twice has no more time to begin its reply than one that defers once")
        func deferredTwice() throws {
            let time = ManualClock()
            let (first, second) = (Gate(), Gate())
            let server = try TestServer(clock: time.clock) { _ in
            } handler: { _ in
                .deferred(cost: 1) { _ in
                    first.pass()
                    return .deferred(cost: 1) { _ in
                        second.pass()
                        return .ready(HTTPResponse(status: 200))
                    }
                }
            }
            let client = try server.client()
            client.get("/")
            #expect(eventually { first.waiting == 1 })
            time.pass(seconds: 40)
            first.open()
            #expect(eventually { second.waiting == 1 })
            time.pass(seconds: 25)
            server.server.wake()
            #expect(client.reply(milliseconds: 5_000)?.status == 503)
            second.open()
        }

        @Test("a streamed body has that time for each of its pieces")
        func pieces() throws {
            let time = ManualClock()
            let source = GatedSource(pieces: 3)
            let server = try TestServer(clock: time.clock) { _ in
            } handler: { _ in
                .deferred(cost: 1) { _ in .ready(HTTPResponse(status: 200, body: .stream(source))) }
            }
            let client = try server.client()
            client.get("/")
            for piece in 1...3 {
                #expect(eventually { source.gate.waiting == piece })
                time.pass(seconds: 40)
                server.server.wake()
                source.gate.letOne()
            }
            let reply = client.reply()
            #expect(reply?.isWhole == true)
            #expect(reply?.body == [1, 2, 3])
        }
    }
}

/// A body of one byte a piece, each of which waits at a gate.
final class GatedSource: HTTPBodySource {
    let gate = Gate()
    private let pieces: Int

    init(pieces: Int) { self.pieces = pieces }

    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress {
        gate.pass()
        parts.append([UInt8(truncatingIfNeeded: gate.waiting)])
        return gate.waiting < pieces ? .more : .last
    }
}
