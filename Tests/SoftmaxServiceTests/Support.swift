import Foundation
import SoftmaxCore
import TensorJSON
import Testing

@testable import HTTPServer
@testable import SoftmaxService

/// The bytes of a request's body.
func body(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The text of a reply, buffered or streamed.
func text(of response: HTTPResponse) -> String { text(of: response.body) }

/// The text of a body, in one part, in several or streamed.
func text(of body: HTTPBody) -> String {
    switch body {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .parts(let parts): String(decoding: parts.joined(), as: UTF8.self)
    case .stream(let source): text(of: source)
    }
}

/// The text of a streamed body.
func text(of source: any HTTPBodySource) -> String {
    var parts: [[UInt8]] = []
    while source.next(into: &parts) == .more {}
    return String(decoding: parts.joined(), as: UTF8.self)
}

/// The ways in which the text of a reply is made.
enum ReplyPath {
    /// In one piece by the calling thread, as event loops do.
    case small
    /// In pieces by several threads, all of them before the first is sent.
    case buffered
    /// In pieces by several threads, as they are read.
    case streamed
}

/// The text of the reply to a request, made in one of the ways.
func answer(
    _ operation: SoftmaxOperation, _ text: String, limits: ServiceLimits = ServiceLimits(), _ workers: Workers = .one,
    _ path: ReplyPath = .small
) throws(HTTPProblem) -> String {
    func reply<Scalar>(
        _ calculation: inout Calculation<Scalar>, _ scratch: inout SoftmaxScratch
    ) throws(HTTPProblem) -> String {
        do throws(ReplyFailure) {
            switch path {
            case .small:
                try calculation.compute(&scratch)
                return String(decoding: try calculation.text(), as: UTF8.self)
            case .buffered: return SoftmaxServiceTests.text(of: try calculation.largeReply(workers).body())
            case .streamed: return SoftmaxServiceTests.text(of: try calculation.largeReply(workers))
            }
        } catch {
            throw calculation.problem(error)
        }
    }
    var workspace = Workspace()
    return switch try workspace.read(body(text), operation: operation, limits: limits, workers) {
    case .float64: try reply(&workspace.double, &workspace.scratch)
    case .float32: try reply(&workspace.single, &workspace.scratch)
    }
}

extension Calculation {
    /// The text of a computed calculation, in one piece.
    func text() throws(ReplyFailure) -> [UInt8] {
        var text: [UInt8] = []
        try text.append(addingCapacity: textCapacity) { output throws(ReplyFailure) in try appendText(to: &output) }
        return text
    }
}

extension ReplyWriter {
    /// The reply that was written, as a response.
    mutating func takeResponse() -> HTTPResponse {
        var response = HTTPResponse(status: status, body: .bytes(body.array))
        response.fields.append("content-type", contentType)
        if !isStored { response.fields.append("cache-control", "no-store") }
        response.fields.append(fields)
        removeReply()
        return response
    }
}

/// A service with the default configuration, changed by `change`.
func service(
    status: HTTPServerStatus = HTTPServerStatus(), log: LogWriter? = nil,
    _ change: (inout ServiceConfiguration) -> Void = { _ in }
) -> Service {
    var configuration = ServiceConfiguration()
    change(&configuration)
    return Service(
        configuration, status: status, pool: ComputePool(threads: 2), heap: HeapKeeping(status), log: log)
}

/// A request in HTTP/1.1, its head parsed by the server's parser.
struct SentRequest {
    private let bytes: [UInt8]
    private let head: RequestHead
    private let body: [UInt8]

    /// A request with the given fields and a Host.
    init(_ method: String, _ path: String, fields: [(String, String)] = [], body: String = "") {
        let lines = fields.map { "\($0): \($1)\r\n" }.joined()
        let bytes = Array("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n".utf8)
        var parser = RequestHeadParser()
        do throws(HTTPProblem) {
            let isComplete = try parser.parse(bytes.span, HTTPLimits())
            #expect(isComplete, "a head is not complete")
        } catch {
            Issue.record("a head is refused: \(error.detail)")
        }
        (self.bytes, head, self.body) = (bytes, parser.head, Array(body.utf8))
    }

    /// Lends the request as the server lends it to its handler.
    func withRequest<R>(_ look: (inout HTTPRequest) -> R) -> R {
        let heads: [1 of RequestHead] = [head]
        var request = HTTPRequest(
            heads.span, bytes.span, id: RequestID(sentIn: head, bytes.span) ?? RequestID(bits: 7), body: body.span)
        return look(&request)
    }

    /// Lends the record that the server makes when the request has ended.
    func withRecord(
        status: Int, responseBytes: Int = 0, duration: UInt64 = 0, peer: String, client: String? = nil,
        problem: String? = nil, isComplete: Bool = true, _ look: (borrowing HTTPAccessRecord) -> Void
    ) {
        var exchange = withRequest {
            Exchange(stream: 1, head, id: $0.id, startedAt: 0, requestBytes: body.count, kept: nil)
        }
        exchange.status = status
        exchange.responseBytes = responseBytes
        exchange.problem = problem
        look(
            HTTPAccessRecord(
                exchange, head, bytes.span, duration: duration, peer: peer, client: client, isComplete: isComplete))
    }
}

extension Service {
    /// Answers a POST of JSON, running deferred work.
    func post(_ path: String, _ text: String, fields: [(String, String)] = []) -> HTTPResponse {
        finish(SentRequest("POST", path, fields: [("Content-Type", "application/json")] + fields, body: text))
    }

    /// Answers a request, running deferred work.
    func finish(_ sent: SentRequest) -> HTTPResponse {
        var writer = ReplyWriter()
        switch begin(sent, &writer) {
        case .written: return writer.takeResponse()
        case .ready(let response): return response
        case .deferred(_, _, let run):
            guard let response = run(HTTPWorkTicket()) else {
                Issue.record("a ticket without a limit could not be raised")
                return HTTPResponse(status: 503)
            }
            return response
        }
    }

    /// Admits a request by its head, then answers it or defers the answer.
    func begin(_ sent: SentRequest, _ writer: inout ReplyWriter) -> HTTPReply {
        sent.withRequest { request in
            request.route = admit(request).route
            return respond(to: &request, &writer)
        }
    }
}

extension HTTPFields {
    /// The values of a field's lines; the name is in lower case.
    private func values(_ name: String) -> [String] {
        filter { $0.name.elementsEqual(name.utf8) }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// The number of lines of a field.
    func count(of name: String) -> Int { values(name).count }

    /// The value of a field with exactly one line, else `nil`.
    func only(_ name: String) -> String? { count(of: name) == 1 ? values(name).first : nil }
}

/// A reply's member as nested Foundation arrays of numbers.
func member(_ name: String, of text: String) throws -> Any {
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    return try #require(object[name])
}
