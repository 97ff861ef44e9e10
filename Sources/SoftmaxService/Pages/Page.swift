import HTTPServer

/// A document that the program carries: its content, how it may be kept and what it may do.
///
/// One in HTML has at most one style sheet and one script, each in a `<style>` or `<script>` element without attributes. The
/// policy allows these two by their digests, so that nothing else that finds its way into the page is ever run.
struct Page: Sendable {
    /// The content, text in UTF-8.
    let body: [UInt8]
    /// The strong entity tag (RFC 9110 section 8.8.3), quotes included: equal for equal content.
    let entityTag: String
    /// The value of `Content-Security-Policy`.
    let policy: String
    private let contentType: StaticString
    /// The field lines of 200 and 304, beside `Content-Type`.
    private let fields: HTTPFields

    /// A page of that content.
    ///
    /// - Parameters:
    ///   - body: the content, in UTF-8.
    ///   - contentType: the value of `Content-Type`.
    ///   - cacheControl: the value of `Cache-Control`. A page may be kept but is asked about each time: after an update no
    ///     browser shows the old one.
    ///   - link: the value of `Link`, if it has any.
    init(
        _ body: [UInt8], contentType: StaticString = "text/html; charset=utf-8", cacheControl: String = "no-cache",
        link: String? = nil
    ) {
        self.body = body
        self.contentType = contentType
        entityTag = "\"\(SHA256.digest(body).base64)\""
        policy = Self.policy(of: body)
        var fields = HTTPFields()
        fields.append("etag", entityTag)
        fields.append("cache-control", cacheControl)
        if let link { fields.append("link", link) }
        fields.append("content-security-policy", policy)
        fields.append("x-content-type-options", "nosniff")
        fields.append("referrer-policy", "no-referrer")
        self.fields = fields
    }

    /// Answers GET and HEAD at the page's own path; behind a slash too many, sends the client to that path.
    ///
    /// The router takes `/docs/` for `/docs`, but there every relative address within the page would be another. That of the
    /// redirection is relative, too, so that it holds under a path prefix.
    func respond(to request: borrowing HTTPRequest, _ reply: inout ReplyWriter) {
        let path = request.pathText
        guard path.utf8.count > 1, path.last == "/" else { return send(request, &reply) }
        reply.fields.append("location", "../" + (path.split(separator: "/").last ?? ""))
        reply.write(status: 308, contentType: "", [])
    }

    /// Answers GET and HEAD: 304 where the client has this very page (RFC 9110 section 13.1.2), else all of it.
    func send(_ request: borrowing HTTPRequest, _ reply: inout ReplyWriter) {
        reply.fields.append(fields)
        if request.noneMatch(names: entityTag) {
            reply.write(status: 304, contentType: "", [])
        } else {
            reply.write(contentType: contentType, body)
        }
    }

    /// Nothing is allowed but the page's own style and script, and requests and an icon of the service's.
    private static func policy(of document: [UInt8]) -> String {
        var directives = ["default-src 'none'", "connect-src 'self'", "img-src 'self'"]
        for element in ["style", "script"] {
            guard let content = content(of: element, in: document) else { continue }
            directives.append("\(element)-src 'sha256-\(SHA256.digest(content).base64)'")
        }
        directives += ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
        return directives.joined(separator: "; ")
    }

    /// What is in the first element of that name, to the byte.
    private static func content(of element: String, in document: [UInt8]) -> ArraySlice<UInt8>? {
        let (opening, closing) = (Array("<\(element)>".utf8), Array("</\(element)>".utf8))
        guard let start = position(of: opening, in: document[...]),
            let end = position(of: closing, in: document[start...])
        else { return nil }
        return document[start + opening.count..<end]
    }

    /// Where a tag begins.
    ///
    /// A plain loop, in 0.02 ms: `firstRange(of:)` takes 2.6 ms, too long for an event loop.
    private static func position(of tag: [UInt8], in document: ArraySlice<UInt8>) -> Int? {
        document.indices.first { document[$0] == tag[0] && document[$0...].starts(with: tag) }
    }
}

extension Page {
    /// The explorer: softmax, its Jacobian and the derivation of each of its entries, with live numbers.
    static let explorer = Page(PackageResources.explorer_html)
    /// The API reference, made from openapi.yaml.
    static let docs = Page(PackageResources.docs_html)
    /// The article on the derivation, made from that of SoftmaxCore's documentation.
    static let derivation = Page(PackageResources.derivation_html)
    /// The icon of all pages, which is asked for once a day at most.
    static let icon = Page(
        PackageResources.icon_svg, contentType: "image/svg+xml", cacheControl: "max-age=86400")
    /// Where descriptions, documentation and probes are, for programs that look for APIs (RFC 9727).
    ///
    /// The addresses are relative to the catalog's own, so that they hold under a path prefix.
    static let catalog = Page(
        Array(
            """
            {"linkset":[{"anchor":"../","service-desc":[{"href":"../openapi.json","type":"application/json"},\
            {"href":"../openapi.yaml","type":"application/yaml"}],"service-doc":[{"href":"../docs","type":"text/html"}],\
            "status":[{"href":"../readyz","type":"application/json"}]}]}
            """.utf8),
        contentType: #"application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727""#,
        link: #"<api-catalog>; rel="api-catalog"; type="application/linkset+json""#)
}
