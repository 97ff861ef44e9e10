@testable import HTTPServer

/// What a test keeps of a request, which itself lives no longer than the call that it is handed to.
struct RequestCopy: Sendable, Equatable {
    /// A field line.
    struct Field: Sendable, Equatable {
        /// In lower case.
        var name: String
        var value: String
    }

    var method: HTTPMethod
    /// The method's token as sent.
    var methodText: String
    var path: String
    var query: String?
    var version: HTTPVersion
    /// The client's own identifier; empty where it sent none that is usable.
    var id: String
    var fields: [Field]
    var body: [UInt8]

    /// A head and its bytes, as far as it was read.
    init(_ head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>, body: [UInt8] = []) {
        method = head.method
        methodText = bytes.extracting(head.methodToken.range).text
        path = head.path(in: copy bytes).text
        query = nil
        if let slice = head.target.query { query = bytes.extracting(slice.range).text }
        version = head.version
        id = RequestID(sentIn: head, bytes)?.text(bytes) ?? ""
        var fields: [Field] = []
        head.forEachLine(in: bytes) { bytes, name, value in
            fields.append(
                Field(name: bytes.extracting(name).text.lowercased(), value: bytes.extracting(value).text))
        }
        self.fields = fields
        self.body = body
    }

    /// A request that is stored.
    init(_ stored: StoredRequest) { self.init(stored.head, stored.bytes.span, body: stored.body) }

    /// A request as it is looked at.
    init(_ request: borrowing HTTPRequest) { self.init(request.head, request.bytes, body: request.body.array) }

    /// A request whose body is taken over, in the storage that it was collected in.
    init(taking request: inout HTTPRequest) {
        let body = request.takeBody()
        self.init(request.head, request.bytes, body: body)
    }

    /// The value of the only line of that field; `nil` where there is none or more than one.
    func only(_ name: String) -> String? {
        let values = fields.filter { $0.name == name }.map(\.value)
        return values.count == 1 ? values[0] : nil
    }
}

/// A head read from text, for what is asked of heads by themselves.
struct HeadCopy {
    let head: RequestHead
    let bytes: [UInt8]

    /// The head that a request line and field lines make, or `nil` where they make none.
    init?(line: String = "GET / HTTP/1.1", _ fields: [(String, String)]) {
        let text = "\(line)\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var parser = RequestHeadParser()
        do throws(HTTPProblem) {
            guard try parser.parse(bytes.span, HTTPLimits()) else { return nil }
        } catch {
            return nil
        }
        self.bytes = bytes
        head = parser.head
    }

    /// Lends it as a request without a body.
    func withRequest<R>(_ body: (borrowing HTTPRequest) -> R) -> R {
        let heads: [1 of RequestHead] = [head]
        return body(HTTPRequest(heads.span, bytes.span, id: RequestID(bits: 0)))
    }
}

extension HTTPFields {
    /// The value of the only line of that field; `nil` where there is none or more than one.
    func only(_ name: String) -> String? {
        let values = filter { String(decoding: $0.name, as: UTF8.self) == name }.map {
            String(decoding: $0.value, as: UTF8.self)
        }
        return values.count == 1 ? values[0] : nil
    }
}
