import Foundation
import Testing

@testable import HTTPServer

@Suite("Problems")
struct HTTPProblemTests {
    private func json(_ response: HTTPResponse) throws -> [String: Any] {
        guard case .bytes(let bytes) = response.body else { return [:] }
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test("a problem has the members of the contract")
    func members() throws {
        var problem = HTTPProblem.contentTooLarge(limit: 16)
        let response = problem.response(requestID: "id-1", types: "/problems/")
        #expect(response.status == 413)
        #expect(response.fields.only("content-type") == "application/problem+json")
        let plain = try json(response)
        #expect(Set(plain.keys) == ["type", "title", "status", "detail", "limit", "request_id", "error"])
        #expect(plain["type"] as? String == "/problems/content-too-large")
        #expect(plain["title"] as? String == "Content too large")
        #expect(plain["status"] as? Int == 413)
        #expect(plain["limit"] as? Int == 16)
        #expect(plain["request_id"] as? String == "id-1")
        #expect(plain["error"] as? String == problem.detail)
        #expect(plain["detail"] as? String == problem.detail)
        problem.pointer = "/logits/3/1"
        #expect(try json(problem.response(requestID: "", types: "/problems/"))["pointer"] as? String == "/logits/3/1")
    }

    @Test("Allow and Retry-After go into fields")
    func fields() {
        let allowed = HTTPProblem.methodNotAllowed(.post, allow: "GET, HEAD").response(requestID: "", types: "")
        #expect(allowed.status == 405)
        #expect(allowed.fields.only("allow") == "GET, HEAD")
        let busy = HTTPProblem.serviceUnavailable("busy", retryAfter: 3).response(requestID: "", types: "/problems/")
        #expect(busy.status == 503)
        #expect(busy.fields.only("retry-after") == "3")
    }

    @Test("any text survives the JSON it is put into")
    func escaping() throws {
        var text = String(String.UnicodeScalarView((0...0x2FF).compactMap { Unicode.Scalar($0) }))
        text += "\u{2028}\u{FFFD}😀\"\\"
        let problem = HTTPProblem(status: 400, slug: text, title: text, detail: text, pointer: text)
        let object = try json(problem.response(requestID: text, types: "/problems/"))
        for member in ["title", "detail", "pointer", "request_id", "error"] {
            #expect(object[member] as? String == text)
        }
        guard case .bytes(let bytes) = problem.response(requestID: text, types: "/problems/").body else { return }
        #expect(bytes.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
    }

    @Test("every kind has its own slug and says something")
    func kinds() {
        let kinds = HTTPProblemKind.all
        #expect(Set(kinds.map(\.slug)).count == kinds.count)
        #expect(kinds.map(\.status) == kinds.map(\.status).sorted())
        for kind in kinds {
            #expect((400...599).contains(kind.status))
            #expect(!kind.title.isEmpty && kind.explanation.count > 20)
            #expect(kind.slug.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x2D })
        }
    }
}
