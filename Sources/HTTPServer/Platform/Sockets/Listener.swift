import CEpoll
import Glibc

/// A listening socket.
///
/// Several of TCP may share one port (`SO_REUSEPORT`): the kernel spreads connections over them. Those at one Unix domain
/// socket, and those that were inherited, are one socket with a descriptor for each loop.
struct Listener: Sendable {
    /// Where a listening socket comes from, which decides how it ends.
    private enum Source: Sendable {
        /// It was bound to a TCP port.
        case port
        /// It was bound to the path of a Unix domain socket.
        case file(SocketFile)
        /// A service manager has opened it and keeps it: connections that are not accepted here are the next process's.
        case inherited
    }

    /// The descriptor.
    let descriptor: Int32
    /// What it is bound to, with the port that it got where 0 was asked for.
    let address: Address
    private var source = Source.port

    /// A socket that listens at that address.
    init(descriptor: Int32, address: Address) {
        self.descriptor = descriptor
        self.address = address
    }

    /// What came of accepting.
    enum Outcome {
        /// A connection, and its peer's address.
        case accepted(Socket, peer: String)
        /// The backlog is empty.
        case none
        /// No descriptor or memory left (EMFILE, ENFILE, ENOBUFS, ENOMEM): the caller pauses, or the loop would spin.
        case exhausted
        /// Failed for another lasting reason: the caller pauses, or the loop would spin.
        case failed
    }

    /// What an error of accept(2) is about.
    enum AcceptError: Equatable {
        /// The backlog is empty.
        case none
        /// That one connection, which has failed: accept the next.
        case connection
        /// A resource that is used up for now.
        case exhausted
        /// Not known to be any of those.
        case other

        /// The meaning of that `errno`.
        init(_ code: Int32) {
            switch code {
            case EAGAIN: self = .none
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: self = .exhausted
            // accept(2): treat network errors that were pending on the new connection like EAGAIN.
            case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENOPROTOOPT,
                ENONET,
                EOPNOTSUPP:
                self = .connection
            default: self = .other
            }
        }
    }

    /// Listens at every address of a host, each with as many sockets as there are loops.
    ///
    /// Addresses that this machine does not have are left out where it has another: a name may stand for an IPv6 address
    /// too where there is no IPv6.
    ///
    /// - Returns: for each loop its sockets, one an address, all on one port.
    static func listen(
        host: String, port: UInt16, loops: Int, backlog: Int
    ) throws(HTTPServerError) -> [[Listener]] {
        try listen(at: try Address.resolve(host: host, port: port), loops: loops, backlog: backlog)
    }

    /// The same for addresses that are known.
    static func listen(
        at addresses: [Address], loops: Int, backlog: Int
    ) throws(HTTPServerError) -> [[Listener]] {
        // A port that the kernel chose for the first address may be taken at the next: then another is tried.
        var attempts = addresses.count > 1 && addresses[0].port == 0 ? 20 : 1
        while true {
            attempts -= 1
            var groups: [[Listener]] = []
            var missing: BindError?
            do throws(BindError) {
                for address in addresses {
                    let port = groups.first?.first?.address.port ?? address.port
                    do throws(BindError) {
                        groups.append(try group(at: address.with(port: port), count: max(1, loops), backlog: backlog))
                    } catch {
                        guard error.isForWantOfAddress else { throw error }
                        missing = error
                    }
                }
                if groups.isEmpty, let missing { throw missing }
                return (0..<max(1, loops)).map { loop in groups.map { $0[loop] } }
            } catch {
                groups.joined().forEach { $0.close() }
                if attempts == 0 || error.code != EADDRINUSE { throw error.serverError }
            }
        }
    }

    /// Sockets that a service manager has opened, for each loop one descriptor of each.
    ///
    /// - Throws: where one is no listening stream socket of a family that is served.
    static func inherit(_ descriptors: [Int32], loops: Int) throws(HTTPServerError) -> [[Listener]] {
        var groups: [[Listener]] = []
        for descriptor in descriptors {
            var (isListening, type): (Int32, Int32) = (0, 0)
            var size = socklen_t(MemoryLayout<Int32>.size)
            let isKnown =
                getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0
                && getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0
            guard isKnown, isListening == 1, type == Int32(SOCK_STREAM.rawValue),
                let address = Address(of: descriptor), !address.text.isEmpty
            else {
                throw HTTPServerError(
                    operation: "listen on", subject: "descriptor \(descriptor)",
                    reason: "it is no listening stream socket")
            }
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            var first = Listener(descriptor: descriptor, address: address)
            first.source = .inherited
            do throws(BindError) {
                groups.append(try first.duplicates(loops))
            } catch {
                throw error.serverError
            }
        }
        return (0..<max(1, loops)).map { loop in groups.map { $0[loop] } }
    }

    /// This listener and others of the same socket, so many in all.
    private func duplicates(_ count: Int) throws(BindError) -> [Listener] {
        var listeners = [self]
        while listeners.count < count {
            let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
            guard duplicate >= 0 else {
                let code = errno
                listeners.forEach { $0.close() }
                throw BindError(operation: "listen on", address: address, code: code)
            }
            var listener = Listener(descriptor: duplicate, address: address)
            listener.source = source
            listeners.append(listener)
        }
        return listeners
    }

    /// Sockets that share one address.
    ///
    /// `SO_REUSEPORT` alone would let a second server of the same user share the port, silently. So the first socket
    /// listens without it: of sockets of one port that lack it the kernel lets a single one listen, whichever asks first,
    /// and none beside those that have it. From then on the port is this server's, and only then are the others opened.
    private static func group(at address: Address, count: Int, backlog: Int) throws(BindError) -> [Listener] {
        if address.family == AF_UNIX {
            return try Listener(file: address, backlog: backlog).duplicates(count)
        }
        let first = try alone(at: address, backlog: backlog)
        var listeners = [first]
        if count > 1 { first.share() }
        do throws(BindError) {
            while listeners.count < count {
                let next = try Listener(bound: first.address, sharing: true)
                listeners.append(next)
                try next.listen(backlog: backlog)
            }
        } catch {
            listeners.forEach { $0.close() }
            throw error
        }
        return listeners
    }

    /// The one socket that listens at that address.
    ///
    /// Two servers that start at the same instant may both have bound it, and each see the other about to listen: the
    /// kernel may then refuse both. Each tries again after a random delay.
    private static func alone(at address: Address, backlog: Int) throws(BindError) -> Listener {
        var attempts = 50
        while true {
            let listener = try Listener(bound: address, sharing: false)
            do throws(BindError) {
                try listener.listen(backlog: backlog)
                return listener
            } catch {
                listener.close()
                attempts -= 1
                guard error.code == EADDRINUSE, attempts > 0 else { throw error }
                usleep(.random(in: 500...5000))
            }
        }
    }

    /// Why an address is not listened at.
    private struct BindError: Error {
        var operation: String
        var address: Address
        var code: Int32

        /// Whether the machine lacks that address, or its kind.
        var isForWantOfAddress: Bool { code == EADDRNOTAVAIL || code == EAFNOSUPPORT }

        var serverError: HTTPServerError {
            HTTPServerError(operation: operation, subject: address.text, reason: String(cString: strerror(code)))
        }
    }

    /// A socket bound to that address, which does not listen yet.
    ///
    /// `SO_REUSEADDR`, or connections that the last server at this address had closed would keep this one from starting for
    /// a minute (TIME_WAIT).
    private init(bound address: Address, sharing: Bool) throws(BindError) {
        let descriptor = try Self.open(for: address)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if sharing { setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<Int32>.size)) }
        guard address.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else {
            let code = errno
            _ = Glibc.close(descriptor)
            throw BindError(operation: "bind", address: address, code: code)
        }
        self.init(descriptor: descriptor, address: Address(of: descriptor) ?? address)
    }

    /// A socket for an address of that family.
    private static func open(for address: Address) throws(BindError) -> Int32 {
        let descriptor = socket(address.family, Socket.kind, 0)
        guard descriptor >= 0 else { throw BindError(operation: "open a socket for", address: address, code: errno) }
        return descriptor
    }

    /// A socket that listens at a path.
    private init(file address: Address, backlog: Int) throws(BindError) {
        let descriptor = try Self.open(for: address)
        self.init(descriptor: descriptor, address: address)
        // Under the directory's lock it listens as well: until then another server would take the file for abandoned.
        let bound = SocketFile.bound(address.path, address) {
            let isBound = address.withSockaddr { bind(descriptor, $0, $1) }
            return isBound == 0 ? Glibc.listen(descriptor, Int32(clamping: backlog)) : isBound
        }
        switch bound {
        case .success(let file): source = .file(file)
        case .failure(let error):
            _ = Glibc.close(descriptor)
            throw BindError(operation: "listen on", address: address, code: error.code)
        }
    }

    private func listen(backlog: Int) throws(BindError) {
        guard Glibc.listen(descriptor, Int32(clamping: backlog)) == 0 else {
            throw BindError(operation: "listen on", address: address, code: errno)
        }
    }

    /// Lets sockets that ask for it, of the same user, share the port.
    private func share() {
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Takes the next connection that waits.
    func accept() -> Outcome {
        var peer = sockaddr_storage()
        // Bounded: a firewall's refusal, say, may be for all that come.
        for _ in 0..<16 {
            let descriptor = cepoll_accept(self.descriptor, &peer)
            if descriptor >= 0 {
                var on: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
                return .accepted(Socket(descriptor: descriptor), peer: Address(storage: peer).text)
            }
            switch AcceptError(errno) {
            case .none: return .none
            case .exhausted: return .exhausted
            case .connection: continue
            case .other: return .failed
            }
        }
        return .failed
    }

    /// Refuses new connections; those whose SYN has arrived, or that are in the backlog, can still be accepted.
    ///
    /// Closing a listener resets connections in its backlog or within a handshake, with what their clients have sent. After
    /// this the kernel drops every SYN: such a client retransmits it a second later and is refused, with nothing lost.
    func refuseConnections() {
        switch source {
        case .port: _ = cepoll_refuse_handshakes(descriptor)
        case .file(let file): file.remove()
        case .inherited: break
        }
    }

    /// Closes the descriptor.
    func close() {
        if case .file(let file) = source { file.remove() }
        _ = Glibc.close(descriptor)
    }
}
