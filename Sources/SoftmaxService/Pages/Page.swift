import HTTPServer

/// A document for browsers that the program carries: its text, how it may be kept and what it may do.
///
/// It has at most one style sheet and one script, each in a `<style>` or `<script>` element without attributes. The policy
/// allows these two by their digests, so that nothing else that finds its way into the page is ever run.
struct Page: Sendable {
    /// The content, in UTF-8.
    let body: [UInt8]
    /// The strong entity tag (RFC 9110 section 8.8.3), quotes included: equal for equal content.
    let entityTag: String
    /// The value of `Content-Security-Policy`.
    let policy: String
    /// The field lines of 200 and 304, beside `Content-Type`.
    private let fields: HTTPFields

    /// A page of that HTML.
    init(html body: [UInt8]) {
        self.body = body
        entityTag = "\"\(SHA256.digest(body).base64)\""
        policy = Self.policy(of: body)
        var fields = HTTPFields()
        fields.append("etag", entityTag)
        // May be kept but is asked about each time: after an update no browser shows the old page.
        fields.append("cache-control", "no-cache")
        fields.append("content-security-policy", policy)
        fields.append("x-content-type-options", "nosniff")
        fields.append("referrer-policy", "no-referrer")
        self.fields = fields
    }

    /// Answers GET and HEAD: 304 where the client has this very page (RFC 9110 section 13.1.2), else all of it.
    func respond(to request: borrowing HTTPRequest, _ reply: inout ReplyWriter) {
        reply.fields.append(fields)
        if request.noneMatch(names: entityTag) {
            reply.write(status: 304, contentType: "", [])
        } else {
            reply.write(contentType: "text/html; charset=utf-8", body)
        }
    }

    /// Nothing is allowed but the page's own style and script, requests to the service, and an icon within the page.
    private static func policy(of document: [UInt8]) -> String {
        var directives = ["default-src 'none'", "connect-src 'self'", "img-src data:"]
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
    static let explorer = Page(html: PackageResources.explorer_html)
}
