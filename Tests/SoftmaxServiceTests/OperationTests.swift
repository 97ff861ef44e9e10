import Foundation
@testable import HTTPServer
import Testing

@testable import SoftmaxService

/// Header fields, the access log and hints, on which operators, proxies and browsers rely.
@Suite struct OperationTests {
    @Test(arguments: ["identity", "Identity", "IDENTITY", "identity, identity", ""])
    func `the identity coding is accepted in any case`(coding: String) {
        #expect(service().post("/softmax", #"{"logits":[1]}"#, fields: [("content-encoding", coding)]).status == 200)
    }

    @Test(arguments: ["gzip", "br", "identity, gzip", "x-identity"])
    func `another coding is refused with Accept-Encoding: identity`(coding: String) {
        let reply = service().post("/softmax", "x", fields: [("content-encoding", coding)])
        #expect(reply.status == 415 && reply.fields.only("accept-encoding") == "identity")
        // A 415 for the media type has no Accept-Encoding.
        let other = service().post("/softmax", "x", fields: [("content-type", "text/plain")])
        #expect(other.status == 415 && other.fields.count(of: "accept-encoding") == 0)
    }

    @Test func `a preflight allows the fields that a proxy may require`() {
        let service = service { $0.corsOrigins = ["*"] }
        let preflight = service.finish(
            SentRequest("OPTIONS", "/softmax", fields: [("Origin", "https://a.example")]))
        #expect(
            preflight.fields.only("access-control-allow-headers")
                == "Authorization, Content-Type, X-Request-Id, Traceparent")
    }

    @Test func `probes and metrics say no-store, other replies do not`() {
        let status = HTTPServerStatus()
        let service = service(status: status)
        for method in ["GET", "HEAD"] {
            for path in ["/livez", "/readyz", "/metrics"] {
                let reply = service.finish(SentRequest(method, path))
                #expect(reply.status == 200 && reply.fields.only("cache-control") == "no-store", "\(path)")
            }
            #expect(service.finish(SentRequest(method, "/version")).fields.count(of: "cache-control") == 0)
        }
        status.setDraining()
        let draining = service.finish(SentRequest("GET", "/readyz"))
        #expect(draining.status == 503 && draining.fields.only("cache-control") == "no-store")
    }

    @Test(arguments: [
        ("instances", nil), ("logit", "logits"), ("Logits", "logits"), ("temprature", "temperature"), ("x", nil),
        ("inputs", nil), ("data", nil), ("axes", "axis"), ("dim", nil), ("", nil),
    ])
    func `the refusal of an unknown member names a close known one, if there is one`(name: String, closest: String?) {
        let reply = service().post("/softmax", #"{"\#(name)":[1]}"#)
        let hint = closest.map { #"; the closest known one is \"\#($0)\""# } ?? ""
        #expect(reply.status == 422)
        #expect(text(of: reply).contains(#""detail":"There is no member \"\#(name)\"\#(hint).""#), "\(text(of: reply))")
    }

    @Test func `a timestamp is RFC 3339`() {
        for (seconds, text) in [(0, "1970-01-01T00:00:00"), (1_709_251_199, "2024-02-29T23:59:59")] {
            #expect(LogClock.text(of: CivilDate(unixSeconds: seconds)) == Array(text.utf8))
        }
    }

    @Test func `the service defines the probes and the prefix of problem types, the server has none`() {
        let (service, server) = (ServiceConfiguration().server, HTTPServerConfiguration())
        for path in ["/livez", "/readyz", "/metrics"] { #expect(service.isProbe(path) && !server.isProbe(path)) }
        #expect(!service.isProbe("/softmax") && !service.isProbe("/livez/"))
        #expect(service.problemTypes == "/problems/" && server.problemTypes == "")
    }

    @Test func `a log of requests has no lines for probes, and names client and user agent`() throws {
        let pipe = Pipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let isProbe = ServiceConfiguration().server.isProbe
        let log = AccessLog(writer) { isProbe($0) }
        for path in ["/livez", "/softmax", "/readyz", "/metrics"] {
            SentRequest("GET", path, fields: [("User-Agent", "curl/\"8\"")])
                .withRecord(status: 200, peer: "10.0.0.1:5", client: "203.0.113.7") { log.record($0) }
        }
        log.flush()
        writer.finish()
        let lines = pipe.fileHandleForReading.availableData.split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        #expect(object["path"] as? String == "/softmax" && object["remote"] as? String == "10.0.0.1:5")
        #expect(object["client"] as? String == "203.0.113.7" && object["user_agent"] as? String == "curl/\"8\"")
    }
}
