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
            if let status = ask(address.reachable, path: path, seconds: seconds) { return status }
        }
        return nil
    }

    private static func ask(_ address: Address, path: String, seconds: Int) -> Int? {
        let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        // "HTTP/1.1 200": all that is needed of the reply.
        guard let socket = ClientSocket(to: address, seconds: seconds), socket.send(Array(request.utf8)),
            let reply = socket.receive(12), reply.starts(with: "HTTP/1.".utf8)
        else { return nil }
        return reply[9..<12].reduce(0) { status, byte in
            guard let status, let digit = byte.decimalValue else { return nil }
            return status * 10 + Int(digit)
        }
    }
}
