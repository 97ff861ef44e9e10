import Dispatch
import Foundation
import Glibc
import Testing

@testable import SoftmaxService

@Suite struct LogWriterTests {
    /// A pipe with a full buffer, and the size of that buffer.
    private func fullPipe() -> (pipe: Pipe, count: Int) {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        var count = 0
        while write(descriptor, "x", 1) == 1 { count += 1 }
        _ = fcntl(descriptor, F_SETFL, flags)
        return (pipe, count)
    }

    @Test func `beyond the limit whole batches are dropped, and the log reports how many lines they had`() throws {
        let (pipe, count) = fullPipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor, limit: 20)
        writer.write(Array("first\nsecond\n".utf8))
        writer.write(Array("one\ntwo\nthree\n".utf8))
        writer.write(Array("four\n".utf8))
        writer.write(Array("five\nsix\n".utf8))
        #expect(try pipe.fileHandleForReading.read(upToCount: count)?.count == count)
        writer.finish(within: .seconds(60))
        let text = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        let note = #"{"level":"warn","message":"log lines dropped","count":5}"#
        #expect(text == "first\nsecond\n\(note)\nfour\n")
    }

    /// Runs a call on another thread; the group is left when the call returns.
    private func begin(_ call: @escaping @Sendable () -> Void) -> DispatchGroup {
        let group = DispatchGroup()
        DispatchQueue(label: "test").async(group: group, execute: call)
        return group
    }

    @Test func `a log that nobody reads does not keep its writer from ending`() {
        let (pipe, _) = fullPipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        writer.write(Array("never read\n".utf8))
        let bounded = begin { writer.finish(within: .milliseconds(10)) }
        #expect(bounded.wait(timeout: .now() + 60) == .success)
        // An hour's wait that is cut short, whether it has begun by then or not.
        let short = begin { writer.finish(within: .seconds(3600)) }
        writer.cutFinishShort()
        #expect(short.wait(timeout: .now() + 60) == .success)
        // Unblocks the writer and waits for it: writing to a pipe that is closed already would end this process.
        _ = pipe.fileHandleForReading.availableData
        writer.finish(within: .seconds(60))
        withExtendedLifetime(pipe) {}
    }
}
