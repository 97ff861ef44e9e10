import HTTPServer
import TensorJSON
import Testing

@testable import SoftmaxService

@Suite struct RefusalTests {
    /// A request and the problem that it must be refused with.
    struct Case: Sendable, CustomTestStringConvertible {
        var operation: SoftmaxOperation
        var text: String
        var status: Int
        var slug: String
        var pointer: String?
        var testDescription: String { "\(operation.rawValue) \(text.prefix(70))" }

        init(_ operation: SoftmaxOperation, _ text: String, _ status: Int, _ slug: String, _ pointer: String?) {
            (self.operation, self.text, self.status, self.slug, self.pointer) = (operation, text, status, slug, pointer)
        }
    }

    static let deep = String(repeating: "[", count: 33) + "1" + String(repeating: "]", count: 33)

    static let cases: [Case] = [
        Case(.softmax, "", 400, "not-json", nil),
        Case(.softmax, #"{"logits":[1,]}"#, 400, "not-json", nil),
        Case(.softmax, #"{"logits":[1]} x"#, 400, "not-json", nil),
        Case(.softmax, #"{"logits":[NaN]}"#, 400, "not-json", nil),
        Case(.softmax, #"{"logits":[1],"logits":[2]}"#, 400, "duplicate-member", "/logits"),
        Case(.softmax, #"{"logits":\#(deep)}"#, 400, "nesting-too-deep", nil),
        Case(.softmax, #"{"logit":[1]}"#, 422, "invalid-request", "/logit"),
        Case(.softmax, #"{}"#, 422, "invalid-request", ""),
        Case(.softmax, #"{"logits":3}"#, 422, "invalid-request", "/logits"),
        Case(.softmax, #"{"logits":[[1],2]}"#, 422, "invalid-request", "/logits/1"),
        Case(.softmax, #"{"logits":[[1],[]]}"#, 422, "invalid-request", "/logits/1"),
        Case(.softmax, #"{"logits":[1,1e999]}"#, 422, "invalid-request", "/logits/1"),
        Case(.softmax, #"{"logits":[1,1e39],"dtype":"float32"}"#, 422, "invalid-request", "/logits/1"),
        Case(.softmax, #"{"logits":["Infinity"]}"#, 422, "invalid-request", "/logits/0"),
        Case(.softmax, #"{"logits":[[1],["-Infinity"]]}"#, 422, "invalid-request", "/logits/1"),
        Case(.softmax, #"{"logits":[1,2],"mask":[false,false]}"#, 422, "invalid-request", "/logits"),
        Case(.softmax, #"{"logits":[[1],[2]],"mask":[[true],[true,false]]}"#, 422, "invalid-request", "/mask/1"),
        Case(.softmax, #"{"logits":[1],"mask":[1]}"#, 422, "invalid-request", "/mask/0"),
        Case(.softmax, #"{"logits":[1],"mask":[{}]}"#, 422, "invalid-request", "/mask/0"),
        Case(.softmax, #"{"logits":[1],"temperature":0}"#, 422, "invalid-request", "/temperature"),
        Case(.softmax, #"{"logits":[1],"temperature":-1}"#, 422, "invalid-request", "/temperature"),
        Case(.softmax, #"{"logits":[1],"temperature":1e999}"#, 422, "invalid-request", "/temperature"),
        Case(.softmax, #"{"logits":[1],"axis":1}"#, 422, "invalid-request", "/axis"),
        Case(.softmax, #"{"logits":[1],"axis":0.5}"#, 422, "invalid-request", "/axis"),
        Case(.softmax, #"{"logits":[[1,2],[3]],"axis":0}"#, 422, "invalid-request", "/axis"),
        Case(.softmax, #"{"logits":[1],"function":"sigmoid"}"#, 422, "invalid-request", "/function"),
        Case(.softmax, #"{"logits":[1],"dtype":"float16"}"#, 422, "invalid-request", "/dtype"),
        Case(.softmax, #"{"logits":[1],"cotangents":[1]}"#, 422, "invalid-request", "/cotangents"),
        Case(.jacobian, #"{"logits":[1],"form":"sparse"}"#, 422, "invalid-request", "/form"),
        Case(.jacobian, #"{"logits":[1],"form":"entries"}"#, 422, "invalid-request", ""),
        Case(.jacobian, #"{"logits":[1],"entries":[[0,0]]}"#, 422, "invalid-request", "/entries"),
        Case(
            .jacobian, #"{"logits":[[1,2],[3]],"form":"entries","entries":[[0,1]]}"#, 422, "invalid-request",
            "/entries/0/1"),
        Case(.jacobian, #"{"logits":[1],"form":"entries","entries":[[0,-1]]}"#, 422, "invalid-request", "/entries/0/1"),
        Case(.jacobian, #"{"logits":[1,2],"temperature":1e-320}"#, 422, "invalid-request", "/temperature"),
        Case(
            .jacobian, #"{"logits":[1,2],"temperature":1e-40,"dtype":"float32"}"#, 422, "invalid-request",
            "/temperature"),
        Case(.vjp, #"{"logits":[1,2]}"#, 422, "invalid-request", ""),
        Case(.vjp, #"{"logits":[[1,2],[3,4]],"cotangents":[[1,2],[3]]}"#, 422, "invalid-request", "/cotangents/1"),
        Case(.vjp, #"{"logits":[1],"cotangents":["-Infinity"]}"#, 422, "invalid-request", "/cotangents/0"),
        Case(
            .jvp, #"{"logits":[1,1],"tangents":[1e308,-1e308],"temperature":1e-9}"#, 422, "invalid-request", "/logits"),
    ]

    @Test(arguments: cases)
    func `a bad request is refused with its status, kind and pointer`(_ bad: Case) throws {
        let problem = try #require(throws: HTTPProblem.self) { try answer(bad.operation, bad.text) }
        #expect(problem.status == bad.status)
        #expect(problem.slug == bad.slug)
        #expect(!problem.detail.isEmpty)
        if let pointer = bad.pointer { #expect(problem.pointer == pointer) }
    }

    @Test(arguments: [
        ("", "The body is not JSON: it is empty, at byte 0."),
        (#"{"logits":[1,]}"#, "The body is not JSON: expected a value, at byte 13."),
        (#"{"logits":[01]}"#, "The body is not JSON: a number is malformed, at byte 12."),
        (#"{"logits":[1]"#, #"The body is not JSON: it ends where "," or "}" should follow, at byte 13."#),
    ])
    func `the refusal of a body that is not JSON gives the first fault and its byte offset, without a pointer`(
        _ text: String, _ detail: String
    ) throws {
        let problem = try #require(throws: HTTPProblem.self) {
            try answer(.softmax, text)
        }
        #expect(problem == HTTPProblem(.notJSON, detail))
    }

    @Test func `the refusal of a reply over the limit names the alternatives`() {
        let small = service { $0.limits.replyNumbers = 8 }
        let refused = small.post("/jacobian", #"{"logits":[1,2,3]}"#)
        #expect(refused.status == 413)
        #expect(text(of: refused).contains("factored") && text(of: refused).contains("/vjp"))
        #expect(text(of: refused).contains("\"limit\":8"))
        #expect(small.post("/jacobian", #"{"logits":[1,2]}"#).status == 200)
        #expect(small.post("/softmax", #"{"logits":[1,2,3,4,5,6,7,8]}"#).status == 200)
        let softmax = small.post("/softmax", #"{"logits":[1,2,3,4,5,6,7,8,9]}"#)
        #expect(softmax.status == 413)
        #expect(!text(of: softmax).contains("factored"), "there is no Jacobian to factor")
    }

    @Test func `more numbers than the limit are 413, at the limit 200`() {
        let small = service { $0.limits.tensor.elements = 4 }
        #expect(small.post("/softmax", #"{"logits":[1,2,3,4]}"#).status == 200)
        #expect(small.post("/softmax", #"{"logits":[1,2,3,4,5]}"#).status == 413)
    }

    @Test func `a request's fields are checked before its body`() {
        let service = service()
        #expect(service.post("/softmax", "x", fields: [("accept", "text/html")]).status == 406)
        #expect(service.post("/softmax", "x", fields: [("content-encoding", "br")]).status == 415)
        let type = ("Content-Type", "application/x-www-form-urlencoded")
        let form = SentRequest("POST", "/softmax", fields: [type], body: "x")
        #expect(service.finish(form).status == 415)
        // Without a Content-Type the body is assumed to be JSON (RFC 9110 section 8.3).
        let untyped = SentRequest("POST", "/softmax", body: #"{"logits":[1]}"#)
        #expect(text(of: service.finish(untyped)) == #"{"probabilities":[1]}"#)
    }

    @Test(
        "what curl -d calls a form is JSON where it is an object, and a form otherwise",
        arguments: [
            (#"{"logits":[1]}"#, 200), (" \n\t\r{\"logits\":[1]}", 200), ("\u{FEFF}{\"logits\":[1]}", 200),
            ("\u{FEFF} {\"logits\":[1]}", 200), (#"{"logits":[1}"#, 400), ("{", 400), ("logits=1", 415), ("[1]", 415),
            ("", 415), ("  ", 415), ("\u{FEFF}", 415), ("\u{FEFF}a=b", 415),
        ])
    func forms(body: String, status: Int) {
        for type in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLEncoded; charset=utf-8"] {
            let sent = SentRequest("POST", "/softmax", fields: [("Content-Type", type)], body: body)
            #expect(service().finish(sent).status == status, "\(body)")
        }
    }

    @Test(
        "a type with the suffix +json is JSON",
        arguments: [
            ("application/vnd.api+json", 200), ("Application/LD+JSON; profile=x", 200), ("application/+json", 415),
            ("application/json+", 415), ("text/x+json", 415), ("application/x+jsonp", 415), ("application/xjson", 415),
            ("+json", 415), ("application/", 415),
        ])
    func suffixes(type: String, status: Int) {
        let body = #"{"logits":[1]}"#
        let sent = SentRequest("POST", "/softmax", fields: [("Content-Type", type)], body: body)
        #expect(service().finish(sent).status == status)
    }

    @Test func `a byte order mark is skipped, and errors behind it count from the body's first byte`() {
        let mark = "\u{FEFF}"
        #expect(text(of: service().post("/softmax", mark + #"{"logits":[1]}"#)) == #"{"probabilities":[1]}"#)
        // Large enough for the compute pool.
        let large = "[" + String(repeating: "0,", count: 60_000) + "0]"
        #expect(service().post("/softmax", mark + #"{"logits":"# + large + "}").status == 200)
        for (body, offset) in [(#"{"logits":[1,]}"#, 16), ("", 3), ("\u{FEFF}{}", 3)] {
            let refused = service().post("/softmax", mark + body)
            #expect(refused.status == 400)
            #expect(text(of: refused).contains("byte \(offset)"), "\(text(of: refused))")
        }
        // A part of one is no mark.
        #expect(service().post("/softmax", "\u{FEFE}{}").status == 400)
    }

    @Test func `an offline problem is a sentence with its place`() {
        var problem = HTTPProblem(.badRequest, "logits must be numbers", pointer: "/logits/0")
        #expect(
            OfflineCommand.sentence(problem, file: nil)
                == "softmaxd: standard input: logits must be numbers (at /logits/0)\n")
        problem.pointer = nil
        #expect(OfflineCommand.sentence(problem, file: "a.json") == "softmaxd: a.json: logits must be numbers\n")
    }
}
