import Dispatch
import Foundation
import Glibc
import HTTPServer
import Synchronization
import Testing

@testable import SoftmaxService

/// Logs whose descriptor fails, blocks or would block.
@Suite struct LogOutputTests {
    private static let lines = ["{\"n\":1}\n", "{}\n", "{\"n\":333}\n"]

    /// A descriptor that fails after a given number of bytes of each write; writes beyond the given ones succeed.
    private final class FailingDescriptor: Sendable {
        private let state: Locked<(room: [Int], taken: [UInt8])>
        init(room: [Int]) { state = Locked((room, [])) }

        func write(_ bytes: ArraySlice<UInt8>) -> Int {
            state.withLock { state in
                let room = state.room.isEmpty ? .max : state.room.removeFirst()
                state.taken += bytes.prefix(room)
                return min(room, bytes.count)
            }
        }

        var lines: [String] {
            String(decoding: state.withLock { $0.taken }, as: UTF8.self).split(separator: "\n").map { $0 + "\n" }
        }
    }

    @Test(arguments: 0...21, [nil, 0, 1, 3])
    func `a descriptor that fails at any byte loses whole lines only, and all of them are counted`(
        first: Int, second: Int?
    ) throws {
        let batch = Array(Self.lines.joined().utf8)
        let descriptor = FailingDescriptor(room: [first] + (second.map { [$0] } ?? []))
        let output = LogOutput { descriptor.write($0) }
        var lost = output.write(batch)
        // The second failure may be in the rest of the line that the first one was in.
        lost += output.write(batch)
        lost += output.write(batch)
        output.reportLost(lost)
        output.reportLost(lost)
        let report = "{\"level\":\"warn\",\"message\":\"log lines dropped\",\"count\":\(lost)}\n"
        let written = descriptor.lines
        #expect(written.filter { Self.lines.contains($0) }.count == 9 - lost)
        #expect(written.filter { $0 == report }.count == (lost > 0 ? 1 : 0))
        #expect(written.count == 9 - lost + (lost > 0 ? 1 : 0), "\(written)")
    }

    @Test(arguments: [(0, 3), (1, 2), (7, 2), (8, 2), (9, 1), (11, 1), (20, 0), (21, 0)])
    func `a partly written line is not lost`(room: Int, lost: Int) {
        let descriptor = FailingDescriptor(room: [room])
        let output = LogOutput { descriptor.write($0) }
        #expect(output.write(Array(Self.lines.joined().utf8)) == lost)
    }

    @Test(.timeLimit(.minutes(1)))
    func `the log waits for a full non-blocking pipe, so that every line arrives whole`() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        #expect(fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0)
        let writer = LogWriter(descriptor: descriptor)
        // Several times the 64 KiB that a pipe holds, so that the writer finds it full.
        let batches = (0..<300).map { batch in (0..<10).map { "line \(batch * 10 + $0) \(Self.filler)\n" }.joined() }
        for batch in batches { writer.write(Array(batch.utf8)) }
        var text = Data()
        while text.count < batches.reduce(0, { $0 + $1.utf8.count }) {
            let piece = pipe.fileHandleForReading.availableData
            try #require(!piece.isEmpty)
            text += piece
        }
        #expect(String(decoding: text, as: UTF8.self) == batches.joined())
        writer.finish(within: .seconds(60))
        #expect(writer.lostLines == 0)
    }

    private static let filler = String(repeating: "x", count: 100)

    @Test func `reading waits for an empty non-blocking pipe`() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        #expect(fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0)
        let reading = DispatchGroup()
        let read = Locked<[UInt8]?>(nil)
        DispatchQueue.global().async(group: reading) {
            let bytes = Descriptors.readAll(from: descriptor)
            read.withLock { $0 = bytes }
        }
        try pipe.fileHandleForWriting.write(contentsOf: Data("{}".utf8))
        try pipe.fileHandleForWriting.close()
        reading.wait()
        #expect(read.withLock { $0 } == Array("{}".utf8))
    }

    @Test func `lines lost to a full disk or a reader that has left are counted in the metrics`() throws {
        // As the service does, so that writing to a pipe without a reader is an error of write(2).
        signal(SIGPIPE, SIG_IGN)
        let disk = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(disk >= 0)
        defer { close(disk) }
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        for descriptor in [disk, pipe.fileHandleForWriting.fileDescriptor] {
            let writer = LogWriter(descriptor: descriptor)
            writer.write(Array("one\ntwo\n".utf8))
            writer.write(Array("three\n".utf8))
            writer.finish(within: .seconds(60))
            #expect(writer.lostLines == 3)
            let metrics = text(of: service(log: writer).finish(SentRequest("GET", "/metrics")))
            #expect(metrics.contains("\nsoftmaxd_log_lines_lost_total 3\n"))
        }
    }
}
