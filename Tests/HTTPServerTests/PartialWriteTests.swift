import Testing

@testable import HTTPServer

/// The socket may take any number of bytes of what is offered: what goes out is the same.
@Suite("Partial writes")
struct PartialWriteTests {
    /// Offers output as the transport does; takes as many bytes of it as `take` says, at least one, none over what there is.
    private static func drain(_ output: HTTPOutput, _ take: Int, _ didWrite: (Int) -> Void) -> [UInt8] {
        var piece: [UInt8] = []
        output.withFirstSegments { segments in for segment in segments { piece += segment } }
        let taken = Array(piece.prefix(max(1, take)))
        didWrite(taken.count)
        return taken
    }

    @Test("a queue of small and large segments comes out the same whatever the first write takes, and those after it")
    func output() {
        // Copied ones, own ones behind a large one, more than one call may offer, and a size at each limit.
        let parts = (0..<40).map { index in
            [UInt8](
                repeating: UInt8(index),
                count: [1, 50, HTTPOutput.copyLimit, HTTPOutput.copyLimit + 1][index % 4] / (index < 24 ? 8 : 1) + 1)
        }
        var filled = HTTPOutput()
        for part in parts { filled.append(part) }
        let expected = parts.flatMap { $0 }
        #expect(filled.count == expected.count)
        for first in stride(from: 1, through: expected.count, by: expected.count > 20_000 ? 7 : 1) {
            var output = filled
            var sent: [UInt8] = []
            // What is queued between two writes belongs behind all of it.
            sent += Self.drain(output, first) { output.removeFirst($0) }
            if !output.isEmpty { sent += Self.drain(output, 3) { output.removeFirst($0) } }
            output.append([0xAA, 0xBB])
            while !output.isEmpty { sent += Self.drain(output, .max) { output.removeFirst($0) } }
            guard sent == expected + [0xAA, 0xBB] else {
                Issue.record("a first write of \(first) bytes changes what is sent")
                return
            }
            #expect(output.count == 0)
        }
    }

    /// Requests of every way to be answered: small, with a body made in pieces, refused, and the last of its connection.
    private static let pipeline =
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
        + "HEAD /c HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /long HTTP/1.1\r\nHost: a\r\n\r\n"
        + "GET /d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    private static func response(to path: String) -> HTTPResponse {
        let length = path == "/long" ? HTTPOutput.copyLimit + 1 : path.utf8.count
        return HTTPResponse(status: 200, body: .bytes([UInt8](repeating: UInt8(ascii: "x"), count: length)))
    }

    /// What a connection sends over HTTP/1.1 when its first write takes so many bytes and each of the others so many.
    private static func http1(first: Int, others: Int) -> [UInt8] {
        let driver = SessionDriver()
        driver.answer = { request in
            guard request.path == "/stream" else { return .ready(response(to: request.path)) }
            return .ready(HTTPResponse(status: 200, body: .stream(CountingSource(pieces: 3, size: 100))))
        }
        driver.writeSize = others
        driver.block()
        driver.arrive(pipeline.utf8)
        driver.run()
        driver.take(first)
        driver.unblock()
        driver.runJobs()
        #expect(driver.isFinished)
        return driver.sent
    }

    @Test("HTTP/1.1: replies are the same for a first write of every length and for every length of all writes")
    func http1() {
        let whole = Self.http1(first: .max, others: .max)
        #expect(whole.count > HTTPOutput.copyLimit + 300)
        for length in 1...whole.count {
            let first = Self.http1(first: length, others: .max)
            // Each write of a length below 64, else every write of it would cost the test a minute.
            let each = length < 64 || length % 61 == 0 ? Self.http1(first: length, others: length) : whole
            guard first == whole, each == whole else {
                Issue.record("writes of \(length) bytes change what is sent")
                return
            }
        }
    }

    /// What a session of HTTP/2 sends to a client that asks for three things at once.
    private static func http2(_ take: (Int) -> Int) -> [UInt8] {
        let pair = HTTP2Pair()
        pair.answer = { response(to: $0.path) }
        pair.isStuck = true
        for path in ["/a", "/long", "/b"] { pair.client.request("GET", path) }
        pair.run()
        var sent: [UInt8] = []
        var writes = 0
        while !pair.session.output.isEmpty {
            let output = pair.session.output
            sent += drain(output, take(writes)) { pair.session.didWrite($0) }
            pair.takeEvents()
            writes += 1
        }
        return sent
    }

    @Test("HTTP/2: frames are the same for a first write of every length and for every length of all writes")
    func http2() {
        let whole = Self.http2 { _ in .max }
        #expect(whole.count > HTTPOutput.copyLimit + 100)
        for length in 1...whole.count {
            let first = Self.http2 { $0 == 0 ? length : .max }
            let each = length < 64 || length % 61 == 0 ? Self.http2 { _ in length } : whole
            guard first == whole, each == whole else {
                Issue.record("writes of \(length) bytes change what is sent")
                return
            }
        }
    }
}
