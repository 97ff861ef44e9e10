import Glibc

/// Whole reads and writes on file descriptors, waiting for them as long as it takes.
package enum Descriptors {
    /// Standard input.
    static let input = STDIN_FILENO
    /// Standard output, for replies and the log.
    package static let output = STDOUT_FILENO
    /// Standard error, for whoever runs the program.
    static let error = STDERR_FILENO

    /// Has nothing that is opened later become a standard stream: where one of the first three descriptors is closed,
    /// a socket would be it, and what is meant for the stream would go to a client.
    ///
    /// They are opened the wrong way round, so that reading standard input and writing to the others still fail, as they
    /// do on a closed descriptor.
    package static func reserveStandardStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest that is free: this one, as those below are in use by now.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Writes all bytes; fewer only where the descriptor takes no more (closed pipe, full disk): ``failure`` says why.
    ///
    /// A descriptor may be non-blocking without this program's doing, say a pipe that its other end's process or a
    /// terminal's shell made so: then this waits for room.
    ///
    /// - Returns: how many were written.
    package static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Int {
        var rest = bytes
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if written < 0, errno == EAGAIN {
                var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&room, 1, -1)
            } else if written == 0 || errno != EINTR {
                break
            }
        }
        return bytes.count - rest.count
    }

    /// Writes all bytes; `false` where the descriptor takes no more.
    @discardableResult
    package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        write(bytes[...], to: descriptor) == bytes.count
    }

    /// Tells whoever runs the program, on standard error.
    package static func tell(_ text: String) { write(Array(text.utf8), to: error) }

    /// Why the thread's last system call failed, in words.
    static var failure: String { String(cString: strerror(errno)) }

    /// A file's content; `nil` where it cannot be read.
    ///
    static func readFile(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return readAll(from: descriptor)
    }

    /// Reads to the end; `nil` where that fails.
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
                    } while outcome < 0 && isWorthAnotherTry(descriptor)
                    initialized = max(0, outcome)
                }
            }
            if outcome < 0 { return nil }
            if outcome == 0 { return bytes }
        }
    }

    /// After a read that failed: whether to read again, once there is something where there was nothing yet.
    private static func isWorthAnotherTry(_ descriptor: Int32) -> Bool {
        guard errno == EAGAIN else { return errno == EINTR }
        var input = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&input, 1, -1)
        return true
    }
}
