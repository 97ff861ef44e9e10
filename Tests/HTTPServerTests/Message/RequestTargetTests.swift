import HTTPServer
import Testing

@Suite("Request targets and authorities")
struct RequestTargetTests {
    /// A target's parts as text.
    private struct Parts {
        var path: String
        var query: String?
        var authority: String?
    }

    private func target(_ text: String, _ method: HTTPMethod = .get) -> Parts? {
        // In the midst of other bytes, none of which are the target's.
        let bytes = Array("/?:\(text)/?:%".utf8)
        guard let target = RequestTarget(3..<3 + text.utf8.count, of: bytes.span, method: method) else { return nil }
        func slice(_ slice: HeadSlice) -> String { String(decoding: bytes[slice.range], as: UTF8.self) }
        return Parts(
            path: target.isAsterisk ? "*" : slice(target.path), query: target.query.map(slice),
            authority: target.authority.map(slice))
    }

    @Test(
        "a target is taken apart as sent",
        arguments: [
            ("/", "/", nil), ("/a/b", "/a/b", nil), ("/a?", "/a", ""), ("/a?b=%2F&c?d", "/a", "b=%2F&c?d"),
            ("//a/../b", "//a/../b", nil), ("/%41", "/%41", nil), ("/a;b@c:d!$&'()*+,=~", "/a;b@c:d!$&'()*+,=~", nil),
            ("http://a", "/", nil), ("HTTP://a/", "/", nil), ("https://a.b:443/c?d", "/c", "d"),
            ("http://a?q", "/", "q"),
            ("http://[::1]:8080/x", "/x", nil),
            // What Node's fetch and Go's client leave as it is.
            ("/a|[]^?b|[]{}^`\\'", "/a|[]^", "b|[]{}^`\\'"), ("http://a/|?{}", "/|", "{}"), ("http://a?|", "/", "|"),
        ] as [(String, String, String?)])
    func parts(_ text: String, _ path: String, _ query: String?) throws {
        let target = try #require(self.target(text))
        #expect(target.path == path)
        #expect(target.query == query)
    }

    @Test(
        "what RFC 3986 does not have is refused",
        arguments: [
            "", "a", "*", "?", "/a#b", "/a b", "/\u{e9}", "/\0", "/\u{7f}", "/%", "/%4", "/%4g", "/a?%zz", "/<>", "/\"",
            "/\\", "/`", "/{}", "/{?}", "/?\u{e9}", "/?\0", "/?\u{7f}", "/? ", "/?\t", "/?#", "/?<", "/?>", "/?\"",
            "ftp://a/", "http:/a", "http://", "http:///", "http://u@a/", "http://a b/",
            "http://a/#f", "http://a:x/", "http://a:65536/", "http://?q", "a:80", "http:",
        ])
    func refused(_ text: String) {
        #expect(target(text) == nil)
    }

    @Test("the asterisk goes with OPTIONS and the authority with CONNECT only")
    func otherForms() {
        #expect(target("*", .options)?.path == "*")
        #expect(target("**", .options) == nil)
        #expect(target("http://a", .options)?.path == "*")
        #expect(target("http://a/", .options)?.path == "/")
        #expect(target("a:80", .connect)?.authority == "a:80")
        for text in ["a", "a:", "/", "*", "http://a:80/", ":80", "a:99999"] { #expect(target(text, .connect) == nil) }
    }

    @Test(
        "an authority is a host with or without a port",
        arguments: [
            ("a", true), ("a.b-c_d~e", true), ("127.0.0.1", true), ("a:0", true), ("a:65535", true), ("a:", true),
            ("a%20b", true), ("[::1]", true), ("[::ffff:1.2.3.4]:80", true), ("A.B", true),
            ("", false), (":80", false), ("a:65536", false), ("a:99999999999999999999", false), ("a:+1", false),
            ("a:8a", false), ("a:8:8", false), ("a b", false), ("a,b", false), ("u@a", false), ("a/b", false),
            ("a?", false),
            ("[]", false), ("[:]", false), ("[::1", false), ("::1", false), ("[::1]x", false), ("[g::]", false),
            ("a%2", false),
            ("\u{e9}", false), ("a\0", false), ("[::1]]", false),
        ])
    func authority(_ text: String, _ isValid: Bool) {
        let bytes = Array(text.utf8)
        #expect(Authority.isValid(bytes.span) == isValid)
    }

    @Test("the set of token characters is RFC 9110's")
    func tokenCharacters() {
        let expected = Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        for byte in UInt8.min...UInt8.max { #expect(ByteSet.token.contains(byte) == expected.contains(byte)) }
    }
}
