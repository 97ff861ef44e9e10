import Testing

@testable import HTTPServer

@Suite("Reply writer") struct ReplyWriterTests {
    private struct Failure: Error {}

    private func head(_ status: Int, _ framing: ResponseHead.Framing) -> ResponseHead {
        ResponseHead(
            status: status, framing: framing, connection: .kept, date: HTTPDate(unixSeconds: 784_111_777).value)
    }

    private static let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

    @Test(
        "a head is set before each body that was printed, whatever stands before it", arguments: [0, 1, 500, 100_000])
    func heads(_ count: Int) {
        var writer = ReplyWriter()
        var expected = ""
        for index in 0..<3 {
            let body = String(repeating: "abc"[index], count: count)
            writer.fields.append("x-number", "\(index)")
            writer.write(status: 201, contentType: "text/plain", isStored: index == 0, Array(body.utf8))
            let (status, bodyCount) = (writer.status, writer.bodyCount)
            #expect(status == 201 && bodyCount == count)
            writer.setHead(head(201, .length(count)), id: RequestID(bits: 255), Span(), keepsBody: index != 1)
            expected += "HTTP/1.1 201 Created\r\n\(Self.date)X-Request-Id: 00000000000000ff\r\n"
            expected += "Content-Type: text/plain\r\n\(index == 0 ? "" : "Cache-Control: no-store\r\n")"
            expected += "X-Number: \(index)\r\nContent-Length: \(count)\r\n\r\n\(index == 1 ? "" : body)"
        }
        let (text, fields) = (writer.output.span.text, writer.fields.count)
        #expect(text == expected)
        #expect(fields == 0)
    }

    @Test("a body that cannot be printed leaves nothing")
    func failure() {
        var writer = ReplyWriter()
        writer.append("before")
        #expect(throws: Failure.self) {
            try writer.write(contentType: "text/plain", atMost: 10) { (span) throws(Failure) in
                span.append(1)
                throw Failure()
            }
        }
        let (text, status) = (writer.output.span.text, writer.status)
        #expect(text == "before")
        #expect(status == 0)
    }

    @Test("what was printed can be looked at and taken out, with its fields")
    func taken() {
        var writer = ReplyWriter()
        writer.append("before")
        writer.fields.append("x-a", "b")
        writer.write(status: 404, contentType: "text/plain", isStored: false, [1, 2, 3])
        let (body, status, contentType) = (writer.body.array, writer.status, writer.contentType.description)
        #expect(body == [1, 2, 3])
        #expect(status == 404 && contentType == "text/plain")
        writer.removeReply()
        let (text, left, fields) = (writer.output.span.text, writer.status, writer.fields.count)
        #expect(text == "before")
        #expect(left == 0 && fields == 0)
    }

    @Test("what the socket took goes from the front", arguments: 0...6)
    func removed(_ count: Int) {
        var writer = ReplyWriter()
        writer.append([1, 2, 3, 4, 5, 6])
        writer.removeFirst(count)
        let output = writer.output.span.array
        #expect(output == Array([1, 2, 3, 4, 5, 6].dropFirst(count)))
    }

    @Test("the longest head that there is fits its room", arguments: [1, 128])
    func room(_ length: Int) throws {
        let id = String(repeating: "i", count: length)
        let copy = try #require(HeadCopy([("x-request-id", id)]))
        let sent = RequestID(sentIn: copy.head, copy.bytes.span)
        let request = try #require(sent)
        var writer = ReplyWriter()
        writer.write(status: 431, contentType: "application/problem+json", isStored: false, [])
        writer.setHead(head(431, .length(.max)), id: request, copy.bytes.span, keepsBody: true)
        let text = writer.output.span.text
        #expect(text.contains("X-Request-Id: \(id)\r\n"))
        #expect(text.hasSuffix("Content-Length: \(Int.max)\r\n\r\n"))
    }
}

extension String {
    /// The character at a place, as text.
    fileprivate subscript(_ place: Int) -> String { String(self[index(startIndex, offsetBy: place)]) }
}
