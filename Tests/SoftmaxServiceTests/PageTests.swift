import Testing

@testable import HTTPServer
@testable import SoftmaxService

@Suite struct PageTests {
    @Test func `the explorer is served at the root, confined and to be asked about each time`() {
        let reply = service().finish(SentRequest("GET", "/"))
        #expect(reply.status == 200)
        #expect(text(of: reply) == String(decoding: PackageResources.explorer_html, as: UTF8.self))
        #expect(reply.fields.only("content-type") == "text/html; charset=utf-8")
        #expect(reply.fields.only("cache-control") == "no-cache")
        #expect(reply.fields.only("x-content-type-options") == "nosniff")
        #expect(reply.fields.only("referrer-policy") == "no-referrer")
        #expect(reply.fields.only("etag") == Page.explorer.entityTag)
        #expect(service().finish(SentRequest("POST", "/")).status == 405)
    }

    /// A page at each path where one is served as it is.
    private static let pages: [(path: String, page: Page, contentType: String)] = [
        ("/", .explorer, "text/html; charset=utf-8"), ("/docs", .docs, "text/html; charset=utf-8"),
        ("/docs/derivation", .derivation, "text/html; charset=utf-8"), ("/favicon.ico", .icon, "image/svg+xml"),
        (
            "/.well-known/api-catalog", .catalog,
            #"application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727""#
        ),
    ]

    @Test(arguments: pages.map(\.path))
    func `every page is served whole, confined and with a tag that spares sending it again`(path: String) throws {
        let (_, page, contentType) = try #require(Self.pages.first { $0.path == path })
        let service = service()
        for method in ["GET", "HEAD"] {
            let reply = service.finish(SentRequest(method, path))
            #expect(reply.status == 200 && reply.fields.only("content-type") == contentType)
            #expect(reply.fields.only("etag") == page.entityTag)
            #expect(reply.fields.only("content-security-policy") == page.policy)
            #expect(page.policy.hasPrefix("default-src 'none'; ") && !page.policy.contains("unsafe"))
            #expect(reply.fields.only("vary") == nil)
            let known = service.finish(SentRequest(method, path, fields: [("If-None-Match", page.entityTag)]))
            #expect(known.status == 304 && text(of: known).isEmpty)
            #expect(known.fields.only("cache-control") == reply.fields.only("cache-control"))
        }
        #expect(text(of: service.finish(SentRequest("GET", path))) == String(decoding: page.body, as: UTF8.self))
        #expect(service.finish(SentRequest("POST", path)).status == 405)
        #expect(service.finish(SentRequest("OPTIONS", path)).fields.only("allow") == "GET, HEAD, OPTIONS")
    }

    @Test(arguments: [
        ("/docs/", "../docs"), ("/docs/derivation/", "../derivation"), ("/favicon.ico/", "../favicon.ico"),
        ("/.well-known/api-catalog/", "../api-catalog"),
    ])
    func `behind a slash too many, where relative addresses would be others, stands a redirection`(
        path: String, location: String
    ) {
        for method in ["GET", "HEAD"] {
            let reply = service().finish(SentRequest(method, path))
            #expect(reply.status == 308 && reply.fields.only("location") == location && text(of: reply).isEmpty)
        }
    }

    @Test func `the icon is asked for once a day, pages at each load`() {
        let service = service()
        #expect(service.finish(SentRequest("GET", "/favicon.ico")).fields.only("cache-control") == "max-age=86400")
        #expect(service.finish(SentRequest("GET", "/docs")).fields.only("cache-control") == "no-cache")
    }

    @Test func `the API catalog links to what is there, relative to itself`() throws {
        let service = service()
        let reply = service.finish(SentRequest("GET", "/.well-known/api-catalog"))
        #expect(
            reply.fields.only("link") == #"<api-catalog>; rel="api-catalog"; type="application/linkset+json""#)
        let sets = try #require(try member("linkset", of: text(of: reply)) as? [[String: Any]])
        #expect(sets.count == 1 && sets.first?["anchor"] as? String == "../")
        let relations = ["service-desc": 2, "service-doc": 1, "status": 1]
        for (relation, count) in relations {
            let links = try #require(sets.first?[relation] as? [[String: String]])
            #expect(links.count == count)
            for link in links {
                let href = try #require(link["href"])
                let type = try #require(link["type"])
                #expect(href.hasPrefix("../"))
                let target = service.finish(SentRequest("GET", String(href.dropFirst(2))))
                #expect(target.status == 200 && target.fields.only("content-type")?.hasPrefix(type) == true, "\(href)")
            }
        }
        for path in ["/.well-known/", "/.well-known/security.txt", "/.well-known/api-catalogs"] {
            #expect(service.finish(SentRequest("GET", path)).status == 404)
        }
    }

    @Test func `HEAD has the fields of GET`() {
        let service = service()
        let (get, head) = (service.finish(SentRequest("GET", "/")), service.finish(SentRequest("HEAD", "/")))
        #expect(head.status == 200)
        for name in ["etag", "content-type", "content-security-policy"] {
            #expect(head.fields.only(name) != nil && head.fields.only(name) == get.fields.only(name), "\(name)")
        }
    }

    @Test func `a client that has the page is told so, with the same fields and nothing else`() {
        let tag = Page.explorer.entityTag
        for method in ["GET", "HEAD"] {
            for known in [tag, "W/" + tag, "*", #""x", "# + tag] {
                let reply = service().finish(SentRequest(method, "/", fields: [("If-None-Match", known)]))
                #expect(reply.status == 304 && text(of: reply).isEmpty, "\(known)")
                #expect(reply.fields.only("etag") == tag && reply.fields.only("cache-control") == "no-cache")
                #expect(reply.fields.only("content-security-policy") == Page.explorer.policy)
            }
            let other = service().finish(SentRequest(method, "/", fields: [("If-None-Match", #""x""#)]))
            #expect(other.status == 200)
        }
    }

    @Test func `where origins are configured the page varies by Origin, as every reply does`() {
        let service = service { $0.corsOrigins = ["https://a.example"] }
        let reply = service.finish(SentRequest("GET", "/", fields: [("Origin", "https://a.example")]))
        #expect(reply.fields.only("vary") == "Origin" && reply.fields.only("etag") == Page.explorer.entityTag)
    }

    @Test func `the policy allows the style and the script that are in the page, and nothing inline beside them`() {
        let page = Page(body("<title>t</title><style>a{}</style><script>1</script>"))
        #expect(
            page.policy == """
                default-src 'none'; connect-src 'self'; img-src 'self'; \
                style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='; \
                script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='; \
                base-uri 'none'; form-action 'none'; frame-ancestors 'none'
                """)
        #expect(!Page(body("<p>no script")).policy.contains("script-src"))
        #expect(!Page.explorer.policy.contains("unsafe"))
    }

    @Test func `pages have equal tags where their content is equal`() {
        let (first, again, other) = (Page(body("a")), Page(body("a")), Page(body("b")))
        #expect(first.entityTag == again.entityTag && first.entityTag != other.entityTag)
        #expect(first.entityTag.first == "\"" && first.entityTag.last == "\"")
    }

    /// The messages of FIPS 180-4's examples, and lengths around the end of a block; digests by Python's `hashlib`.
    @Test(arguments: [
        ("", 1, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("abc", 1, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
        ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "JI1qYdIGOLjlwCaTDD5gOaM85Flk/yFn9uzt1BnbBsE="),
        ("a", 55, "n0OQ+NMMLdkuyfCVtl4rmumwqSWlJY4kHJ8ekQ9zQxg="),
        ("a", 56, "s1Q5pKxvCUi21vnjxq8PX1kM4g8b3nCQ73lwaG7Gc4o="),
        ("a", 63, "fT50oF19sVvOStnsBljqmOPwbu7PFrTG//LaRX3cLzQ="),
        ("a", 64, "/+BU/nrgy23GXDr5th1SCfQ5hR20PQulmXM33xVGaOs="),
        ("a", 65, "Y1NhxIu56rFBmOduqKt/GkFoXWrWKqkUbTAdTxfrCuA="),
        ("a", 1000, "Qe3s5C1j6Nm/UVqbppMuHCDLyfWl0TRkWttdsblzfqM="),
    ])
    func `SHA-256 is that of the standard`(message: String, count: Int, digest: String) {
        #expect(SHA256.digest(body(String(repeating: message, count: count))).base64 == digest)
    }

    @Test func `base 64 is that of RFC 4648`() {
        // Section 10.
        let pairs = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
        for (text, encoded) in pairs { #expect(body(text).base64 == encoded) }
    }
}
