import HTTPServer
import Testing

@Suite("HTTP/1.1 conformance")
struct ConformanceTests {
    @Test("every case of the file is read")
    func allCasesAreRead() {
        #expect(ConformanceCase.all.count == 133)
        #expect(ConformanceCase.all.allSatisfy { !$0.accepted.isEmpty && !$0.bytes.isEmpty })
    }

    @Test("a case ends in an outcome that its RFC allows", arguments: ConformanceCase.all)
    func outcome(_ example: ConformanceCase) throws {
        let driver = SessionDriver()
        driver.receive(example.bytes)
        let outcome = try #require(example.outcome(replies: driver.sent, isClosed: driver.isFinished))
        #expect(example.accepted.contains(outcome), "\(outcome) is none of \(example.accepted)")
        if outcome.isClosed {
            let last = try #require(driver.replies(firstIsForHead: example.beginsWithHead)?.last)
            #expect(last["connection"] == "close")
        }
    }

    @Test(
        "a case comes out the same however its bytes are split in two",
        arguments: ConformanceCase.all.filter { $0.bytes.count < 2048 })
    func everySplit(_ example: ConformanceCase) {
        let whole = SessionDriver()
        whole.receive(example.bytes)
        for split in 1..<example.bytes.count {
            let driver = SessionDriver()
            driver.receive(example.bytes[..<split])
            driver.receive(example.bytes[split...])
            #expect(driver.sent == whole.sent, "split at \(split)")
            #expect(driver.log == whole.log, "split at \(split)")
        }
    }

    @Test("a case comes out the same byte by byte", arguments: ConformanceCase.all)
    func byteByByte(_ example: ConformanceCase) {
        let whole = SessionDriver()
        whole.receive(example.bytes)
        let driver = SessionDriver()
        for byte in example.bytes { driver.receive(CollectionOfOne(byte)) }
        #expect(driver.sent == whole.sent)
        #expect(driver.log == whole.log)
    }
}
