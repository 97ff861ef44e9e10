import CEpoll
import Glibc

/// A listening TCP socket.
///
/// Several may share one port (`SO_REUSEPORT`): the kernel spreads connections over them.
struct Listener: Sendable {
    /// The descriptor.
    let descriptor: Int32
    /// The port, also where 0 was asked for.
    let port: UInt16

    /// What came of accepting.
    enum Outcome {
        /// A connection, and its peer's address.
        case accepted(Socket, peer: String)
        /// Nobody waits.
        case none
        /// No descriptor or memory left (EMFILE, ENFILE, ENOBUFS, ENOMEM): pause, or the loop spins.
        case exhausted
    }

    /// Listens on `count` sockets that share one port.
    ///
    /// `SO_REUSEPORT` would let a second server of the same user share the port by mistake, silently: the port is
    /// first taken once without it.
    static func listen(
        host: String, port: UInt16, count: Int, backlog: Int
    ) throws(HTTPServerError) -> [Listener] {
        let addresses = try Address.resolve(host: host, port: port)
        var failure = HTTPServerError(operation: "resolve", subject: host, reason: "no address")
        for address in addresses {
            do throws(HTTPServerError) {
                if port != 0 { try address.open(sharing: false, backlog: nil).close() }
                var listeners: [Listener] = []
                do throws(HTTPServerError) {
                    for _ in 0..<max(1, count) {
                        let taken = listeners.first.map { address.with(port: $0.port) } ?? address
                        listeners.append(try taken.open(sharing: count > 1, backlog: backlog))
                    }
                } catch {
                    listeners.forEach { $0.close() }
                    throw error
                }
                return listeners
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// Takes the next connection that waits.
    func accept() -> Outcome {
        var peer = sockaddr_storage()
        while true {
            let descriptor = cepoll_accept(self.descriptor, &peer)
            if descriptor >= 0 {
                var on: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
                return .accepted(Socket(descriptor: descriptor), peer: Address.text(of: peer))
            }
            switch errno {
            case EAGAIN: return .none
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
            // Anything else is that one connection's trouble (accept(2): treat network errors like EAGAIN).
            case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENOPROTOOPT:
                continue
            default: return .none
            }
        }
    }

    /// Begins no more connections; those whose first packet has come can still be accepted.
    ///
    /// Closing resets whoever waits in the backlog or is in the middle of a handshake, and loses what such a client has
    /// sent by then. From here on the kernel drops what would begin a connection: that client tries again a second later
    /// and is refused, with nothing lost.
    func beginNoMore() { _ = cepoll_begin_no_more(descriptor) }

    /// Gives the descriptor back.
    func close() { _ = Glibc.close(descriptor) }
}

/// A socket address to listen on.
private struct Address {
    var storage: sockaddr_storage
    var length: socklen_t

    static func resolve(host: String, port: UInt16) throws(HTTPServerError) -> [Address] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
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
                addresses.append(address)
            }
            next = entry.ai_next
        }
        return addresses
    }

    /// Binds, and listens where there is a backlog.
    func open(sharing: Bool, backlog: Int?) throws(HTTPServerError) -> Listener {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(Int32(storage.ss_family), type, 0)
        guard descriptor >= 0 else { throw failure("open a socket for") }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
        if sharing { setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, size) }
        let isBound = withSockaddr { bind(descriptor, $0, length) } == 0
        guard isBound, backlog.map({ listen(descriptor, Int32(clamping: $0)) == 0 }) ?? true else {
            let error = failure(isBound ? "listen on" : "bind")
            _ = Glibc.close(descriptor)
            throw error
        }
        var bound = Address(storage: sockaddr_storage(), length: socklen_t(MemoryLayout<sockaddr_storage>.size))
        withUnsafeMutablePointer(to: &bound.storage) { pointer in
            _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &bound.length)
            }
        }
        return Listener(descriptor: descriptor, port: bound.port)
    }

    /// The same address with another port.
    func with(port: UInt16) -> Address {
        var copy = self
        // The port is at the same place for both families.
        withUnsafeMutableBytes(of: &copy.storage) {
            $0.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
        }
        return copy
    }

    var port: UInt16 {
        withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }

    static func text(of storage: sockaddr_storage) -> String {
        let port = Address(storage: storage, length: 0).port
        return withUnsafeBytes(of: storage) { bytes in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
                let isV6 = Int32(storage.ss_family) == AF_INET6
                guard isV6 || Int32(storage.ss_family) == AF_INET, let start = bytes.baseAddress,
                    inet_ntop(Int32(storage.ss_family), start + (isV6 ? 8 : 4), text.baseAddress, 64) != nil
                else { return "" }
                let host = text.withMemoryRebound(to: UInt8.self) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                return isV6 ? "[\(host)]:\(port)" : "\(host):\(port)"
            }
        }
    }

    private func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>) -> R) -> R {
        withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }

    private func failure(_ operation: String) -> HTTPServerError {
        let reason = String(cString: strerror(errno))
        return HTTPServerError(operation: operation, subject: Self.text(of: storage), reason: reason)
    }
}
