import HTTPServer
import Testing

extension TransportTests {
    @Suite("Records of refused requests")
    struct RefusedRecords {
        @Test("a late body is recorded with its method and path, and lasted from its first byte")
        func lateBody() throws {
            let server = try TestServer()
            let client = try server.client()
            client.send("POST /late HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
            #expect(eventually { client.read(milliseconds: 0) && !client.received.isEmpty })
            server.advance(by: .seconds(11))
            #expect(client.readToEnd())
            let record = try #require(server.records.all.first)
            #expect(record.status == 408)
            #expect(record.method == "POST")
            #expect(record.path == "/late")
            #expect(record.problem == "request-timeout")
            #expect(record.duration == 11_000_000_000)
        }
    }
}
