import Glibc

/// Whole reads and writes on file descriptors, waiting for them as long as it takes.
package enum Descriptors {
    /// Writes all bytes; `false` where the descriptor takes no more (closed pipe, full disk).
    @discardableResult
    package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return false }
            rest = rest.dropFirst(written)
        }
        return true
    }

    /// Reads to the end; `nil` where that fails.
    ///
    /// - Parameter padding: spare bytes that the array has beyond its count.
    package static func readAll(from descriptor: Int32, padding: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        while true {
            let block = max(64 * 1024, bytes.count)
            bytes.reserveCapacity(bytes.count + block + padding)
            var outcome = 0
            bytes.append(addingCapacity: block) { span in
                span.withUnsafeMutableBufferPointer { buffer, initialized in
                    repeat {
                        outcome = Glibc.read(descriptor, buffer.baseAddress, block)
                    } while outcome < 0 && errno == EINTR
                    initialized = max(0, outcome)
                }
            }
            if outcome < 0 { return nil }
            if outcome == 0 { return bytes }
        }
    }
}
