import Glibc

/// A blocking TCP connection to a server, each of whose steps is bounded in time.
struct ClientSocket: ~Copyable {
    private let descriptor: Int32

    /// Connects; `nil` where that fails.
    ///
    /// - Parameter seconds: how long connecting, sending and each read may take, 1 at least.
    init?(to address: Address, seconds: Int) {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        // On Linux SO_SNDTIMEO bounds connect(2) as well.
        var timeout = timeval(tv_sec: max(1, seconds), tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        guard address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 else {
            _ = close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    deinit { _ = close(descriptor) }

    /// Sends all bytes; `false` where the peer does not take them in time.
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    /// The next bytes, exactly so many; `nil` where they do not come in time.
    func receive(_ count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            var buffer = [UInt8](repeating: 0, count: count - bytes.count)
            let read = recv(descriptor, &buffer, buffer.count, 0)
            guard read > 0 else { return nil }
            bytes += buffer[..<read]
        }
        return bytes
    }
}
