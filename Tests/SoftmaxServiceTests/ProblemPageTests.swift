import Testing

@testable import HTTPServer
@testable import SoftmaxService

@Suite struct ProblemPageTests {
    private static let html = "text/html; charset=utf-8"
    private static let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    @Test(
        "who asks for an explanation gets it as a page where Accept prefers one, else as JSON",
        arguments: [
            (nil, false), ("*/*", false), ("", false), ("application/json", false), ("application/problem+json", false),
            (browser, true), ("text/html", true), ("TEXT/HTML", true), ("text/*", true),
            ("text/html, application/json", false), ("text/html, application/json;q=0.9", true),
            ("text/html;q=0.9, application/json", false), ("text/html;q=0.5, application/json;q=0.499", true),
            ("text/html;q=0.8, */*;q=0.9", false), ("text/html, */*", false), ("text/html, */*;q=0.999", true),
            ("text/html;q=0.001", true), ("text/html;q=0", false), ("text/html;q=0, */*", false),
            ("text/html, application/*;q=0.5", true), ("text/html;q=0.4, application/*;q=0.5", false),
            ("text/html, application/problem+json", false), ("text/html, application/problem+json;q=0.5", true),
            ("image/png", false), ("text/plain", false), ("application/xhtml+xml", false),
        ] as [(String?, Bool)])
    func negotiation(accept: String?, isPage: Bool) {
        for path in ["/problems/not-found", "/problems/not-found/"] {
            for method in ["GET", "HEAD"] {
                let fields = accept.map { [("Accept", $0)] } ?? []
                let reply = service().finish(SentRequest(method, path, fields: fields))
                #expect(reply.status == 200 && reply.fields.only("vary") == "Accept")
                #expect(reply.fields.only("content-type") == (isPage ? Self.html : "application/json"))
                #expect((reply.fields.only("etag") != nil) == isPage)
            }
        }
    }

    @Test func `every kind of problem has a page with its title, status and meaning`() {
        let service = service()
        for kind in HTTPProblemKind.served {
            let reply = service.finish(SentRequest("GET", "/problems/" + kind.slug, fields: [("Accept", "text/html")]))
            let page = text(of: reply)
            for part in [kind.title, kind.explanation, String(kind.status), "/problems/" + kind.slug] {
                #expect(page.contains(String(decoding: Page.escaped(part), as: UTF8.self)), "\(kind.slug): \(part)")
            }
            #expect(page.contains("<h1>\(kind.title)</h1>") && page.contains(#"href="../docs#\#(kind.slug)""#))
            #expect(!page.contains("{{") && !page.contains("}}"))
        }
    }

    @Test func `addresses in the page are relative to where it was asked for`() {
        func page(_ path: String) -> String {
            text(of: service().finish(SentRequest("GET", path, fields: [("Accept", "text/html")])))
        }
        #expect(page("/problems/not-json").contains(#"href="../favicon.ico""#))
        #expect(page("/problems/not-json/").contains(#"href="../../favicon.ico""#))
    }

    @Test func `a browser that has the page is told so, and the answer varies all the same`() throws {
        let service = service { $0.corsOrigins = ["https://a.example"] }
        let fields = [("Accept", Self.browser)]
        let reply = service.finish(SentRequest("GET", "/problems/draining", fields: fields))
        let tag = try #require(reply.fields.only("etag"))
        let again = service.finish(
            SentRequest("GET", "/problems/draining", fields: fields + [("If-None-Match", tag)]))
        #expect(again.status == 304 && text(of: again).isEmpty && again.fields.only("etag") == tag)
        for answer in [reply, again] {
            let vary = answer.fields.filter { $0.name.elementsEqual("vary".utf8) }
            #expect(vary.map { String(decoding: $0.value, as: UTF8.self) } == ["Origin", "Accept"])
        }
        // JSON has no tag: the same condition does not keep it back.
        let json = service.finish(SentRequest("GET", "/problems/draining", fields: [("If-None-Match", tag)]))
        #expect(json.status == 200)
    }

    @Test func `what is no kind of problem is not found, for browsers too`() {
        for path in ["/problems/nothing", "/problems/", "/problems/not-json//", "/problems/not-json/x"] {
            let reply = service().finish(SentRequest("GET", path, fields: [("Accept", Self.browser)]))
            #expect(reply.status == 404 && reply.fields.only("content-type") == "application/problem+json", "\(path)")
        }
    }

    @Test func `what is filled in cannot become markup`() {
        let kind = HTTPProblemKind(
            status: 400, slug: #"a"><script>1</script>"#, title: "<b>&amp;", explanation: "'{{root}}' & \"ü\"")
        let page = String(decoding: Page.explanation(of: kind, root: "../").body, as: UTF8.self)
        #expect(!page.contains("<script") && !page.contains("<b>"))
        #expect(page.contains("<h1>&lt;b&gt;&amp;amp;</h1>"))
        // Nor a slot: what was filled in is not read again.
        #expect(page.contains("&#39;{{root}}&#39; &amp; &quot;ü&quot;"))
    }
}
