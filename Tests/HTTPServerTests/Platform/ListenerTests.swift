import Dispatch
import Glibc
import Synchronization
import Testing

@testable import HTTPServer

@Suite("Listening", .serialized) struct ListenerTests {
    /// An address of this machine alone and of these tests, where no other test looks for a free port.
    private static let host = "127.77.3.1"

    private func freePort() throws -> UInt16 {
        let probe = try Listener.listen(host: Self.host, port: 0, loops: 1, backlog: 1)
        probe.joined().forEach { $0.close() }
        return probe[0][0].address.port
    }

    @Test("of servers that start at the same instant on one port exactly one listens", arguments: [2, 4])
    func oneListens(servers: Int) throws {
        let port = try freePort()
        for round in 0..<60 {
            let started = Locked<[[[Listener]]]>([])
            let refused = Locked<[HTTPServerError]>([])
            let ready = Atomic<Int>(0)
            DispatchQueue.concurrentPerform(iterations: servers) { server in
                // All at once, as far as there are processors: whoever comes alone waits no longer than it takes to come.
                ready.add(1, ordering: .relaxed)
                var looks = 0
                while ready.load(ordering: .relaxed) < servers, looks < 1000 {
                    sched_yield()
                    looks += 1
                }
                do throws(HTTPServerError) {
                    // One loop or several, listening alone or sharing the port among themselves.
                    let listeners = try Listener.listen(
                        host: Self.host, port: port, loops: 1 + (round + server) % 3, backlog: 8)
                    started.withLock { $0.append(listeners) }
                } catch {
                    refused.withLock { [error] in $0.append(error) }
                }
            }
            #expect(started.withLock { $0.count } == 1, "round \(round)")
            #expect(refused.withLock { $0.count } == servers - 1)
            #expect(refused.withLock { $0.allSatisfy { $0.subject == "\(Self.host):\(port)" } })
            started.withLock { $0.joined().joined().forEach { $0.close() } }
        }
    }

    @Test("a port in use is refused whether one socket listens there or many", arguments: [1, 2, 3], [1, 2, 3])
    func inUse(loops: Int, others: Int) throws {
        let listeners = try Listener.listen(host: Self.host, port: 0, loops: loops, backlog: 8)
        defer { listeners.joined().forEach { $0.close() } }
        let port = listeners[0][0].address.port
        for host in [Self.host, "0.0.0.0"] {
            #expect(throws: HTTPServerError.self) {
                try Listener.listen(host: host, port: port, loops: others, backlog: 8)
            }
        }
    }

    @Test("connections are spread over all loops' sockets", arguments: [2, 3])
    func spread(loops: Int) throws {
        let listeners = try Listener.listen(host: Self.host, port: 0, loops: loops, backlog: 64)
        defer { listeners.joined().forEach { $0.close() } }
        #expect(listeners.count == loops && listeners.allSatisfy { $0.count == 1 })
        #expect(Set(listeners.joined().map(\.address.port)).count == 1)
        let clients = try (0..<64).map { _ in try connected(to: listeners[0][0].address) }
        defer { clients.forEach { close($0) } }
        let counts = listeners.map { accepted(by: $0[0]) }
        #expect(counts.reduce(0, +) == 64)
        // By a hash of the client's port: that one socket gets none of 64 is not to be expected in 10 billion years.
        #expect(!counts.contains(0), "\(counts)")
    }

    @Test("a name that stands for several addresses is listened at on all of them, at one port")
    func severalAddresses() throws {
        let addresses = try [Self.host, "127.77.3.2"].flatMap { try Address.resolve(host: $0, port: 0) }
        let listeners = try Listener.listen(at: addresses, loops: 2, backlog: 8)
        defer { listeners.joined().forEach { $0.close() } }
        let port = listeners[0][0].address.port
        let texts = ["\(Self.host):\(port)", "127.77.3.2:\(port)"]
        #expect(listeners.map { $0.map(\.address.text) } == [texts, texts])
        var acceptors = listeners.map { Acceptor(listeners: $0) }
        let clients = try addresses.map { try connected(to: $0.with(port: port)) }
        defer { clients.forEach { close($0) } }
        var accepted = 0
        for loop in acceptors.indices {
            while case .accepted(let socket, _) = acceptors[loop].accept() {
                accepted += 1
                socket.close()
            }
        }
        #expect(accepted == 2)
        // All or none: a port that is taken at the second address is no port at the first.
        let second = try Address.resolve(host: "127.77.3.3", port: port)
        #expect(throws: HTTPServerError.self) {
            try Listener.listen(at: second + [addresses[0].with(port: port)], loops: 1, backlog: 8)
        }
        let alone = try Listener.listen(at: second, loops: 1, backlog: 8)
        alone.joined().forEach { $0.close() }
    }

    @Test("an address that the machine lacks is left out where it has another, and else named")
    func missingAddress() throws {
        // TEST-NET-1, RFC 5737: nobody's.
        let missing = try Address.resolve(host: "192.0.2.1", port: 0)
        let own = try Address.resolve(host: Self.host, port: 0)
        for addresses in [missing + own, own + missing] {
            let listeners = try Listener.listen(at: addresses, loops: 2, backlog: 8)
            #expect(listeners.allSatisfy { $0.count == 1 && $0[0].address.text.hasPrefix(Self.host) })
            listeners.joined().forEach { $0.close() }
        }
        let error = #expect(throws: HTTPServerError.self) { try Listener.listen(at: missing, loops: 1, backlog: 8) }
        #expect(error?.subject == "192.0.2.1:0" && error?.operation == "bind")
    }

    @Test("all loops of a server at a Unix domain socket accept from it, and its file goes with the first that ends")
    func unixSocket() throws {
        let path = "/tmp/softmaxd-\(UInt64.random(in: 0 ... .max)).sock"
        let listeners = try Listener.listen(host: "unix:" + path, port: 80, loops: 3, backlog: 8)
        #expect(listeners.count == 3 && listeners.allSatisfy { $0.map(\.address.text) == ["unix:" + path] })
        let address = try #require(Address(path: path))
        #expect(address.port == 0 && address.reachable.text == "unix:" + path && address.with(port: 1).path == path)
        for listener in listeners {
            let client = try connected(to: address)
            defer { close(client) }
            guard case .accepted(let socket, let peer) = listener[0].accept() else {
                Issue.record("nothing is accepted")
                return
            }
            #expect(peer == "unix:")
            // What lingers is discarded, though the system cannot without reading it.
            #expect(write(client, [1, 2, 3], 3) == 3)
            #expect(socket.discard(2) == .moved(2) && socket.discard(100) == .moved(1))
            #expect(socket.discard(1) == .wouldBlock)
            socket.close()
        }
        #expect(throws: HTTPServerError.self) {
            try Listener.listen(host: "unix:" + path, port: 0, loops: 1, backlog: 8)
        }
        // A connection that waits can still be accepted when no other can come.
        let client = try connected(to: address)
        defer { close(client) }
        listeners[1][0].refuseConnections()
        #expect(access(path, F_OK) != 0)
        guard case .accepted(let socket, _) = listeners[2][0].accept() else {
            Issue.record("nothing is accepted")
            return
        }
        socket.close()
        // Another server's file is not the first one's to remove.
        let next = try Listener.listen(host: "unix:" + path, port: 0, loops: 1, backlog: 8)
        listeners.joined().forEach { $0.close() }
        #expect(access(path, F_OK) == 0)
        next.joined().forEach { $0.close() }
        #expect(access(path, F_OK) != 0)
    }

    @Test("a path is as long as the system has room for")
    func paths() {
        #expect(Address(path: String(repeating: "x", count: 107))?.path == String(repeating: "x", count: 107))
        for path in ["", String(repeating: "x", count: 108), "a\0b"] { #expect(Address(path: path) == nil) }
    }

    @Test("what a service manager passes has to be a listening stream socket")
    func inherited() throws {
        let own = try Listener.listen(host: Self.host, port: 0, loops: 1, backlog: 8)[0][0]
        let passed = dup(own.descriptor)
        let listeners = try Listener.inherit([passed], loops: 2)
        #expect(listeners.map { $0.map(\.address.text) } == [[own.address.text], [own.address.text]])
        for group in listeners {
            let client = try connected(to: own.address)
            defer { close(client) }
            #expect(accepted(by: group[0]) == 1)
        }
        listeners.joined().forEach {
            $0.refuseConnections()
            $0.close()
        }
        // It stays the manager's: a client can still connect.
        let client = try connected(to: own.address)
        #expect(accepted(by: own) == 1)
        close(client)
        own.close()
        let (datagrams, stream) = (
            socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0), socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        )
        defer { for descriptor in [datagrams, stream] { close(descriptor) } }
        for descriptor in [datagrams, stream, -1, 1 << 20] {
            let error = #expect(throws: HTTPServerError.self) { try Listener.inherit([descriptor], loops: 1) }
            #expect(error?.subject == "descriptor \(descriptor)")
        }
    }

    @Test("an IPv6 address may be in brackets, and is shown in them")
    func brackets() throws {
        for host in ["::1", "[::1]", "[0:0::1]"] {
            #expect(try Address.resolve(host: host, port: 80).map(\.text) == ["[::1]:80"])
        }
        for host in ["[127.0.0.1]", "[localhost]", "[]", "[", "]", "[::1", "::1]"] {
            #expect(throws: HTTPServerError.self) { try Address.resolve(host: host, port: 80) }
        }
        #expect(try Address.resolve(host: "127.0.0.1", port: 80).map(\.text) == ["127.0.0.1:80"])
    }

    @Test("a wildcard address is reached by loopback, any other as it is")
    func reachable() throws {
        let hosts = [
            ("0.0.0.0", "127.0.0.1:9"), ("::", "[::1]:9"), ("[::]", "[::1]:9"), ("192.0.2.7", "192.0.2.7:9"),
            ("2001:db8::", "[2001:db8::]:9"), ("127.0.0.1", "127.0.0.1:9"),
        ]
        for (host, text) in hosts {
            #expect(try Address.resolve(host: host, port: 9).map(\.reachable.text) == [text])
        }
    }

    @Test("an error of accept that is not known pauses, as a lack of descriptors does")
    func errors() {
        for code in [EMFILE, ENFILE, ENOBUFS, ENOMEM] { #expect(Listener.AcceptError(code) == .exhausted) }
        for code in [ECONNABORTED, EINTR, EPROTO, ENETDOWN, EHOSTUNREACH, EPERM] {
            #expect(Listener.AcceptError(code) == .connection)
        }
        #expect(Listener.AcceptError(EAGAIN) == .none)
        for code in [EBADF, EINVAL, ENOTSOCK, EFAULT, ENOSYS, EIO, 12345, 0] {
            #expect(Listener.AcceptError(code) == .other)
        }
        // For real: a descriptor that is no socket.
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let broken = Listener(descriptor: descriptor, address: Address(storage: sockaddr_storage()))
        guard case .failed = broken.accept() else {
            Issue.record("nothing can be accepted from a file")
            return
        }
    }

    private func connected(to address: Address) throws -> Int32 {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        try #require(address.withSockaddr { connect(descriptor, $0, $1) } == 0)
        return descriptor
    }

    private func accepted(by listener: Listener) -> Int {
        var count = 0
        while case .accepted(let socket, _) = listener.accept() {
            count += 1
            socket.close()
        }
        return count
    }
}
