import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("HTTP/1.1 conformance over a socket")
    struct SocketConformance {
        @Test("every case ends in an outcome that its RFC allows")
        func everyCase() throws {
            let server = try TestServer({ _ in }, handler: { SessionDriver.rootRouter.respond(to: $0) })
            for example in ConformanceCase.all {
                let client = try server.client()
                client.send(example.bytes)
                let outcome = Self.observe(client, example)
                #expect(
                    outcome.map { example.accepted.contains($0) } ?? false,
                    "\(example.id): \(String(describing: outcome))")
                #expect(!client.wasReset, "\(example.id) was reset: the client may have lost its reply")
            }
        }

        @Test("every case comes out the same in two pieces and from a half-closed client")
        func twoPieces() throws {
            let server = try TestServer({ _ in }, handler: { SessionDriver.rootRouter.respond(to: $0) })
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

        /// Reads until what came is one of the outcomes for good: closed, or nothing more for a while.
        private static func observe(_ client: Client, _ example: ConformanceCase) -> ConformanceOutcome? {
            while true {
                let outcome = example.outcome(replies: client.received, isClosed: client.isClosed)
                if client.isClosed { return outcome }
                let isAccepted = outcome.map { example.accepted.contains($0) } ?? false
                guard client.read(milliseconds: isAccepted ? 25 : 3_000) else { return outcome }
            }
        }
    }
}
