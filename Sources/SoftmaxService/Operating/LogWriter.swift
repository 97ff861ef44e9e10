package import Dispatch
import Synchronization

/// Writes log lines to a descriptor on a queue of its own, so that a reader that stalls never stalls an event loop.
///
/// A line is written whole or not at all; what is not written is counted, and the log says so once it can be written
/// again.
package final class LogWriter: Sendable {
    private let queue = DispatchQueue(label: "softmaxd.log")
    private let waiting = Atomic<Int>(0)
    private let lost = Atomic<Int>(0)
    private let output: LogOutput
    private let limit: Int
    private let finished = DispatchSemaphore(value: 0)

    /// A writer to that descriptor.
    ///
    /// - Parameter limit: bytes that may wait for the reader; past it whole batches are dropped and counted. Default
    ///   4 MiB.
    package init(descriptor: Int32 = Descriptors.output, limit: Int = 4 << 20) {
        output = LogOutput { Descriptors.write($0, to: descriptor) }
        self.limit = limit
    }

    /// Lines that were lost since the start: the reader was too slow, or the descriptor took no more.
    package var lostLines: Int { lost.load(ordering: .relaxed) }

    /// Queues complete lines.
    package func write(_ lines: [UInt8]) {
        guard waiting.add(lines.count, ordering: .relaxed).newValue <= limit else {
            waiting.subtract(lines.count, ordering: .relaxed)
            lost.add(LogOutput.count(lines[...]), ordering: .relaxed)
            return
        }
        queue.async { [self] in
            // A log that cannot be written must not stop the service.
            let unwritten = output.write(lines)
            waiting.subtract(lines.count, ordering: .relaxed)
            let lost = lost.add(unwritten, ordering: .relaxed).newValue
            if unwritten == 0 { output.tell(ofLost: lost) }
        }
    }

    /// Returns once everything queued so far is written, or after that time: a reader that stalls must not keep the
    /// process from ending.
    package func finish(within time: DispatchTimeInterval = .seconds(1)) {
        queue.async { [finished] in finished.signal() }
        _ = finished.wait(timeout: .now() + time)
    }

    /// Has ``finish(within:)``, called or to be called, return after no more than a tenth of a second.
    package func hurry() {
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(100)) { [finished] in finished.signal() }
    }
}

/// The end of a log: keeps lines whole where the descriptor fails in the middle of one.
///
/// Sendable although unchecked: it is only used on the writer's queue, by one block at a time.
final class LogOutput: @unchecked Sendable {
    /// The rest of a line whose beginning was written: to be written before anything else, or two lines become one.
    private var unfinished: ArraySlice<UInt8> = []
    /// Lost lines that the log has told of.
    private var told = 0
    private let take: @Sendable (ArraySlice<UInt8>) -> Int

    /// An output whose bytes `take` writes: all of them but where the descriptor fails; it returns how many those are.
    init(_ take: @escaping @Sendable (ArraySlice<UInt8>) -> Int) { self.take = take }

    /// Writes complete lines; returns how many of them are lost because the descriptor took no more.
    ///
    /// A line that was begun is not lost: its rest is kept.
    func write(_ lines: [UInt8]) -> Int {
        if !unfinished.isEmpty {
            unfinished = unfinished.dropFirst(take(unfinished))
            if !unfinished.isEmpty { return Self.count(lines[...]) }
        }
        let rest = lines.dropFirst(take(lines[...]))
        guard rest.count < lines.count, lines[rest.startIndex - 1] != UInt8(ascii: "\n") else {
            return Self.count(rest)
        }
        let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex - 1
        unfinished = ArraySlice(Array(rest[...end]))
        return Self.count(rest[(end + 1)...])
    }

    /// Writes a line about the lines lost since the last such one; none where none were.
    func tell(ofLost lost: Int) {
        guard lost > told else { return }
        let note = "{\"level\":\"warn\",\"message\":\"log lines dropped\",\"count\":\(lost - told)}\n"
        if write(Array(note.utf8)) == 0 { told = lost }
    }

    /// The lines in that text.
    static func count(_ lines: ArraySlice<UInt8>) -> Int { lines.count { $0 == UInt8(ascii: "\n") } }
}
