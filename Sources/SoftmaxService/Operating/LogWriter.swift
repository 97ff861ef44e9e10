package import Dispatch
import Synchronization

/// Writes log lines to a descriptor on a queue of its own, so that a slow reader of the log never blocks an event loop.
///
/// Every line is written whole or not at all. Lost lines are counted, and once the log can be written again a line
/// reports how many there were.
package final class LogWriter: Sendable {
    private let queue = DispatchQueue(label: "softmaxd.log")
    private let waiting = Atomic<Int>(0)
    private let lost = Atomic<Int>(0)
    private let output: LogOutput
    private let limit: Int
    private let finished = DispatchSemaphore(value: 0)

    /// A writer to a descriptor.
    ///
    /// - Parameter limit: the bytes that may wait for the reader; a batch that exceeds it is lost. Default 4 MiB.
    package init(descriptor: Int32 = Descriptors.output, limit: Int = 4 << 20) {
        output = LogOutput { Descriptors.write($0, to: descriptor) }
        self.limit = limit
    }

    /// The lines lost since the start, because the reader was too slow or the descriptor failed.
    package var lostLines: Int { lost.load(ordering: .relaxed) }

    /// Queues a batch of complete lines.
    package func write(_ lines: [UInt8]) {
        guard waiting.add(lines.count, ordering: .relaxed).newValue <= limit else {
            waiting.subtract(lines.count, ordering: .relaxed)
            lost.add(LogOutput.count(lines[...]), ordering: .relaxed)
            return
        }
        queue.async { [self] in
            let unwritten = output.write(lines)
            waiting.subtract(lines.count, ordering: .relaxed)
            let lost = lost.add(unwritten, ordering: .relaxed).newValue
            if unwritten == 0 { output.reportLost(lost) }
        }
    }

    /// Waits until everything queued so far is written, but no longer than `time`: a stalled reader must not keep the
    /// process from ending.
    package func finish(within time: DispatchTimeInterval = .seconds(1)) {
        queue.async { [finished] in finished.signal() }
        _ = finished.wait(timeout: .now() + time)
    }

    /// Makes ``finish(within:)``, whether it waits already or is called later, return within a tenth of a second.
    package func cutFinishShort() {
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(100)) { [finished] in finished.signal() }
    }
}

/// Keeps log lines whole although the descriptor may fail in the middle of one.
///
/// `@unchecked Sendable`: only the writer's serial queue uses it.
final class LogOutput: @unchecked Sendable {
    /// The rest of a partly written line, which must be written before any other.
    private var unfinished: ArraySlice<UInt8> = []
    /// The lost lines that the log has reported.
    private var reported = 0
    private let writeBytes: @Sendable (ArraySlice<UInt8>) -> Int

    /// An output through `writeBytes`, which returns how many bytes it has written: all of them unless it failed.
    init(_ writeBytes: @escaping @Sendable (ArraySlice<UInt8>) -> Int) { self.writeBytes = writeBytes }

    /// Writes complete lines; returns how many of them are lost because the descriptor failed.
    ///
    /// A partly written line is not lost: the next call writes its rest.
    func write(_ lines: [UInt8]) -> Int {
        if !unfinished.isEmpty {
            unfinished = unfinished.dropFirst(writeBytes(unfinished))
            if !unfinished.isEmpty { return Self.count(lines[...]) }
        }
        let rest = lines.dropFirst(writeBytes(lines[...]))
        guard rest.count < lines.count, lines[rest.startIndex - 1] != UInt8(ascii: "\n") else {
            return Self.count(rest)
        }
        let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex - 1
        unfinished = ArraySlice(Array(rest[...end]))
        return Self.count(rest[(end + 1)...])
    }

    /// Writes a line with the number of lines lost since the last report, if any; `lost` counts from the start.
    func reportLost(_ lost: Int) {
        guard lost > reported else { return }
        let report = "{\"level\":\"warn\",\"message\":\"log lines dropped\",\"count\":\(lost - reported)}\n"
        if write(Array(report.utf8)) == 0 { reported = lost }
    }

    /// The number of lines in a text.
    static func count(_ lines: ArraySlice<UInt8>) -> Int { lines.count { $0 == UInt8(ascii: "\n") } }
}
