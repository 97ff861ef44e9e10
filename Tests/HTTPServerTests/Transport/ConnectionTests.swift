import Testing

@testable import HTTPServer

/// Every deadline to the nanosecond, every size of reads and writes: a connection without a socket, on a clock moved by
/// hand.
@Suite("Connection in virtual time") struct ConnectionTests {
    private static let second: UInt64 = 1_000_000_000
    /// When the connection is accepted.
    private static let start = 5 * second
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    private func driver(
        _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(), isReserved: Bool = false
    ) -> SessionDriver {
        SessionDriver(configuration, now: Self.start, isReserved: isReserved)
    }

    /// Time passes up to a moment, with all that the connection wants done before.
    private func pass(_ driver: SessionDriver, to moment: UInt64) {
        while driver.closed == nil, driver.deadline < moment { driver.pass(to: max(driver.clock.now, driver.deadline)) }
        driver.pass(to: moment)
    }

    /// Nothing happens until the moment before, and something at that one.
    private func expectEnd(
        _ driver: SessionDriver, at moment: UInt64, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let (log, sent) = (driver.log, driver.sent)
        pass(driver, to: moment - 1)
        #expect(!driver.isFinished, sourceLocation: sourceLocation)
        #expect(driver.log == log && driver.sent == sent, sourceLocation: sourceLocation)
        driver.pass(to: moment)
        #expect(driver.isFinished, sourceLocation: sourceLocation)
    }

    /// Nothing is held against any budget.
    private func expectNothingHeld(_ driver: SessionDriver, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(driver.status.workCost == 0, sourceLocation: sourceLocation)
        #expect(driver.status.bodyBytes == 0, sourceLocation: sourceLocation)
    }

    // MARK: Deadlines of the peer

    @Test("a client that says nothing is let go after the head's time, without a word")
    func silent() {
        let driver = driver()
        driver.run()
        expectEnd(driver, at: Self.start + 10 * Self.second)
        #expect(driver.closed?.isReset == false)
        #expect(driver.sent.isEmpty && driver.records.isEmpty)
    }

    @Test("an idle connection is let go after the idle time, and then lingers")
    func idle() throws {
        let driver = driver()
        driver.receive(Self.get)
        expectEnd(driver, at: Self.start + 75 * Self.second)
        #expect(driver.hasShutDown && driver.closed == nil)
        driver.pass(to: Self.start + 77 * Self.second - 1)
        #expect(driver.closed == nil)
        driver.pass(to: Self.start + 77 * Self.second)
        #expect(driver.closed?.isReset == false)
        #expect(driver.replies()?.map(\.status) == [200])
    }

    @Test("the idle time begins anew with each reply")
    func idleAgain() {
        let driver = driver()
        for _ in 0..<3 {
            driver.receive(Self.get)
            pass(driver, to: driver.clock.now + 75 * Self.second - 1)
        }
        #expect(!driver.isFinished)
        expectEnd(driver, at: driver.clock.now + 1)
    }

    @Test(
        "a head has its time from its first byte, whatever comes of it later", arguments: ["GET / HT", "PRI * HT", "P"])
    func head(_ begun: String) {
        let driver = driver()
        driver.receive("\r\n")
        pass(driver, to: Self.start + 3 * Self.second)
        driver.receive(begun)
        pass(driver, to: Self.start + 9 * Self.second)
        if begun == "GET / HT" { driver.receive("TP/1.1\r\nHost: a\r\n") }
        expectEnd(driver, at: Self.start + 13 * Self.second)
        #expect(driver.replies()?.map(\.status) == [408])
        #expect(driver.records.map(\.since) == [Self.start + 3 * Self.second])
        #expect(driver.records.map(\.problem) == ["request-timeout"])
    }

    @Test("a preface that begins with the connection's first byte has the head's time", arguments: 1..<24)
    func preface(_ count: Int) {
        let driver = driver()
        driver.receive(Connection.preface[..<count])
        #expect(driver.phase == .head)
        expectEnd(driver, at: Self.start + 10 * Self.second)
        #expect(driver.replies()?.map(\.status) == [408])
    }

    @Test(
        "a body has ten seconds, and earns more at the floor rate up to ten again",
        arguments: [(0, 10), (500, 11), (3_500, 14), (90_000, 14)])
    func body(_ received: Int, _ seconds: UInt64) {
        let driver = driver()
        driver.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        pass(driver, to: Self.start + 4 * Self.second)
        driver.receive(String(repeating: "x", count: received))
        expectEnd(driver, at: Self.start + seconds * Self.second)
        #expect(driver.replies()?.map(\.status) == [408])
        #expect(driver.records.map(\.since) == [Self.start])
        expectNothingHeld(driver)
    }

    @Test("over HTTP/2 a late body is refused and the connection goes on; a late field section ends it")
    func http2() {
        let driver = driver()
        driver.receive(Frame.preface + Frame.headers(1))
        pass(driver, to: Self.start + 10 * Self.second - 1)
        #expect(driver.records.isEmpty)
        driver.pass(to: Self.start + 10 * Self.second)
        #expect(driver.records.map(\.status) == [408])
        #expect(!driver.isFinished)
        let other = self.driver()
        other.receive(Frame.preface + Frame.headers(1, flags: 1))
        expectEndOfHTTP2(other, at: Self.start + 10 * Self.second)
    }

    private func expectEndOfHTTP2(_ driver: SessionDriver, at moment: UInt64) {
        pass(driver, to: moment - 1)
        #expect(!driver.isFinished)
        driver.pass(to: moment)
        #expect(driver.isFinished)
        #expect(Frame.goaways(in: driver.sent) == [0])
    }

    /// A connection whose socket has taken so much of a long reply at its start, and whose peer nothing.
    private func stuck(taking count: Int) -> SessionDriver {
        let driver = driver()
        driver.answer = { _ in .ready(HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 1_000_000))))
        }
        driver.block()
        driver.arrive(Self.get.utf8)
        driver.run()
        driver.isAcknowledging = false
        if count > 0 { driver.take(count) }
        #expect(driver.unacknowledged == count)
        return driver
    }

    @Test("a peer that takes nothing of a reply is reset after the write time", arguments: [0, 60_000])
    func write(_ taken: Int) {
        let driver = stuck(taking: taken)
        expectEnd(driver, at: Self.start + 10 * Self.second)
        #expect(driver.closed?.isReset == true)
        #expect(driver.records.map(\.isComplete) == [false])
        #expect(driver.records.map(\.status) == [200])
    }

    @Test("what the peer's kernel acknowledges is its progress, though the socket takes nothing more")
    func acknowledged() {
        let driver = stuck(taking: 60_000)
        pass(driver, to: Self.start + 5 * Self.second - 1)
        // At the floor rate 500 bytes are a second; these are more than the time that can be held.
        driver.unacknowledged = 40_000
        driver.pass(to: Self.start + 5 * Self.second)
        expectEnd(driver, at: Self.start + 15 * Self.second)
    }

    @Test(
        "a steady slow reader is waited for, one below the floor rate is not", arguments: [(625, true), (600, false)])
    func slowReader(_ bytes: Int, _ isFastEnough: Bool) {
        let driver = stuck(taking: 500_000)
        // The connection looks eight times in the write time.
        for look in 1...400 where driver.closed == nil {
            driver.unacknowledged -= bytes
            driver.pass(to: Self.start + UInt64(look) * 10 * Self.second / 8)
        }
        #expect((driver.closed == nil) == isFastEnough)
    }

    @Test("what comes after the last reply is dropped up to its bound")
    func lingerBytes() {
        var configuration = HTTPServerConfiguration()
        configuration.lingerBytes = 3_000_000
        for size in [1_000, 64 * 1024] {
            let driver = driver(configuration)
            driver.readSize = size
            driver.receive("GET / HTTP/1.0\r\n\r\n")
            #expect(driver.hasShutDown && driver.closed == nil)
            driver.receive([UInt8](repeating: 0, count: 2_999_999))
            #expect(driver.closed == nil)
            driver.receive([0])
            #expect(driver.closed?.isReset == false)
        }
    }

    @Test("a connection of the reserve has a second for its request, and one request", arguments: ["/probe", "/"])
    func reserve(_ path: String) {
        var configuration = HTTPServerConfiguration()
        configuration.maxConnections = 0
        configuration.isProbe = { $0 == "/probe" }
        let silent = driver(configuration, isReserved: true)
        silent.status.countOpen()
        silent.run()
        expectEnd(silent, at: Self.start + Self.second)
        #expect(silent.sent.isEmpty)
        let driver = driver(configuration, isReserved: true)
        driver.status.countOpen()
        driver.answer = { _ in .ready(HTTPResponse(status: 200)) }
        pass(driver, to: Self.start + Self.second - 1)
        let request = "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"
        driver.receive(request + request)
        #expect(driver.replies()?.map(\.status) == [path == "/probe" ? 200 : 503])
        #expect(driver.replies()?.first?["connection"] == "close")
        #expect(driver.isFinished)
    }

    @Test("a connection of the reserve is an ordinary one where a seat is free when it speaks")
    func leavesReserve() {
        let driver = driver(isReserved: true)
        driver.receive(Self.get + Self.get)
        #expect(driver.replies()?.map(\.status) == [200, 200])
        #expect(!driver.isFinished)
    }

    // MARK: Deadlines of the work

    private func deferred(_ response: @escaping @Sendable () -> HTTPResponse, cost: Int = 7) -> HTTPReply {
        .deferred(cost: cost, replyBytes: 10, run: { _ in response() })
    }

    @Test(
        "work that takes too long is given up: 503 to the nanosecond, and what it holds is given back",
        arguments: [false, true])
    func work(_ isRunning: Bool) throws {
        let driver = driver()
        driver.answer = { [self] _ in deferred { HTTPResponse(status: 200) } }
        driver.receive(Self.get)
        #expect(driver.status.workCost == 7)
        let job = try #require(driver.executor.waiting.first)
        if isRunning { job.begin() }
        driver.answer = nil
        pass(driver, to: Self.start + 60 * Self.second - 1)
        #expect(driver.sent.isEmpty)
        driver.pass(to: Self.start + 60 * Self.second)
        #expect(driver.replies()?.map(\.status) == [503])
        #expect(!driver.isFinished)
        // A thread that works yet takes its time and memory until it returns, and nobody hears of it.
        #expect(driver.status.workCost == (isRunning ? 7 : 0))
        if isRunning { driver.deliver(job.run()) }
        expectNothingHeld(driver)
        driver.receive(Self.get)
        #expect(driver.replies()?.map(\.status) == [503, 200])
        #expect(driver.records.map(\.problem) == ["service-unavailable", nil])
    }

    @Test("a piece that takes too long cuts the reply, so that its client sees it", arguments: ["1.0", "1.1"])
    func piece(_ version: String) {
        let driver = driver()
        driver.answer = { _ in .ready(HTTPResponse(status: 200, body: .stream(CountingSource(pieces: 2, size: 9)))) }
        driver.receive("GET / HTTP/\(version)\r\nHost: a\r\n\r\n")
        pass(driver, to: Self.start + 4 * Self.second)
        let first = driver.executor.waiting.first?.run()
        driver.deliver(first)
        expectEnd(driver, at: Self.start + 64 * Self.second)
        #expect(driver.closed?.isReset == (version == "1.0" ? true : nil))
        #expect(driver.replies()?.first?.isWhole == (version == "1.0"))
        #expect(driver.records.map(\.isComplete) == [false])
        #expect(driver.records.map(\.responseBytes) == [9])
        expectNothingHeld(driver)
    }

    /// A source that never has anything.
    private final class EmptySource: HTTPBodySource {
        func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress { .more }
    }

    @Test("a source that has nothing is asked again after 10 ms, and for no longer than a piece may take")
    func emptySource() {
        let driver = driver()
        driver.answer = { _ in .ready(HTTPResponse(status: 200, body: .stream(EmptySource()))) }
        driver.receive(Self.get)
        driver.deliver(driver.executor.waiting.first?.run())
        pass(driver, to: Self.start + 9_999_999)
        #expect(driver.executor.waiting.isEmpty)
        driver.pass(to: Self.start + 10_000_000)
        #expect(driver.executor.waiting.count == 1)
        while !driver.isFinished, driver.clock.now < Self.start + 100 * Self.second {
            if let job = driver.executor.waiting.first { driver.deliver(job.run()) }
            if !driver.isFinished { driver.pass(to: driver.deadline) }
        }
        #expect(driver.clock.now == Self.start + 60 * Self.second)
        #expect(driver.replies()?.first?.isWhole == false)
        expectNothingHeld(driver)
    }

    // MARK: Drain and eviction

    @Test("a new connection may send one request more while draining, until a second after the drain began")
    func drainsNew() {
        for asks in [true, false] {
            let driver = driver()
            driver.run()
            let drained = Self.start + Self.second / 5
            pass(driver, to: drained)
            driver.beginDrain(lastRequestDeadline: drained + Self.second)
            #expect(!driver.isFinished)
            guard asks else {
                expectEnd(driver, at: drained + Self.second)
                #expect(driver.sent.isEmpty)
                continue
            }
            pass(driver, to: drained + Self.second - 1)
            driver.receive(Self.get + Self.get)
            #expect(driver.replies()?.map(\.status) == [200])
            #expect(driver.replies()?.first?["connection"] == "close")
            #expect(driver.isFinished)
        }
    }

    @Test(
        "a connection that was idle for a second is closed at once, one that was idle for less is not",
        arguments: [0, 1])
    func drainsIdle(_ less: UInt64) {
        let driver = driver()
        driver.receive(Self.get)
        pass(driver, to: Self.start + Self.second - less)
        driver.beginDrain(lastRequestDeadline: driver.clock.now + Self.second)
        #expect(driver.isFinished == (less == 0))
    }

    @Test("a request in flight is answered while draining, and the connection closed")
    func drainsInFlight() throws {
        let driver = driver()
        driver.receiveOnly(Self.get.utf8)
        let (_, stream) = try driver.nextRequest()
        driver.beginDrain(lastRequestDeadline: Self.start + Self.second)
        pass(driver, to: Self.start + 30 * Self.second)
        #expect(!driver.isFinished)
        driver.respond(HTTPResponse(status: 200), to: stream)
        driver.flush()
        #expect(driver.replies()?.first?["connection"] == "close")
        #expect(driver.isFinished)
    }

    @Test("a request that has begun when the drain does is answered", arguments: ["P", "PO", "POST / HTTP/1.1\r\n"])
    func drainsBegun(_ begun: String) {
        let all = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
        let driver = driver()
        driver.receive(begun)
        driver.beginDrain(lastRequestDeadline: Self.start + Self.second)
        driver.receive(String(all.dropFirst(begun.count)))
        #expect(driver.replies()?.map(\.status) == [200])
        #expect(driver.isFinished)
    }

    @Test(
        "an evicted connection's seat is free at once where its peer has the last reply, else after a lingering close")
    func evicts() {
        let delivered = driver()
        delivered.receive(Self.get)
        #expect(delivered.evict() == true)
        #expect(delivered.closed?.isReset == false)
        let underWay = driver()
        underWay.receive(Self.get)
        underWay.unacknowledged = 1
        #expect(underWay.evict() == false)
        #expect(underWay.hasShutDown && underWay.closed == nil)
        let old = driver()
        old.receive(Self.get)
        old.unacknowledged = 1
        pass(old, to: Self.start + 2 * Self.second)
        #expect(old.evict() == true)
        // What has arrived by then is served instead.
        let asking = driver()
        asking.receive(Self.get)
        asking.arrive(Self.get.utf8)
        #expect(asking.evict() == nil)
        #expect(asking.replies()?.map(\.status) == [200, 200])
        #expect(!asking.isFinished)
    }

    // MARK: Any size of reads and writes

    /// Requests of every way to be answered, HEAD first and the last of its connection last.
    private static let pipeline: [UInt8] = {
        var text = "HEAD /head HTTP/1.1\r\nHost: a\r\n\r\nGET /small HTTP/1.1\r\nHost: a\r\nX-Request-Id: me\r\n\r\n"
        text += "POST /deferred HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
        text += "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        text += "GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /deferred/stream HTTP/1.1\r\nHost: a\r\n\r\n"
        text += "GET /refused HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\nGET /long HTTP/1.1\r\nHost: a\r\n\r\n"
        text += "GET /printed HTTP/1.1\r\nHost: a\r\n\r\nGET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        return Array(text.utf8)
    }()

    private static func reply(to request: RequestCopy) -> HTTPReply {
        let body = Array(request.path.utf8) + request.body
        switch request.path {
        case "/deferred":
            return .deferred(cost: 3, replyBytes: 99) { _ in HTTPResponse(status: 200, body: .bytes(body)) }
        case "/stream":
            return .ready(HTTPResponse(status: 200, body: .stream(CountingSource(pieces: 3, size: 50))))
        case "/deferred/stream":
            return .deferred(cost: 4, replyBytes: 99) { _ in
                HTTPResponse(status: 200, body: .stream(CountingSource(pieces: 2, size: 50)))
            }
        case "/long":
            let long = [UInt8](repeating: UInt8(ascii: "x"), count: HTTPOutput.copyLimit + 1)
            return .ready(HTTPResponse(status: 200, body: .bytes(long)))
        default: return .ready(HTTPResponse(status: 200, body: .bytes(body)))
        }
    }

    private static func printed(_ request: RequestCopy, _ reply: inout ReplyWriter) -> HTTPReply? {
        guard request.path == "/printed" || request.path == "/head" else { return nil }
        reply.fields.append("x-printed", "yes")
        reply.write(contentType: "text/plain", isStored: false, Array(request.path.utf8))
        return .written
    }

    /// What a connection makes of bytes in reads and writes of those sizes.
    private func outcome(
        _ bytes: [UInt8], reads: Int = .max, writes: Int = .max, refuses: Bool = false
    ) -> SessionDriver {
        let driver = driver()
        driver.answer = Self.reply
        driver.printing = Self.printed
        driver.readSize = min(reads, 64 * 1024)
        driver.writeSize = writes
        driver.refusesWrites = refuses
        driver.receive(bytes)
        driver.runJobs()
        return driver
    }

    @Test("a pipeline is answered as it should be, and each request is told of once")
    func pipelined() throws {
        let driver = outcome(Self.pipeline)
        #expect(driver.isFinished && driver.hasShutDown)
        let replies = try #require(driver.replies(firstIsForHead: true)).filter { $0.status != 100 }
        let records = driver.records
        let paths = [
            "/head", "/small", "/deferred", "/small", "/stream", "/deferred/stream", "/refused", "/long", "/printed",
            "/last",
        ]
        #expect(records.map(\.path) == paths)
        #expect(records.map(\.status) == [200, 200, 200, 200, 200, 200, 417, 200, 200, 200])
        #expect(records.map(\.requestBytes) == [0, 0, 2, 5, 0, 0, 0, 0, 0, 0])
        #expect(records.map { $0.problem ?? "" } == ["", "", "", "", "", "", "expectation-failed", "", "", ""])
        #expect(records.allSatisfy { $0.isComplete && $0.since == Self.start })
        #expect(replies.map(\.status) == records.map(\.status))
        #expect(replies.map(\.body.count) == records.map(\.responseBytes))
        #expect(replies.allSatisfy { $0.isWhole })
        #expect(replies.map(\.text)[2] == "/deferredhi" && replies.map(\.text)[3] == "/smallhello")
        #expect(replies.compactMap { $0["connection"] } == ["close"] && replies.last?["connection"] == "close")
        let printed = replies.filter { $0["x-printed"] == "yes" }
        #expect(printed.map(\.text) == ["", "/printed"])
        #expect(printed.map { $0["content-length"] } == ["5", "8"])
        #expect(printed.allSatisfy { $0["content-type"] == "text/plain" && $0["cache-control"] == "no-store" })
        #expect(replies[1]["x-request-id"] == "me")
        expectNothingHeld(driver)
        let counts = driver.status.counts
        #expect(counts.statusClasses == [0, 9, 0, 1, 0])
        #expect(counts.refused == 1 && counts.incomplete == 0 && counts.requestBytes == 7)
        #expect(counts.responseBytes == records.reduce(0) { $0 + $1.responseBytes })
    }

    @Test("it is answered the same whatever a read brings")
    func readSizes() {
        let whole = outcome(Self.pipeline)
        for size in 1...Self.pipeline.count {
            let driver = outcome(Self.pipeline, reads: size)
            guard driver.sent == whole.sent, driver.records == whole.records, driver.log == whole.log else {
                Issue.record("reads of \(size) bytes change what is answered")
                return
            }
        }
    }

    @Test(
        "what is missing of a large body is read to where it is stored, and nothing that follows it",
        arguments: [1000, 4096, 65_535, 65_536])
    func largeBody(_ size: Int) throws {
        let length = 300_000
        let driver = driver()
        driver.answer = { .ready(HTTPResponse(status: 200, body: .bytes($0.body))) }
        driver.readSize = size
        let body = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
        let head = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n"
        for _ in 0..<3 { driver.receive(Array(head.utf8) + body + Array(Self.get.utf8)) }
        let replies = try #require(driver.replies())
        #expect(replies.map(\.status) == [200, 200, 200, 200, 200, 200])
        #expect(stride(from: 0, to: 6, by: 2).allSatisfy { replies[$0].body == body && replies[$0 + 1].body == [] })
        #expect(driver.requests.map(\.path) == ["/a", "/", "/a", "/", "/a", "/"])
        // The first read brings the head, and the last few bytes are read with what follows.
        #expect(driver.bodyReads >= 3 && driver.bodyReads >= 3 * ((length - 2 * 4096) / size - 1))
        expectNothingHeld(driver)
    }

    @Test("a large body that ends early, stalls or is refused midway is let go as any other")
    func largeBodyEnds() {
        let head = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n"
        let part = [UInt8](repeating: 1, count: 100_000)
        for end in 0..<3 {
            let driver = driver()
            driver.receive(Array(head.utf8) + part)
            driver.receive(part)
            #expect(driver.bodyReads > 0 && driver.status.bodyBytes == 200_000 - 65_536)
            switch end {
            case 0:
                driver.receiveEnd()
                driver.run()
                #expect(driver.isFinished && driver.requests.isEmpty && driver.sent.isEmpty)
            case 1:
                pass(driver, to: driver.clock.now + 60 * Self.second)
                #expect(driver.replies()?.map(\.status) == [408])
            default:
                driver.fail()
                #expect(driver.closed != nil)
            }
            #expect(driver.status.bodyBytes == 0)
        }
    }

    @Test("it is answered the same whatever a write takes, and where every other one is refused first")
    func writeSizes() {
        let whole = outcome(Self.pipeline)
        for size in 1...whole.sent.count where size < 100 || size % 37 == 0 || whole.sent.count - size < 3 {
            for refuses in [false, true] {
                let driver = outcome(Self.pipeline, reads: size % 2 == 0 ? 7 : .max, writes: size, refuses: refuses)
                guard driver.sent == whole.sent, driver.records == whole.records else {
                    Issue.record("writes of \(size) bytes change what is sent")
                    return
                }
                #expect(driver.status.workCost == 0)
            }
        }
    }

    /// What a client of HTTP/2 sends at once, and what it makes of the answer.
    private func exchange(_ driver: (_ bytes: [UInt8]) -> SessionDriver) -> [Int32: HTTP2Client.Answer] {
        let client = HTTP2Client()
        for path in ["/small", "/deferred", "/stream", "/deferred/stream", "/long"] {
            client.request("GET", path, [("x-request-id", path)])
        }
        client.request("POST", "/small", body: Array("hello".utf8))
        client.request("HEAD", "/head")
        client.request("GET", "/refused", [("expect", "tea"), ("x-request-id", "/r")])
        client.request("GET", "/printed", [("x-request-id", "/p")])
        let done = driver(client.sent())
        client.receive(done.sent)
        #expect(Set(done.records.map(\.path)).count == 8 && done.records.count == 9)
        #expect(done.records.allSatisfy { $0.isComplete })
        expectNothingHeld(done)
        return client.answers
    }

    @Test("so are requests of HTTP/2, in reads and writes of every size")
    func http2Sizes() {
        let whole = exchange { outcome($0) }
        #expect(whole.count == 9)
        #expect(whole.values.allSatisfy { $0.isEnded && $0.closed == 0 })
        #expect(whole[5]?.body == CountingSource(pieces: 3, size: 50).expected)
        #expect(whole[7]?.body == CountingSource(pieces: 2, size: 50).expected)
        #expect(whole[9]?.body.count == HTTPOutput.copyLimit + 1)
        #expect(whole[15]?.status == 417)
        #expect(whole[17]?.body == Array("/printed".utf8) && whole[17]?.fields["x-printed"] == "yes")
        #expect(whole[13]?.body == [] && whole[13]?.fields["content-length"] == "5")
        func isSame(_ other: [Int32: HTTP2Client.Answer]) -> Bool {
            other.allSatisfy { id, answer in
                var answer = answer
                if answer.fields["x-request-id"]?.hasPrefix("/") != true {
                    // Those that the server names are numbered in the order in which they come to be answered.
                    answer.fields["x-request-id"] = whole[id]?.fields["x-request-id"]
                }
                return answer == whole[id]
            }
        }
        for size in 1...200 {
            let (reads, writes) = (exchange { outcome($0, reads: size) }, exchange { outcome($0, writes: size) })
            let both = exchange { outcome($0, reads: size, writes: 201 - size, refuses: true) }
            guard isSame(reads), isSame(writes), isSame(both) else {
                Issue.record("reads or writes of \(size) bytes change what is answered")
                return
            }
        }
    }

    @Test("an upgrade to HTTP/2 comes out the same in reads and writes of every size")
    func upgradeSizes() {
        for size in 1...200 {
            let client = HTTP2Client(isUpgraded: true)
            client.request("GET", "/deferred")
            let driver = outcome(
                SelectionTests.upgrade(line: "GET /deferred/stream HTTP/1.1") + client.sent(), reads: size,
                writes: 201 - size)
            let head = Array("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n".utf8)
            #expect(driver.sent.starts(with: head))
            client.receive(Array(driver.sent.dropFirst(head.count)))
            #expect(client.answers[1]?.body == CountingSource(pieces: 2, size: 50).expected)
            #expect(client.answers[3]?.body == Array("/deferred".utf8))
            #expect(driver.records.map(\.path).sorted() == ["/deferred", "/deferred/stream"])
        }
    }

    // MARK: Ends

    @Test(
        "wherever a connection breaks, each request is told of at most once and nothing is held",
        arguments: [false, true])
    func broken(_ isHTTP2: Bool) {
        var bytes = Self.pipeline
        if isHTTP2 {
            let client = HTTP2Client()
            for path in ["/small", "/deferred", "/stream", "/deferred/stream"] { client.request("GET", path) }
            client.request("POST", "/late", body: [1, 2, 3], isLast: false)
            bytes = client.sent()
        }
        for end in stride(from: 0, through: bytes.count, by: 1) {
            // Before any work is done, when one job has run, and when all that could be done was.
            for jobs in [0, 1, 2, Int.max] {
                let driver = driver()
                driver.answer = Self.reply
                driver.receive(bytes[..<end])
                var run = 0
                while run < jobs, let job = driver.executor.waiting.first {
                    driver.deliver(job.run())
                    run += 1
                }
                driver.fail()
                guard driver.closed != nil, driver.status.workCost == 0, driver.status.bodyBytes == 0,
                    driver.records.count == driver.requests.count + driver.refused.count,
                    driver.executor.waiting.isEmpty
                else {
                    Issue.record("broken after \(end) bytes and \(run) jobs")
                    return
                }
            }
        }
    }

    @Test("bodies are held against the server's memory beyond 64 KiB, and given back however they end")
    func bodies() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
        func uploading(_ count: Int, memory: Int = 1 << 20) -> SessionDriver {
            var configuration = HTTPServerConfiguration()
            configuration.bodyMemory = memory
            let driver = driver(configuration)
            driver.receive(head + String(repeating: "x", count: count))
            return driver
        }
        #expect(uploading(65_536).status.bodyBytes == 0)
        let broken = uploading(65_537)
        #expect(broken.status.bodyBytes == 1)
        broken.fail()
        expectNothingHeld(broken)
        let ended = uploading(199_999)
        #expect(ended.status.bodyBytes == 199_999 - 65_536)
        ended.receive("x")
        #expect(ended.replies()?.map(\.status) == [200])
        expectNothingHeld(ended)
        let late = uploading(100_000)
        pass(late, to: Self.start + 10 * Self.second)
        #expect(late.replies()?.map(\.status) == [408])
        expectNothingHeld(late)
        let refused = uploading(100_000, memory: 10_000)
        #expect(refused.replies()?.map(\.status) == [503])
        expectNothingHeld(refused)
    }

    @Test("work that does not fit the budget is refused, and what its true cost does not fit likewise")
    func budget() {
        var configuration = HTTPServerConfiguration()
        configuration.workBudget = 10
        let driver = driver(configuration)
        driver.answer = { [self] _ in deferred({ HTTPResponse(status: 200) }, cost: 11) }
        driver.receive(Self.get)
        driver.answer = { _ in
            .deferred(cost: 10, replyBytes: 1) { ticket in ticket.raise(to: 11) ? HTTPResponse(status: 200) : nil }
        }
        driver.receive(Self.get)
        driver.runJobs()
        #expect(driver.replies()?.map(\.status) == [503, 503])
        #expect(driver.records.map(\.problem) == ["service-unavailable", "service-unavailable"])
        expectNothingHeld(driver)
        driver.answer = { [self] _ in deferred({ HTTPResponse(status: 204) }, cost: 10) }
        driver.receive(Self.get)
        driver.runJobs()
        #expect(driver.replies()?.map(\.status) == [503, 503, 204])
    }
}
