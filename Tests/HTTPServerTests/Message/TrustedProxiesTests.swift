import Testing

@testable import HTTPServer

@Suite("Trusted proxies") struct TrustedProxiesTests {
    private let proxies: TrustedProxies = {
        var proxies = TrustedProxies()
        proxies.blocks = ["10.0.0.0/8", "192.0.2.1", "fd00::/8"].compactMap { AddressBlock($0) }
        return proxies
    }()

    private func client(_ proxies: TrustedProxies? = nil, peer: String, _ lines: [(String, String)]) -> String? {
        guard let head = HeadCopy(lines) else {
            Issue.record("no head")
            return nil
        }
        return (proxies ?? self.proxies).client(peer: peer, head.head, head.bytes.span)
    }

    @Test("a peer at a Unix domain socket is a proxy where such sockets are trusted")
    func unixSockets() {
        var proxies = TrustedProxies()
        let lines = [("x-forwarded-for", "203.0.113.7")]
        #expect(client(proxies, peer: "unix:", lines) == nil && client(peer: "unix:", lines) == nil)
        proxies.trustsUnixSockets = true
        #expect(client(proxies, peer: "unix:", lines) == "203.0.113.7")
        #expect(client(proxies, peer: "10.0.0.1:80", lines) == nil)
    }

    @Test(
        "the right-most address that is no proxy's is the client's",
        arguments: [
            ("203.0.113.7", "203.0.113.7"), ("1.1.1.1, 203.0.113.7", "203.0.113.7"),
            ("1.1.1.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"), ("203.0.113.7:4711,10.1.2.3:80", "203.0.113.7"),
            ("10.9.9.9, 10.1.2.3", "10.9.9.9"), ("2001:DB8::7", "2001:db8::7"),
            ("[2001:db8::7]:443 , fd00::1", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"), ("unknown, 203.0.113.7", "203.0.113.7"),
            ("\"1.1.1.1, 203.0.113.7", "203.0.113.7"), ("203.0.113.7, , ", "203.0.113.7"),
        ])
    func forwardedFor(value: String, client expected: String) {
        #expect(client(peer: "10.0.0.1:5000", [("x-forwarded-for", value)]) == expected)
        #expect(client(peer: "[fd00::9]:5000", [("x-forwarded-for", value)]) == expected)
    }

    @Test(
        "what is no address is nobody's",
        arguments: ["", "unknown", "203.0.113.7, unknown", "203.0.113.7, 10.0.0", "a,b"])
    func noAddress(value: String) {
        #expect(client(peer: "10.0.0.1:5000", [("x-forwarded-for", value)]) == nil)
    }

    @Test(
        "nobody but a trusted proxy is believed",
        arguments: ["203.0.113.9:1", "192.0.2.2:1", "11.0.0.1:1", "[fe00::1]:1", ""])
    func untrustedPeer(peer: String) {
        #expect(client(peer: peer, [("x-forwarded-for", "203.0.113.7")]) == nil)
        #expect(client(peer: peer, [("forwarded", "for=203.0.113.7")]) == nil)
        #expect(client(TrustedProxies(), peer: "10.0.0.1:5000", [("x-forwarded-for", "203.0.113.7")]) == nil)
    }

    @Test(
        "Forwarded says the same (RFC 7239)",
        arguments: [
            ("for=203.0.113.7", "203.0.113.7"), ("For=1.1.1.1, FOR=203.0.113.7;proto=http;by=10.0.0.1", "203.0.113.7"),
            ("proto=https; for=\"[2001:db8::7]:4711\" , for=\"10.0.0.5:80\"", "2001:db8::7"), ("for=_hidden", nil),
            ("for=203.0.113.7, proto=http", nil), ("for=unknown", nil),
            // Separators within quoted strings (RFC 9110 section 5.6.4) are part of them: else a client could name another
            // address by what a proxy only quotes.
            ("for=203.0.113.7;host=\"a,for=198.51.100.1;b\"", "203.0.113.7"),
            ("host=\"a;for=198.51.100.1\";for=203.0.113.7", "203.0.113.7"),
            ("for=203.0.113.7;host=\"a\\\",for=198.51.100.1;b\"", "203.0.113.7"),
            ("for=1.1.1.1, for=203.0.113.7;secret=\"x, y\"", "203.0.113.7"),
            ("for=\"203.0.113.7, for=198.51.100.1", nil), ("FOR=\"\"", nil), ("for=\"", nil),
            (";;for=203.0.113.7;", "203.0.113.7"),
        ])
    func forwarded(value: String, client expected: String?) {
        #expect(client(peer: "192.0.2.1:5000", [("forwarded", value)]) == expected)
    }

    @Test("several lines are one list, and X-Forwarded-For comes before Forwarded")
    func lines() {
        let lines: [(String, String)] = [
            ("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.7, 10.0.0.2"),
        ]
        #expect(client(peer: "10.0.0.1:5000", lines) == "203.0.113.7")
    }

    @Test(
        "a block holds its addresses and no others",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("10.128.0.0/9", "10.128.0.1", "10.127.255.255"),
            ("0.0.0.0/0", "203.0.113.7", "::1"), ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.0"),
        ])
    func blocks(text: String, inside: String, outside: String) throws {
        var proxies = TrustedProxies()
        proxies.blocks = [try #require(AddressBlock(text))]
        let fields = [("x-forwarded-for", "198.51.100.1")]
        func peer(_ address: String) -> String { address.contains(":") ? "[\(address)]:1" : "\(address):1" }
        #expect(client(proxies, peer: peer(inside), fields) == "198.51.100.1")
        #expect(client(proxies, peer: peer(outside), fields) == nil)
    }
}
