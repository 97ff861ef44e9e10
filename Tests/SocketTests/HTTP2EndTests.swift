import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("HTTP/2 connections ended for what their peers send")
    struct HTTP2Ends {
        @Test("The end of one is counted by its reason; an ordinary end is not")
        func counted() throws {
            let server = try TestServer()
            let quiet = try server.client()
            quiet.send(Frame.preface + Frame.headers(1, flags: 5))
            #expect(eventually { server.records.all.count == 1 })
            quiet.close()
            let client = try server.client()
            client.send(Frame.preface + (0..<90).flatMap { _ in Frame.ping })
            #expect(eventually { client.read(milliseconds: 10) && client.received.count >= 90 * 17 })
            client.send((0..<90).flatMap { _ in Frame.ping })
            #expect(client.readToEnd())
            #expect(Frame.goaways(in: client.received) == [11])
            client.close()
            #expect(eventually { server.server.status.openConnections == 0 })
            #expect(server.server.status.counts.faults == [.pings: 1])
        }
    }
}
