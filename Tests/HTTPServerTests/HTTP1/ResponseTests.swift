import HTTPServer
import Testing

@Suite("HTTP/1.1 responses")
struct ResponseTests {
    /// A driver with a request of that method and version in flight, and its stream.
    private func inFlight(_ method: String = "GET", version: String = "1.1", id: String = "r") throws -> (
        SessionDriver, Int
    ) {
        let driver = SessionDriver()
        let fields = "Host: a\r\nConnection: keep-alive\r\nX-Request-Id: \(id)\r\n"
        driver.receiveOnly("\(method) / HTTP/\(version)\r\n\(fields)\r\n".utf8)
        let (_, stream) = try driver.nextRequest()
        return (driver, stream)
    }

    @Test("a response is written with the server's fields around its own")
    func wholeResponse() throws {
        let (driver, stream) = try inFlight(id: "id-7")
        var response = HTTPResponse(status: 200, body: .bytes(Array("{}".utf8)))
        response.fields.append("content-type", "application/json")
        driver.respond(response, to: stream)
        driver.flush()
        let expected = """
            HTTP/1.1 200 OK\r
            Date: Sun, 06 Nov 1994 08:49:37 GMT\r
            X-Request-Id: id-7\r
            Content-Type: application/json\r
            Content-Length: 2\r
            \r
            {}
            """
        #expect(String(decoding: driver.sent, as: UTF8.self) == expected)
    }

    @Test("HEAD gets the head of GET and no body", arguments: [0, 5, 5000])
    func head(_ count: Int) throws {
        let response = HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 65, count: count)))
        let (get, getStream) = try inFlight("GET")
        get.respond(response, to: getStream)
        get.flush()
        let (head, headStream) = try inFlight("HEAD")
        head.respond(response, to: headStream)
        head.flush()
        #expect(Array(get.sent.dropLast(count)) == head.sent)
        #expect(head.replies(firstIsForHead: true)?.first?["content-length"] == "\(count)")
        #expect(head.phase == .idle)
    }

    @Test("204 and 304 have neither body nor length", arguments: [204, 304], ["GET", "HEAD"])
    func noContent(_ status: Int, _ method: String) throws {
        let (driver, stream) = try inFlight(method)
        driver.respond(HTTPResponse(status: status, body: .bytes([1, 2, 3])), to: stream)
        driver.flush()
        let reply = try #require(driver.replies()?.first)
        #expect(reply.status == status)
        #expect(reply["content-length"] == nil)
        #expect(reply["transfer-encoding"] == nil)
        #expect(driver.phase == .idle)
    }

    @Test("a status that is none becomes 500", arguments: [-1, 0, 100, 199, 600, 1200, Int.max, Int.min])
    func badStatus(_ status: Int) throws {
        let (driver, stream) = try inFlight()
        driver.respond(HTTPResponse(status: status), to: stream)
        driver.flush()
        #expect(driver.replies()?.map(\.status) == [500])
        #expect(driver.records.map(\.status) == [500])
    }

    @Test(
        "a field whose value could end its line is not sent",
        arguments: ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\u{7f}", "\r\n\r\nHTTP/1.1 200 OK"])
    func splitting(_ value: String) throws {
        let (driver, stream) = try inFlight()
        var response = HTTPResponse(status: 200)
        response.fields.append("x-good", "1")
        response.fields.append("x-bad", value)
        response.fields.append("x-bad\r\ny", "1")
        response.fields.append("", "1")
        driver.respond(response, to: stream)
        driver.flush()
        let reply = try #require(driver.replies()?.first)
        #expect(reply.fields.map(\.name) == ["date", "x-request-id", "x-good", "content-length"])
    }

    @Test("fields that frame the message are the session's alone")
    func ownFields() throws {
        let (driver, stream) = try inFlight()
        var response = HTTPResponse(status: 200, body: .bytes([65]))
        response.fields.append("content-length", "7")
        response.fields.append("Transfer-Encoding", "chunked")
        response.fields.append("connection", "upgrade")
        response.fields.append("date", "now")
        response.fields.append("x-request-id", "other")
        driver.respond(response, to: stream)
        driver.flush()
        let reply = try #require(driver.replies()?.first)
        #expect(reply.fields.map(\.name) == ["date", "x-request-id", "content-length"])
        #expect(reply["content-length"] == "1")
        #expect(reply.body == [65])
    }

    @Test("a large body is sent whole and its array is taken over, not copied")
    func largeBody() throws {
        let (driver, stream) = try inFlight()
        let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        driver.respond(HTTPResponse(status: 200, body: .bytes(body)), to: stream)
        let sharesStorage = body.withUnsafeBytes { bytes in
            driver.output.withFirstSegments { $0.contains { $0.baseAddress == bytes.baseAddress } }
        }
        #expect(sharesStorage)
        driver.flush()
        #expect(driver.replies()?.first?.body == body)
    }

    @Test("a streamed body is chunked", arguments: [[], [1], [0, 3], [3, 0, 70_000, 5], [70_000, 0]])
    func streamed(_ sizes: [Int]) throws {
        let (driver, stream) = try inFlight()
        driver.respond(HTTPResponse(status: 200, body: .stream(NoSource())), to: stream)
        #expect(driver.wantsBody(of: stream))
        #expect(!driver.wantsInput)
        #expect(driver.phase == .handling)
        var body: [UInt8] = []
        for (index, size) in sizes.enumerated() {
            let piece = [UInt8](repeating: UInt8(index), count: size)
            body += piece
            driver.write(piece, to: stream, isLast: index == sizes.count - 1)
        }
        if sizes.isEmpty { driver.write([], to: stream, isLast: true) }
        driver.flush()
        let reply = try #require(driver.replies()?.first)
        #expect(reply["transfer-encoding"] == "chunked")
        #expect(reply["content-length"] == nil)
        #expect(reply.isWhole)
        #expect(reply.body == body)
        #expect(driver.phase == .idle)
        driver.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(driver.replies()?.map(\.status) == [200, 200])
    }

    @Test("a streamed body to an HTTP/1.0 client ends with the connection")
    func streamedTo10() throws {
        let (driver, stream) = try inFlight(version: "1.0")
        driver.respond(HTTPResponse(status: 200, body: .stream(NoSource())), to: stream)
        driver.write(Array("abc".utf8), to: stream, isLast: false)
        driver.write(Array("def".utf8), to: stream, isLast: true)
        driver.flush()
        #expect(driver.isFinished)
        let reply = try #require(driver.replies()?.first)
        #expect(reply["transfer-encoding"] == nil)
        #expect(reply["connection"] == "close")
        #expect(reply.text == "abcdef")
    }

    @Test(
        "a streamed body that cannot be sent is cancelled before it is made",
        arguments: [("HEAD", 200), ("GET", 204), ("GET", 304)], ["1.0", "1.1"])
    func unwantedStream(_ request: (method: String, status: Int), _ version: String) throws {
        let (driver, stream) = try inFlight(request.method, version: version)
        driver.respond(HTTPResponse(status: request.status, body: .stream(NoSource())), to: stream)
        #expect(!driver.wantsBody(of: stream))
        driver.write([1, 2, 3], to: stream, isLast: true)
        driver.pump()
        #expect(driver.records.map(\.responseBytes) == [0])
        #expect(driver.records.map(\.isComplete) == [true])
        #expect(driver.status.workCost == 0)
        let reply = try #require(driver.replies(firstIsForHead: true)?.first)
        #expect(reply.body.isEmpty)
        #expect((reply["transfer-encoding"] != nil) == (request.method == "HEAD" && version == "1.1"))
    }

    @Test("a body that was begun and is aborted is cut, so that the client sees it")
    func abort() throws {
        let (driver, stream) = try inFlight()
        driver.respond(HTTPResponse(status: 200, body: .stream(NoSource())), to: stream)
        driver.write(Array("abc".utf8), to: stream, isLast: false)
        driver.abort(stream)
        driver.write(Array("def".utf8), to: stream, isLast: true)
        driver.flush()
        #expect(driver.isFinished)
        let reply = try #require(driver.replies()?.first)
        #expect(!reply.isWhole)
        #expect(reply.text == "abc")
    }

    @Test("aborting a stream that is gone does nothing")
    func abortGone() throws {
        let (driver, stream) = try inFlight()
        driver.respond(HTTPResponse(status: 200), to: stream)
        driver.abort(stream)
        driver.abort(stream + 1)
        #expect(!driver.isFinished)
    }

    @Test("more of a body is wanted only while little of it waits")
    func backPressure() throws {
        var limits = HTTPLimits()
        limits.outputHighWater = 1000
        let driver = SessionDriver(limits: limits)
        driver.receiveOnly("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        let (_, stream) = try driver.nextRequest()
        driver.respond(HTTPResponse(status: 200, body: .stream(NoSource())), to: stream)
        #expect(driver.wantsBody(of: stream))
        #expect(!driver.wantsBody(of: stream + 1))
        driver.write([UInt8](repeating: 1, count: 2000), to: stream, isLast: false)
        #expect(!driver.wantsBody(of: stream))
        driver.take(driver.output.count - 1000)
        #expect(driver.wantsBody(of: stream))
    }
}
