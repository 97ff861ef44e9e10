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
        let page = Page(html: body("<title>t</title><style>a{}</style><script>1</script>"))
        #expect(
            page.policy == """
                default-src 'none'; connect-src 'self'; img-src data:; \
                style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='; \
                script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='; \
                base-uri 'none'; form-action 'none'; frame-ancestors 'none'
                """)
        #expect(!Page(html: body("<p>no script")).policy.contains("script-src"))
        #expect(!Page.explorer.policy.contains("unsafe"))
    }

    @Test func `pages have equal tags where their content is equal`() {
        let (first, again, other) = (Page(html: body("a")), Page(html: body("a")), Page(html: body("b")))
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
