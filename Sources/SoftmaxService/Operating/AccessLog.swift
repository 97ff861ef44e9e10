package import Dispatch
import Glibc
package import HTTPServer
import Synchronization

/// Writes log lines to a descriptor on a queue of its own, so that a reader that stalls never stalls an event loop.
package final class LogWriter: Sendable {
    private let queue = DispatchQueue(label: "softmaxd.log")
    private let waiting = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    private let descriptor: Int32
    private let limit: Int
    private let finished = DispatchSemaphore(value: 0)

    /// A writer to that descriptor.
    ///
    /// - Parameter limit: bytes that may wait for the reader; past it whole batches are dropped and counted. Default
    ///   4 MiB.
    package init(descriptor: Int32 = STDOUT_FILENO, limit: Int = 4 << 20) {
        self.descriptor = descriptor
        self.limit = limit
    }

    /// Queues complete lines.
    package func write(_ lines: [UInt8]) {
        guard waiting.add(lines.count, ordering: .relaxed).newValue <= limit else {
            waiting.subtract(lines.count, ordering: .relaxed)
            dropped.add(lines.count { $0 == UInt8(ascii: "\n") }, ordering: .relaxed)
            return
        }
        queue.async { [self] in
            // A log that cannot be written must not stop the service.
            Descriptors.write(lines, to: descriptor)
            waiting.subtract(lines.count, ordering: .relaxed)
            let lost = dropped.exchange(0, ordering: .relaxed)
            if lost > 0 {
                let note = "{\"level\":\"warn\",\"message\":\"log lines dropped\",\"count\":\(lost)}\n"
                Descriptors.write(Array(note.utf8), to: descriptor)
            }
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

/// One loop's access log: a line of JSON for each request, collected and handed to the writer in batches.
package final class AccessLog: HTTPObserver {
    private let writer: LogWriter
    private var lines: [UInt8] = []
    private var clock = LogClock()

    /// A batch is handed over once it is this large, or with ``flush()``.
    private static let batch = 32 * 1024

    /// A log that goes to that writer.
    package init(_ writer: LogWriter) { self.writer = writer }

    package func record(_ record: HTTPAccessRecord) {
        let sent = record.requestID.utf8.count + record.method.utf8.count + record.path.utf8.count
        let known = record.peer.utf8.count + (record.traceparent?.utf8.count ?? 0) + (record.problem?.utf8.count ?? 0)
        // Beside those strings, of which a byte takes six at most: names, numbers and the time, below 400 bytes.
        lines.write(atMost: 400 + 6 * (sent + known)) { line in
            line.append("{\"time\":\"")
            clock.appendNow(to: &line)
            line.append("\",\"request_id\":")
            line.appendJSON(record.requestID)
            line.append(",\"remote\":")
            line.appendJSON(record.peer)
            line.append(",\"protocol\":")
            line.append(Self.name(of: record.version))
            line.append(",\"method\":")
            line.appendJSON(record.method)
            line.append(",\"path\":")
            line.appendJSON(record.path)
            line.append(",\"status\":")
            line.appendDecimal(record.status)
            line.append(",\"bytes_in\":")
            line.appendDecimal(record.requestBytes)
            line.append(",\"bytes_out\":")
            line.appendDecimal(record.responseBytes)
            line.append(",\"duration_us\":")
            line.appendDecimal(Int(clamping: record.duration / 1000))
            if let trace = record.traceparent {
                line.append(",\"traceparent\":")
                line.appendJSON(trace)
            }
            if let problem = record.problem {
                line.append(",\"problem\":")
                line.appendJSON(problem)
            }
            if !record.isComplete { line.append(",\"incomplete\":true") }
            line.append("}\n")
        }
        if lines.count >= Self.batch { flush() }
    }

    package func record(_ end: HTTPConnectionEnd) {
        lines.write(atMost: 300 + 6 * end.peer.utf8.count) { line in
            line.append("{\"time\":\"")
            clock.appendNow(to: &line)
            line.append("\",\"level\":\"warn\",\"message\":\"connection ended\",\"reason\":")
            line.appendJSON(end.fault.rawValue)
            line.append(",\"remote\":")
            line.appendJSON(end.peer)
            line.append(",\"requests\":")
            line.appendDecimal(end.requests)
            line.append("}\n")
        }
        if lines.count >= Self.batch { flush() }
    }

    package func flush() {
        guard !lines.isEmpty else { return }
        writer.write(lines)
        lines = []
        lines.reserveCapacity(Self.batch + 1024)
    }

    private static func name(of version: HTTPVersion) -> StaticString {
        switch version {
        case .http1_0: "\"HTTP/1.0\""
        case .http1_1: "\"HTTP/1.1\""
        case .http2: "\"HTTP/2\""
        }
    }
}

/// UTC timestamps with milliseconds by RFC 3339; the part up to the seconds is made once a second.
struct LogClock {
    private var second = time_t(-1)
    private var text: [UInt8] = []

    mutating func appendNow(to line: inout ByteWriter) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        if now.tv_sec != second {
            second = now.tv_sec
            var parts = tm()
            gmtime_r(&second, &parts)
            text = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
                buffer.withMemoryRebound(to: CChar.self) { chars in
                    count = strftime(chars.baseAddress, chars.count, "%Y-%m-%dT%H:%M:%S", &parts)
                }
            }
        }
        let milliseconds = Int(now.tv_nsec) / 1_000_000
        line.append(text.span)
        line.append(UInt8(ascii: "."))
        for divisor in [100, 10, 1] { line.append(UInt8(ascii: "0") + UInt8(milliseconds / divisor % 10)) }
        line.append(UInt8(ascii: "Z"))
    }
}
