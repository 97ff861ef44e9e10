import Dispatch
import Foundation
import Glibc
import Testing

@testable import SoftmaxService

@Suite struct LogWriterTests {
    /// A pipe whose buffer is full, and how many bytes that took.
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

    @Test func `past the limit whole batches are dropped, and the log says how many lines that were`() throws {
        let (pipe, count) = fullPipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor, limit: 20)
        writer.write(Array("first\nsecond\n".utf8))
        writer.write(Array("one\ntwo\nthree\n".utf8))
        writer.write(Array("four\n".utf8))
        writer.write(Array("five\nsix\n".utf8))
        #expect(try pipe.fileHandleForReading.read(upToCount: count)?.count == count)
        writer.finish()
        let text = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        let note = #"{"level":"warn","message":"log lines dropped","count":5}"#
        #expect(text == "first\nsecond\n\(note)\nfour\n")
    }

    @Test func `a log that nobody reads does not keep its writer from ending`() {
        let (pipe, _) = fullPipe()
        let writer = LogWriter(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        writer.write(Array("never read\n".utf8))
        // Would not come back, were it not bounded.
        writer.finish(within: .milliseconds(10))
        let begin = DispatchTime.now()
        writer.hurry()
        writer.finish(within: .seconds(20))
        #expect(DispatchTime.now() < begin + .seconds(20))
        // Lets the writer's thread go, and waits until it has: a pipe without a reader would end the process.
        _ = pipe.fileHandleForReading.availableData
        writer.finish(within: .seconds(20))
        withExtendedLifetime(pipe) {}
    }
}
