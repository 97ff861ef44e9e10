import Testing

@testable import HTTPServer

@Suite("HTTP/2 replies that were written")
struct HTTP2WrittenReplyTests {
    /// Has stream 1 answered by what `write` writes.
    private func answer(
        _ method: String = "GET", limits: HTTPLimits = HTTPLimits(), _ write: (inout ReplyWriter) -> Void
    ) -> HTTP2Client.Answer? {
        let pair = HTTP2Pair(limits: limits)
        pair.answer = { _ in nil }
        let id = pair.client.request(method, "/", [("x-request-id", "mine")])
        pair.run()
        respond(to: 1, of: pair, write)
        pair.run()
        #expect(pair.session.repliesHeld == 0)
        return pair.client.answers[id]
    }

    private func respond(to stream: Int, of pair: HTTP2Pair, _ write: (inout ReplyWriter) -> Void) {
        var writer = ReplyWriter()
        writer.append("before")
        write(&writer)
        let bytes = Array("mine".utf8)
        pair.session.respond(with: writer, to: stream, date: SessionDriver.date, id: RequestID(bits: 5), bytes.span)
        writer.removeReply()
        let (output, status, fields) = (Array(writer.output.bytes), writer.status, writer.fields.count)
        #expect(output == Array("before".utf8) && status == 0 && fields == 0)
    }

    @Test("Has the fields that the writer was told, and the server's own")
    func fields() {
        let answer = answer { writer in
            writer.fields.append("vary", "Origin")
            writer.fields.append("content-length", "7")
            writer.fields.append("bad", "a\nb")
            writer.write(status: 201, contentType: "text/plain", isStored: false, Array("made".utf8))
        }
        #expect(answer?.status == 201)
        #expect(answer?.body == Array("made".utf8))
        #expect(answer?.closed == 0)
        #expect(
            answer?.fields == [
                "date": "Sun, 06 Nov 1994 08:49:37 GMT", "content-type": "text/plain",
                "cache-control": "no-store", "vary": "Origin", "content-length": "4",
                "x-request-id": "0000000000000005",
            ])
    }

    @Test("Leaves out the content type where there is none, and no-store where caches may keep it")
    func plain() {
        let answer = answer { $0.write(contentType: "", []) }
        #expect(answer?.status == 200 && answer?.body == [])
        #expect(answer?.fields["content-type"] == nil && answer?.fields["cache-control"] == nil)
        #expect(answer?.fields["content-length"] == "0")
    }

    @Test("Has no content where there can be none", arguments: [("HEAD", 200), ("GET", 204), ("GET", 304)])
    func empty(method: String, status: Int) {
        let answer = answer(method) { $0.write(status: status, contentType: "text/plain", Array("made".utf8)) }
        #expect(answer?.status == status && answer?.body == [] && answer?.closed == 0)
        #expect(answer?.fields["content-length"] == (method == "HEAD" ? "4" : nil))
    }

    @Test("Comes whole whatever its length", arguments: [1, 4095, 4096, 4097, 65_535, 65_536, 300_000])
    func lengths(length: Int) {
        let content = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let answer = answer { $0.write(contentType: "text/plain", content) }
        #expect(answer?.body == content)
        #expect(answer?.fields["content-length"] == "\(length)")
    }

    @Test("One after the other in the same slot, none shows anything of the last")
    func again() {
        let pair = HTTP2Pair()
        pair.answer = { _ in nil }
        for round in 1...40 {
            // Longer and shorter in turns, some above what is kept of storage.
            let length = [3, 5000, 0, 4096, 20_000, 1][round % 6]
            let content = [UInt8](repeating: UInt8(round), count: length)
            let fields = (0..<round % 5).map { ("x-\($0)", String(repeating: "\(round)", count: round)) }
            let id = pair.client.request("POST", "/\(round)", fields, body: content)
            pair.run()
            let request = pair.requests[Int(id)]
            #expect(request?.path == "/\(round)" && request?.body == content)
            #expect(request?.fields.dropFirst().map(\.value).filter { $0 != "\(length)" } == fields.map(\.1))
            respond(to: Int(id), of: pair) { $0.write(contentType: "text/plain", Array(content.reversed()) + [1]) }
            pair.run()
            #expect(pair.client.answers[id]?.body == content + [1])
        }
        #expect(pair.session.contentHeld == 0 && pair.session.repliesHeld == 0)
    }
}
