import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Request deadlines on a manual clock")
    struct RequestDeadlines {
        @Test("the work and a streamed reply's first piece have the time of one request together")
        func firstPiece() throws {
            let (first, second) = (Gate(), GatedSource(pieces: 1))
            let server = try TestServer { _ in
            } handler: { _ in
                .deferred(cost: 1) { _ in
                    first.pass()
                    return HTTPResponse(status: 200, body: .stream(second))
                }
            }
            let client = try server.client()
            client.get("/")
            #expect(eventually { first.waiting == 1 })
            server.advance(by: .seconds(40))
            first.open()
            #expect(eventually { second.gate.waiting == 1 })
            server.advance(by: .milliseconds(19_990))
            #expect(client.isQuiet)
            server.advance(by: .milliseconds(10))
            #expect(client.reply()?.status == 503)
            second.gate.open()
        }

        @Test("a streamed body has that time for each of its pieces")
        func pieces() throws {
            let source = GatedSource(pieces: 3)
            let server = try TestServer { _ in
            } handler: { _ in
                .deferred(cost: 1) { _ in HTTPResponse(status: 200, body: .stream(source)) }
            }
            let client = try server.client()
            client.get("/")
            for piece in 1...3 {
                #expect(eventually { source.gate.waiting == piece })
                server.advance(by: .seconds(40))
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
