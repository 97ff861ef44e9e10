import Foundation
import HTTPServer
import SoftmaxCore
import TensorJSON
import Testing

@testable import SoftmaxService

/// A body as the server hands it over.
func body(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The text of a reply, whichever way it is sent.
func text(of response: HTTPResponse) -> String {
    switch response.body {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .stream(let source): text(of: source)
    }
}

/// All that a source makes.
func text(of source: any HTTPBodySource) -> String {
    var parts: [[UInt8]] = []
    while source.next(into: &parts) == .more {}
    return String(decoding: parts.joined(), as: UTF8.self)
}

/// How the text of a reply is made.
enum Making: CaseIterable {
    /// By one thread in one piece, as a small one is.
    case small
    /// By pieces, put together.
    case whole
    /// By pieces, as they are taken.
    case streamed
}

/// The text of the reply to a request, made in that way.
func answer(
    _ operation: NativeOperation, _ text: String, limits: ServiceLimits = ServiceLimits(), _ workers: Workers = .one,
    _ making: Making = .small
) throws(HTTPProblem) -> String {
    func made<Scalar>(
        _ calculation: inout Calculation<Scalar>, _ scratch: inout SoftmaxScratch
    ) throws(HTTPProblem) -> String {
        let arrangement = calculation.arrangement
        do throws(ReplyFailure) {
            switch making {
            case .small:
                try calculation.compute(&scratch)
                return String(decoding: try calculation.text(), as: UTF8.self)
            case .whole: return String(decoding: try calculation.large(workers).text(), as: UTF8.self)
            case .streamed: return SoftmaxServiceTests.text(of: try calculation.large(workers))
            }
        } catch {
            throw HTTPProblem(error) { arrangement.pointer(sample: $0) }
        }
    }
    var workspace = Workspace()
    return switch try workspace.read(body(text), operation: operation, limits: limits, workers) {
    case .float64: try made(&workspace.double, &workspace.scratch)
    case .float32: try made(&workspace.single, &workspace.scratch)
    }
}

/// A service with its default configuration but for `change`.
func service(_ change: (inout ServiceConfiguration) -> Void = { _ in }) -> Service {
    var configuration = ServiceConfiguration()
    change(&configuration)
    return Service(configuration, status: HTTPServerStatus(), pool: ComputePool(threads: 2))
}

extension Service {
    /// Answers a POST as the server would, deferred work included.
    func post(_ path: String, _ text: String, fields: [(StaticString, String)] = []) -> HTTPResponse {
        var list = HTTPFields()
        list.append("content-type", "application/json")
        for (name, value) in fields { list.append(name, value) }
        return finish(HTTPRequest(method: .post, path: path, fields: list, body: Array(text.utf8), id: "test"))
    }

    /// Answers a request, deferred work included.
    func finish(_ request: HTTPRequest) -> HTTPResponse {
        var reply = respond(to: request)
        while true {
            switch reply {
            case .ready(let response): return response
            case .deferred(_, let run): reply = run(HTTPCancellation())
            }
        }
    }
}

/// A reply's member as nested Foundation arrays of numbers.
func member(_ name: String, of text: String) throws -> Any {
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    return try #require(object[name])
}
