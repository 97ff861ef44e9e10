import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("HTTP/1.1 conformance over a socket")
    struct SocketConformance {
        @Test("every case ends in an outcome that its RFC allows")
        func everyCase() throws {
            let server = try TestServer({ _ in }, makeHandler: { RootHandler() })
            for example in ConformanceCase.all {
                let client = try server.client()
                // A request after it, whose reply shows that the connection is open and nothing else comes before.
                client.send(example.bytes + Array("GET /after HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
                let outcome = Self.observe(client, example)
                #expect(
                    outcome.map { example.accepted.contains($0) } ?? false,
                    "\(example.id): \(String(describing: outcome))")
                #expect(!client.wasReset, "\(example.id) was reset: the client may have lost its reply")
            }
        }

        @Test("every case comes out the same in two pieces and from a half-closed client")
        func twoPieces() throws {
            let server = try TestServer({ _ in }, makeHandler: { RootHandler() })
            for example in ConformanceCase.all {
                let client = try server.client()
                client.send(example.bytes[..<(example.bytes.count / 2)])
                client.send(example.bytes[(example.bytes.count / 2)...])
                client.halfClose()
                #expect(client.readToEnd(), "\(example.id) stays open")
                let outcome = example.outcome(replies: client.received, isClosed: true)
                let statuses = example.accepted.map(\.statuses)
                #expect(
                    outcome.map { statuses.contains($0.statuses) } ?? false,
                    "\(example.id): \(String(describing: outcome))")
            }
        }

        /// Reads until the connection is closed or ``after`` is answered, whose reply is not part of the outcome.
        private static func observe(_ client: Client, _ example: ConformanceCase) -> ConformanceOutcome? {
            while true {
                guard var outcome = example.outcome(replies: client.received, isClosed: client.isClosed) else {
                    if client.read() { continue }
                    return nil
                }
                if client.isClosed { return outcome }
                if outcome.statuses.last == RootHandler.afterStatus {
                    outcome.statuses.removeLast()
                    return outcome
                }
                guard client.read() else { return outcome }
            }
        }
    }
}

/// Prints replies to GET and POST of `/`, and answers `/after`.
private final class RootHandler: HTTPHandler {
    /// What no case is answered with.
    static let afterStatus = 299

    private var router = Router()

    init() {
        router.on(.get, "/")
        router.on(.post, "/")
    }

    func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        if request.pathText == "/after" { return .ready(HTTPResponse(status: Self.afterStatus)) }
        guard router.route(request.method, request.path) != nil else { return .ready(router.refuse(request)) }
        reply.write(contentType: "text/plain", Array("ok \(request.bodyCount)\n".utf8))
        return .written
    }
}
