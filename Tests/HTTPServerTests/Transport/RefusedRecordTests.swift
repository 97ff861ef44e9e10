import HTTPServer
import Testing

extension TransportTests {
    @Suite("Records of refused requests")
    struct RefusedRecords {
        @Test("a late body is recorded with its method and path, and lasted from its first byte")
        func lateBody() throws {
            let time = ManualClock()
            let server = try TestServer(clock: time.clock)
            let client = try server.client()
            client.send("POST /late HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
            #expect(client.read())
            time.pass(seconds: 11)
            server.server.wake()
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
