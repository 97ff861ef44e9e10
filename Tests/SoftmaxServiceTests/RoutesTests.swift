import Foundation
import Testing

@testable import HTTPServer
@testable import SoftmaxService

@Suite struct RoutesTests {
    @Test func `readiness ends when draining begins, liveness does not`() {
        let status = HTTPServerStatus()
        let service = service(status: status)
        let ready = SentRequest("GET", "/readyz")
        #expect(service.finish(ready).status == 200)
        status.setDraining()
        #expect(service.finish(ready).status == 503)
        #expect(service.finish(SentRequest("GET", "/livez")).status == 200)
    }

    @Test func `metrics are in Prometheus text format, each with its help and type`() {
        let reply = service().finish(SentRequest("GET", "/metrics"))
        #expect(reply.fields.only("content-type") == "text/plain; version=0.0.4")
        let lines = text(of: reply).split(separator: "\n")
        let names = Set(lines.filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != " " && $0 != "{" } })
        #expect(names.count == 16)
        for name in names {
            #expect(lines.contains { $0.hasPrefix("# HELP \(name) ") })
            #expect(lines.contains { $0.hasPrefix("# TYPE \(name) ") })
        }
    }

    @Test func `every kind of problem is explained, and only those`() throws {
        let service = service()
        for kind in HTTPProblemKind.served {
            let reply = service.finish(SentRequest("GET", "/problems/" + kind.slug))
            #expect(reply.status == 200)
            #expect(try member("title", of: text(of: reply)) as? String == kind.title)
        }
        #expect(service.finish(SentRequest("GET", "/problems/nothing")).status == 404)
        #expect(Set(HTTPProblemKind.served.map(\.slug)).count == HTTPProblemKind.served.count)
    }

    @Test func `the API description lists exactly the kinds of problems there are`() throws {
        let reply = service().finish(SentRequest("GET", "/openapi.json"))
        let text = text(of: reply)
        for kind in HTTPProblemKind.served { #expect(text.contains("\"\(kind.slug)\""), "\(kind.slug)") }
    }

    @Test func `every problem that the API description shows is of a kind there is, and every kind is shown`() throws {
        let document = text(of: service().finish(SentRequest("GET", "/openapi.json")))
        let components = try #require(try member("components", of: document) as? [String: Any])
        let responses = try #require(components["responses"] as? [String: [String: Any]])
        var shown: Set<String> = []
        for (name, response) in responses {
            let content = try #require(response["content"] as? [String: [String: Any]])
            let examples = try #require(content["application/problem+json"]?["examples"] as? [String: [String: Any]])
            for (example, parts) in examples {
                let value = try #require(parts["value"] as? [String: Any], "\(name) \(example)")
                let type = try #require(value["type"] as? String)
                let kind = try #require(HTTPProblemKind.served.first { "/problems/\($0.slug)" == type }, "\(type)")
                #expect(value["status"] as? Int == kind.status, "\(example)")
                #expect(value["title"] as? String == kind.title, "\(example)")
                #expect(value["detail"] as? String == value["error"] as? String, "\(example)")
                shown.insert(kind.slug)
            }
        }
        #expect(shown == Set(HTTPProblemKind.served.map(\.slug)))
        // No request can provoke this one; Tests/Clients replays the others.
        #expect(document.contains(#""detail":"\#(HTTPProblem.internalError().detail)""#))
    }

    @Test func `the API description shows an explanation that is served`() throws {
        let service = service()
        let document = text(of: service.finish(SentRequest("GET", "/openapi.json")))
        let paths = try #require(try member("paths", of: document) as? [String: [String: [String: Any]]])
        let replies = try #require(paths["/problems/{slug}"]?["get"]?["responses"] as? [String: [String: Any]])
        let content = try #require(replies["200"]?["content"] as? [String: [String: Any]])
        let shown = try #require(content["application/json"]?["example"] as? [String: Any])
        let type = try #require(shown["type"] as? String)
        let served = text(of: service.finish(SentRequest("GET", type)))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(served.utf8)) as? NSDictionary)
        #expect(object.isEqual(to: shown))
    }

    @Test func `small requests are answered on the loop, large ones on the pool`() {
        let service = service { $0.limits.replyNumbers = 1_000_000_000 }
        func reply(_ path: String, _ logits: Int, _ number: String = "1") -> HTTPReply {
            let text = #"{"logits":[\#(Array(repeating: number, count: logits).joined(separator: ","))]}"#
            var writer = ReplyWriter()
            return service.begin(SentRequest("POST", path, body: text), &writer)
        }
        if case .deferred = reply("/softmax", 10) { Issue.record("10 logits need no pool") }
        guard case .deferred = reply("/softmax", 20000) else {
            Issue.record("20 000 logits are no work for an event loop")
            return
        }
        guard case .deferred(let cost, let replyBytes, _) = reply("/jacobian", 1000) else {
            Issue.record("10⁶ entries are no work for an event loop")
            return
        }
        #expect(cost == 1_001_000)
        #expect(replyBytes == 786_432)
        // A loop does not read a body this long: until the pool has read it, its length is its cost.
        guard case .deferred(let bound, 786_432, let run) = reply("/jacobian", 30_000, "1.0") else {
            Issue.record("30 000 logits are no work for an event loop")
            return
        }
        #expect(bound == 120_012)
        let total = BoundedTotal()
        let tight = HTTPWorkTicket.taking(bound, of: total, limit: bound)
        #expect(tight.flatMap { run($0) } == nil && total.value == bound)
        guard case .deferred(9_120, 218_880, _) = reply("/jacobian", 95) else {
            Issue.record("a Jacobian of 95 classes is not said to be small")
            return
        }
    }

    @Test func `pages of configured origins may read replies, others may not`() {
        let service = service { $0.corsOrigins = ["https://a.example"] }
        let allowed = service.post("/softmax", #"{"logits":[1]}"#, fields: [("origin", "https://a.example")])
        #expect(allowed.fields.only("access-control-allow-origin") == "https://a.example")
        #expect(allowed.fields.only("access-control-expose-headers") == "Allow, Retry-After, X-Request-Id")
        let other = service.post("/softmax", #"{"logits":[1]}"#, fields: [("origin", "https://b.example")])
        #expect(other.fields.only("access-control-allow-origin") == nil)
        #expect(other.fields.only("access-control-expose-headers") == nil)
        let preflight = service.finish(
            SentRequest("OPTIONS", "/softmax", fields: [("Origin", "https://a.example")]))
        #expect(preflight.status == 204)
        #expect(preflight.fields.only("access-control-allow-methods") == "GET, HEAD, POST, OPTIONS")
    }

    @Test func `where origins are configured every reply varies by Origin, else none does`() {
        let logits = Array(repeating: "1", count: 20000).joined(separator: ",")
        for body in [#"{"logits":[1]}"#, "{", #"{"logits":[\#(logits)]}"#] {
            for fields in [[], [("origin", "https://a.example")], [("origin", "https://b.example")]]
                as [[(String, String)]]
            {
                let open = service { $0.corsOrigins = ["https://a.example"] }.post("/softmax", body, fields: fields)
                #expect(open.fields.only("vary") == "Origin")
                #expect(service().post("/softmax", body, fields: fields).fields.only("vary") == nil)
            }
        }
    }

    @Test func `pages of configured origins may read the errors of the server itself`() {
        let service = service { $0.corsOrigins = ["https://a.example"] }
        func allowed(_ origin: String) -> String? {
            var response = HTTPProblem.contentTooLarge(limit: 1).response(requestID: "r")
            SentRequest("POST", "/softmax", fields: [("Origin", origin)])
                .withRequest { service.complete(&response, for: $0) }
            #expect(response.fields.only("vary") == "Origin")
            return response.fields.only("access-control-allow-origin")
        }
        #expect(allowed("https://a.example") == "https://a.example")
        #expect(allowed("https://b.example") == nil)
    }

    @Test func `a log line is one JSON object, whatever the client sent`() throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let log = AccessLog(writer)
        SentRequest("GET", "/a|b", fields: [("X-Request-Id", "i\\d"), ("User-Agent", "a\"b\\")], body: "x")
            .withRecord(
                status: 404, responseBytes: 2, duration: 3000, peer: "127.0.0.1:5", problem: "not-found",
                isComplete: false
            ) { log.record($0) }
        log.flush()
        writer.finish()
        let line = pipe.fileHandleForReading.availableData
        let object = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
        #expect(object["path"] as? String == "/a|b" && object["user_agent"] as? String == "a\"b\\")
        // A request id that would need escaping is replaced.
        #expect(object["request_id"] as? String == "0000000000000007")
        #expect(object["bytes_in"] as? Int == 1 && object["bytes_out"] as? Int == 2)
        #expect(object["duration_us"] as? Int == 3 && object["incomplete"] as? Bool == true)
        #expect((object["time"] as? String)?.count == "2026-01-01T00:00:00.000Z".count)
    }

    @Test func `a connection ended for a fault has a line in the log and a counter with its reason`() throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let log = AccessLog(writer)
        log.record(HTTPConnectionEnd(fault: .windowUpdates, peer: "[::1]:5", requests: 7))
        log.flush()
        writer.finish()
        let line = pipe.fileHandleForReading.availableData
        let object = try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any])
        #expect(object["level"] as? String == "warn" && object["message"] as? String == "connection ended")
        #expect(object["reason"] as? String == "window-update" && object["remote"] as? String == "[::1]:5")
        #expect(object["requests"] as? Int == 7)
        let metrics = text(of: service().finish(SentRequest("GET", "/metrics")))
        for fault in HTTPConnectionFault.allCases {
            #expect(metrics.contains("softmaxd_connections_ended_total{reason=\"\(fault.rawValue)\"} 0\n"))
        }
    }
}
