import Testing

@testable import HTTPServer

@Suite("The seam to the operating system")
struct PlatformTests {
    @Test(
        "the text of an IP address is read and written in its one spelling",
        arguments: [
            ("192.0.2.1", "192.0.2.1", 4), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", 16), ("::", "::", 16),
            ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1", 16), ("::ffff:192.0.2.1", "::ffff:192.0.2.1", 16),
        ])
    func addresses(text: String, spelling: String, count: Int) throws {
        let bytes = try #require(IPAddress.bytes(of: text))
        #expect(bytes.count == count)
        #expect(bytes.withUnsafeBytes { IPAddress.text(of: $0) } == spelling)
    }

    @Test(
        "any other text is no IP address",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", "localhost", "[::1]", "::1%lo", "1::2::3",
            "12345::",
        ])
    func noAddresses(text: String) { #expect(IPAddress.bytes(of: text) == nil) }

    @Test("a poller tells of a wake-up until it is cleared, however often it was signalled")
    func wakeUp() throws {
        let poller = try Poller()
        defer { poller.close() }
        let wakeUp = try WakeUp()
        let events = Poller.Events(capacity: 4)
        try #require(poller.watchInput(wakeUp.descriptor, token: 7))
        func tokens() -> [UInt64] {
            var tokens: [UInt64] = []
            for index in 0..<poller.wait(milliseconds: 0, into: events) {
                let (token, readiness) = events[index]
                #expect(readiness.isReadable)
                tokens.append(token)
            }
            return tokens
        }
        #expect(tokens() == [])
        wakeUp.signal()
        wakeUp.signal()
        #expect(tokens() == [7])
        #expect(tokens() == [7])
        wakeUp.clear()
        #expect(tokens() == [])
        wakeUp.clear()
        wakeUp.signal()
        #expect(tokens() == [7])
        poller.unwatch(wakeUp.descriptor)
        #expect(tokens() == [])
    }

    @Test("the clocks do not go back, and the coarse one is behind the other")
    func clocks() {
        let first = SystemClock.monotonic
        #expect(first > 0 && SystemClock.monotonic >= first)
        let coarse = SystemClock.coarseUnixSeconds
        let (seconds, nanoseconds) = SystemClock.unix
        #expect((0..<1_000_000_000).contains(nanoseconds))
        #expect(seconds >= coarse)
    }

    @Test("a limit of descriptors that is high enough is left alone")
    func descriptors() { #expect(DescriptorLimit.raise(to: 1) == nil) }
}
