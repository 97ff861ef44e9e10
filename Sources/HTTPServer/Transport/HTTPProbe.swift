import Glibc

/// A blocking GET of one path of a server nearby, for health checks: no redirects, no TLS, nothing kept.
public enum HTTPProbe {
    /// Asks once; returns the status code, or `nil` where there was no HTTP reply in time.
    ///
    /// - Parameters:
    ///   - host: a name or an address; the wildcard addresses `0.0.0.0` and `::` stand for loopback.
    ///   - port: TCP port.
    ///   - path: the target in origin form.
    ///   - seconds: how long connecting, sending and each read may take, 1 at least.
    public static func status(host: String, port: UInt16, path: String, seconds: Int = 2) -> Int? {
        guard let addresses = try? Address.resolve(host: host, port: port) else { return nil }
        for address in addresses {
            if let status = ask(address.reachable, path: path, seconds: max(1, seconds)) { return status }
        }
        return nil
    }

    private static func ask(_ address: Address, path: String, seconds: Int) -> Int? {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // On Linux SO_SNDTIMEO bounds connect(2) as well.
        var timeout = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        guard address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 else { return nil }
        var request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)[...]
        while !request.isEmpty {
            let sent = request.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return nil }
            request = request.dropFirst(sent)
        }
        // "HTTP/1.1 200": all that is needed of the reply.
        var reply: [UInt8] = []
        while reply.count < 12 {
            var buffer = [UInt8](repeating: 0, count: 12 - reply.count)
            let read = recv(descriptor, &buffer, buffer.count, 0)
            guard read > 0 else { return nil }
            reply += buffer[..<read]
        }
        guard reply.starts(with: Array("HTTP/1.".utf8)) else { return nil }
        return reply[9..<12].reduce(0) { status, digit in
            guard let status, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            return status * 10 + Int(digit - UInt8(ascii: "0"))
        }
    }
}
