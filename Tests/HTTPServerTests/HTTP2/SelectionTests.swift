import Testing

@testable import HTTPServer

@Suite("Protocol selection")
struct SelectionTests {
    /// A connection whose requests are answered with their version.
    final class Server {
        private let driver = SessionDriver()

        init() {
            driver.answer = { .ready(HTTPResponse(status: 200, body: .bytes(Array("\($0.version)".utf8)))) }
        }

        var phase: HTTPSessionPhase { driver.phase }
        var version: HTTPVersion { driver.version }
        var isFinished: Bool { driver.isFinished }
        func timeOut() { driver.timeOut() }

        /// Takes and answers requests, then takes all output.
        func run(_ bytes: [UInt8], at now: UInt64 = 0) -> [UInt8] {
            driver.tick(now)
            let before = driver.sent.count
            driver.receive(bytes)
            return Array(driver.sent[before...])
        }
    }

    static let hello = Frame.preface + Frame.headers(1, flags: 5)

    @Test("The preface selects HTTP/2 wherever it is split", arguments: 1..<hello.count)
    func prefaces(_ split: Int) {
        let session = Server()
        var sent = session.run(Array(Self.hello[..<split]))
        #expect(session.phase == (split < 33 ? .head : .until(10 * HTTP2Pair.second)) || split >= 33)
        sent += session.run(Array(Self.hello[split...]))
        #expect(session.version == .http2)
        #expect(String(decoding: sent, as: UTF8.self).contains("http2"))
    }

    @Test(
        "Anything else is HTTP/1.1 wherever it is split",
        arguments: [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSMALL\r\n",
            "PUT / HTTP/1.1\r\nHost: a\r\n\r\n",
        ])
    func others(_ text: String) {
        let whole = Server()
        let expected = whole.run(Array(text.utf8))
        #expect(expected.starts(with: "HTTP/1.1 ".utf8))
        for split in 1..<text.utf8.count {
            let session = Server()
            let sent = session.run(Array(text.utf8.prefix(split)))
            #expect(sent + session.run(Array(text.utf8.dropFirst(split))) == expected)
            #expect(session.version == .http1_1)
        }
    }

    @Test("Half a preface is a head that did not come: 408")
    func halfPreface() {
        let session = Server()
        #expect(session.phase == .idle)
        #expect(session.run(Array("PRI * HT".utf8)).isEmpty)
        #expect(session.phase == .head)
        session.timeOut()
        let sent = session.run([])
        #expect(sent.starts(with: "HTTP/1.1 408 ".utf8))
        #expect(session.isFinished)
    }

    static func upgrade(
        _ settings: String = "HTTP2-Settings: AAMAAABk\r\n", line: String = "GET / HTTP/1.1", upgrade: String = "h2c",
        connection: String = "Upgrade, HTTP2-Settings", more: String = ""
    ) -> [UInt8] {
        Array("\(line)\r\nHost: a\r\nConnection: \(connection)\r\nUpgrade: \(upgrade)\r\n\(settings)\(more)\r\n".utf8)
    }

    @Test("Upgrade: h2c is answered over HTTP/2, as stream 1, wherever it is split")
    func upgrades() {
        let request = Self.upgrade()
        let client = HTTP2Client(isUpgraded: true)
        let all = request + client.sent()
        for split in 0..<all.count {
            let client = HTTP2Client(isUpgraded: true)
            _ = client.sent()
            let session = Server()
            var sent = split > 0 ? session.run(Array(all[..<split])) : []
            sent += session.run(Array(all[split...]))
            let head = Array("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n".utf8)
            #expect(sent.starts(with: head))
            client.receive(Array(sent.dropFirst(head.count)))
            #expect(client.answers[1]?.status == 200)
            #expect(client.answers[1]?.body == Array("http1_1".utf8))
            #expect(client.answers[1]?.isEnded == true)
            #expect(session.version == .http2)
            client.request()
            client.receive(session.run(client.sent()))
            #expect(client.answers[3]?.body == Array("http2".utf8))
        }
    }

    @Test("An upgraded connection is held to the head's deadline for its preface")
    func upgradeWithoutPreface() {
        let session = Server()
        _ = session.run(Self.upgrade(), at: 5)
        #expect(session.phase == .head)
        session.timeOut()
        _ = session.run([])
        #expect(session.isFinished)
    }

    @Test(
        "An upgrade that is not asked for in the one valid way is not agreed to",
        arguments: [
            upgrade("HTTP2-Settings: !!\r\n"), upgrade("HTTP2-Settings: AAMAAABk=\r\n"),
            upgrade("HTTP2-Settings: AAM\r\n"),
            upgrade("HTTP2-Settings: AAMAAABk\r\nHTTP2-Settings: AAMAAABk\r\n"), upgrade(""),
            upgrade(upgrade: "websocket"),
            upgrade(connection: "Upgrade"), upgrade(connection: "HTTP2-Settings"),
            upgrade(line: "POST / HTTP/1.1", more: "Content-Length: 1\r\n") + [0],
            upgrade(line: "GET / HTTP/1.0", connection: "Upgrade, HTTP2-Settings, keep-alive"),
        ])
    func ordinary(_ bytes: [UInt8]) {
        let session = Server()
        let sent = session.run(bytes)
        #expect(sent.starts(with: "HTTP/1.1 200 ".utf8))
        #expect(session.version == .http1_1)
    }

    @Test("A second request cannot upgrade")
    func second() {
        let session = Server()
        _ = session.run(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(session.run(Self.upgrade()).starts(with: "HTTP/1.1 200 ".utf8))
    }

    @Test(
        "Base64url is decoded strictly",
        arguments: [
            ("", []), ("AAMAAABk", [0, 3, 0, 0, 0, 100]), ("-_8", [0xFB, 0xFF]), ("_w", [0xFF]), ("A", nil),
            ("AB", nil),
            ("AA==", nil), ("+/8", nil), ("AA A", nil),
        ] as [(String, [UInt8]?)])
    func base64(_ text: String, _ bytes: [UInt8]?) {
        let input = Array(text.utf8)
        #expect(HTTP2Upgrade.decodeBase64URL(input.span) == bytes)
    }
}
