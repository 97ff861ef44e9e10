import Glibc

/// A socket address: IPv4 or IPv6 with a port, or the path of a Unix domain socket.
struct Address: Sendable {
    private var storage: sockaddr_storage
    private var length: socklen_t

    init(storage: sockaddr_storage, length: socklen_t = socklen_t(MemoryLayout<sockaddr_storage>.size)) {
        self.storage = storage
        self.length = length
    }

    /// What a socket is bound to.
    init?(of descriptor: Int32) {
        self.init(storage: sockaddr_storage())
        var size = length
        let isKnown = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) } == 0
        }
        guard isKnown, size <= length else { return nil }
        length = size
    }

    /// The address of a Unix domain socket; `nil` where the path is empty or longer than the 107 bytes there are for it.
    init?(path: String) {
        let start = Self.pathStart
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout<sockaddr_un>.size - start, !bytes.contains(0) else {
            return nil
        }
        self.init(storage: sockaddr_storage(), length: socklen_t(start + bytes.count + 1))
        storage.ss_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &storage) {
            UnsafeMutableRawBufferPointer(rebasing: $0[start...]).copyBytes(from: bytes)
        }
    }

    /// Where the path begins in a `sockaddr_un`.
    private static let pathStart = MemoryLayout<sa_family_t>.size

    /// The path of a Unix domain socket; empty for a client's, which has none.
    var path: String {
        withUnsafeBytes(of: storage) { bytes in
            let end = min(bytes.count, max(Self.pathStart, Int(length)))
            return String(decoding: bytes[Self.pathStart..<end].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// What stands before the path in the text of such an address.
    static let unixPrefix = "unix:"

    /// Every address that a name or the text of an address stands for, each once.
    ///
    /// - Parameters:
    ///   - host: a name, an IPv4 or an IPv6 address, the latter also in brackets, as in a URI; or `unix:` and a path.
    ///   - port: TCP port, which a Unix domain socket does not have.
    static func resolve(host: String, port: UInt16) throws(HTTPServerError) -> [Address] {
        if host.hasPrefix(unixPrefix) {
            guard let address = Address(path: String(host.dropFirst(unixPrefix.count))) else {
                throw HTTPServerError(
                    operation: "listen on", subject: host, reason: "a path has 1 to 107 bytes")
            }
            return [address]
        }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed {
            hints.ai_family = AF_INET6
            hints.ai_flags |= AI_NUMERICHOST
        }
        let code = getaddrinfo(isBracketed ? String(host.dropFirst().dropLast()) : host, String(port), &hints, &list)
        guard code == 0 else {
            throw HTTPServerError(operation: "resolve", subject: host, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var addresses: [Address] = []
        var next = list
        while let entry = next?.pointee {
            var address = Address(storage: sockaddr_storage(), length: entry.ai_addrlen)
            if let source = entry.ai_addr, Int(entry.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size {
                withUnsafeMutableBytes(of: &address.storage) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: Int(entry.ai_addrlen)))
                }
                if !addresses.contains(where: { $0.text == address.text }) { addresses.append(address) }
            }
            next = entry.ai_next
        }
        guard !addresses.isEmpty else {
            throw HTTPServerError(operation: "resolve", subject: host, reason: "it has no address")
        }
        return addresses
    }

    /// AF_INET, AF_INET6 or AF_UNIX.
    var family: Int32 { Int32(storage.ss_family) }

    /// The same address with another port.
    func with(port: UInt16) -> Address {
        guard family != AF_UNIX else { return self }
        var copy = self
        // The port is at the same place for both families.
        withUnsafeMutableBytes(of: &copy.storage) {
            $0.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        }
        return copy
    }

    /// TCP port; 0 for a Unix domain socket.
    var port: UInt16 {
        family == AF_UNIX
            ? 0
            : withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }

    /// Where a client of this machine reaches a server at that address: loopback for a wildcard address.
    var reachable: Address {
        guard family != AF_UNIX else { return self }
        let start = family == AF_INET6 ? 8 : 4
        var copy = self
        withUnsafeMutableBytes(of: &copy.storage) { bytes in
            let host = start..<start + (start == 8 ? 16 : 4)
            guard bytes[host].allSatisfy({ $0 == 0 }) else { return }
            bytes[host.upperBound - 1] = 1
            if start == 4 { bytes[start] = 127 }
        }
        return copy
    }

    /// `192.0.2.1:5000`, `[2001:db8::1]:5000` or `unix:/run/a.sock`; empty for another family.
    var text: String {
        if family == AF_UNIX { return Self.unixPrefix + path }
        let isV6 = family == AF_INET6
        guard isV6 || family == AF_INET else { return "" }
        let place = isV6 ? 8..<24 : 4..<8
        let host = withUnsafeBytes(of: storage) { IPAddress.text(of: UnsafeRawBufferPointer(rebasing: $0[place])) }
        return isV6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Lends it to a system call.
    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}
