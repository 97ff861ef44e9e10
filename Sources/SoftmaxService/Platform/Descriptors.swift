import Glibc

/// Blocking reads and writes of whole buffers and files.
package enum Descriptors {
    /// Standard input.
    static let input = STDIN_FILENO
    /// Standard output, for the access log and for offline replies.
    package static let output = STDOUT_FILENO
    /// Standard error, for diagnostics.
    static let error = STDERR_FILENO

    /// Opens those of the descriptors 0 to 2 that are closed.
    ///
    /// Otherwise a socket could get one of these numbers, and a client the log or the diagnostics. They are opened for
    /// the wrong direction, so that reading standard input and writing to the others still fail as on a closed
    /// descriptor.
    package static func reserveStandardStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // open(2) returns the lowest free number: this one, as those below are in use.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Writes all bytes, unless an error such as a closed pipe or a full disk prevents it: see ``lastError``.
    ///
    /// If another process has made the descriptor non-blocking, as the reader of a pipe or a shell can, this waits
    /// until it is writable.
    ///
    /// - Returns: the number of bytes written.
    package static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int {
        var rest = bytes
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if written == 0 || !shouldRetry(descriptor, POLLOUT) {
                break
            }
        }
        return bytes.count - rest.count
    }

    /// Writes all bytes; `false` on an error.
    @discardableResult
    package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        write(bytes[...], to: descriptor) == bytes.count
    }

    /// Whether a descriptor is a terminal.
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Writes a message to standard error.
    package static func writeDiagnostic(_ text: String) { write(Array(text.utf8), to: error) }

    /// The message of this thread's last failed system call.
    static var lastError: String { String(cString: strerror(errno)) }

    /// A file's content; `nil` if it cannot be read.
    static func readFile(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return readAll(from: descriptor)
    }

    /// Reads to the end of the file; `nil` on an error.
    package static func readAll(from descriptor: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        while true {
            let block = max(64 * 1024, bytes.count)
            bytes.reserveCapacity(bytes.count + block)
            var outcome = 0
            bytes.append(addingCapacity: block) { span in
                span.withUnsafeMutableBufferPointer { buffer, initialized in
                    repeat {
                        outcome = Glibc.read(descriptor, buffer.baseAddress, block)
                    } while outcome < 0 && shouldRetry(descriptor, POLLIN)
                    initialized = max(0, outcome)
                }
            }
            if outcome < 0 { return nil }
            if outcome == 0 { return bytes }
        }
    }

    /// Whether to repeat a failed call: after a signal, or after waiting until a non-blocking descriptor is ready.
    private static func shouldRetry(_ descriptor: Int32, _ events: Int32) -> Bool {
        guard errno == EAGAIN else { return errno == EINTR }
        var ready = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        _ = poll(&ready, 1, -1)
        return true
    }
}
