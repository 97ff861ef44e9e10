package import HTTPServer

/// The access log of one loop: a line of JSON for each request, passed to the writer in batches.
package final class AccessLog: HTTPObserver {
    private let writer: LogWriter
    private let skips: ((_ path: String) -> Bool)?
    private var lines: [UInt8] = []
    private var clock = LogClock()

    /// The bytes from which on a batch is passed to the writer without waiting for ``flush()``.
    private static let batch = 32 * 1024

    /// A log with that writer; it leaves out requests for paths that `skips` returns true for.
    package init(_ writer: LogWriter, skips: ((_ path: String) -> Bool)? = nil) {
        self.writer = writer
        self.skips = skips
    }

    package func record(_ record: borrowing HTTPAccessRecord) {
        if let skips, skips(record.pathText) { return }
        let (method, path) = (record.method, record.path)
        let (agent, trace) = (record.userAgent, record.traceparent)
        let sent = method.count + path.count + (agent?.count ?? 0) + (trace?.count ?? 0)
        let known = record.peer.utf8.count + (record.client?.utf8.count ?? 0) + (record.problem?.utf8.count ?? 0)
        // Escaping takes at most six bytes for each byte of the strings; the rest is below 528 bytes.
        lines.write(atMost: 528 + 6 * (sent + known)) { line in
            line.append("{\"time\":\"")
            clock.appendNow(to: &line)
            line.append("\",\"request_id\":\"")
            record.appendRequestID(to: &line)
            line.append("\",\"remote\":")
            line.appendJSON(record.peer)
            if let client = record.client {
                line.append(",\"client\":")
                line.appendJSON(client)
            }
            line.append(",\"protocol\":")
            line.append(Self.name(of: record.version))
            line.append(",\"method\":")
            line.appendJSON(method)
            line.append(",\"path\":")
            line.appendJSON(path)
            line.append(",\"status\":")
            line.appendDecimal(record.status)
            line.append(",\"bytes_in\":")
            line.appendDecimal(record.requestBytes)
            line.append(",\"bytes_out\":")
            line.appendDecimal(record.responseBytes)
            line.append(",\"duration_us\":")
            line.appendDecimal(Int(clamping: record.duration / 1000))
            if let agent {
                line.append(",\"user_agent\":")
                line.appendJSON(agent)
            }
            if let trace {
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
