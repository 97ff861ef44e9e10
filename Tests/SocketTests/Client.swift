import Dispatch
import Glibc

@testable import HTTPServerTests

/// The server does not listen.
struct ConnectFailure: Error {
    let reason: String
}

/// A blocking client on one TCP connection to 127.0.0.1.
///
/// Every wait for the server is bounded.
final class Client {
    private let descriptor: Int32
    /// Everything received and not taken by ``reply(timeout:)``.
    private(set) var received: [UInt8] = []
    /// The server has ended the connection.
    private(set) var isClosed = false
    /// It ended with a reset.
    private(set) var wasReset = false

    /// - Parameter receiveBuffer: the kernel's buffer for this end, bytes; small for a client that reads slowly.
    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        // What is sent has arrived when the call returns, instead of waiting for the last piece's acknowledgement.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 {
            let failure = ConnectFailure(reason: String(cString: strerror(errno)))
            _ = Glibc.close(descriptor)
            throw failure
        }
    }

    deinit { close() }

    private var isOpen = true

    func close() {
        if isOpen { _ = Glibc.close(descriptor) }
        isOpen = false
    }

    /// Closes with a reset.
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// The sending half, for a thread that sends while another reads.
    var sender: Sender { Sender(descriptor: descriptor) }

    struct Sender: Sendable {
        fileprivate let descriptor: Int32

        /// Sends all of the bytes; `false` where the server would not have them.
        func send(_ bytes: some Sequence<UInt8>) -> Bool {
            let bytes = Array(bytes)
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return false }
                sent += count
            }
            return true
        }
    }

    @discardableResult
    func send(_ bytes: some Sequence<UInt8>) -> Bool { sender.send(bytes) }

    @discardableResult
    func send(_ text: String) -> Bool { send(text.utf8) }

    func get(_ path: String, _ fields: String = "") {
        send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
    }

    func post(_ path: String, _ body: [UInt8]) {
        send(Array("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
    }

    func halfClose() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// How long to wait for what has to come.
    static let patience: Int32 = 60_000

    /// Reads once, waiting for at most that long; `false` where nothing came.
    @discardableResult
    func read(milliseconds: Int32 = patience, atMost: Int = 65_536) -> Bool {
        if isClosed { return false }
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, milliseconds) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: atMost)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 {
            received += buffer[..<count]
        } else {
            isClosed = true
            wasReset = count < 0
        }
        return true
    }

    /// Reads until the server closes; `false` where it does not in time.
    func readToEnd() -> Bool {
        while !isClosed, read() {}
        return isClosed
    }

    /// Whether nothing has come that was not taken, not even the end.
    var isQuiet: Bool { !read(milliseconds: 0) && received.isEmpty && !isClosed }

    /// The next final or interim reply, or `nil` where none comes in time.
    func reply(isForHead: Bool = false) -> Reply? {
        while true {
            if let (reply, count) = Self.first(received, isForHead: isForHead, isClosed: isClosed) {
                received.removeFirst(count)
                return reply
            }
            guard !isClosed, read() else { return nil }
            // A long reply is not parsed anew for every piece of it.
            while read(milliseconds: 0) {}
        }
    }

    /// The first reply in the bytes and how long it is.
    private static func first(_ bytes: [UInt8], isForHead: Bool, isClosed: Bool) -> (Reply, Int)? {
        guard !bytes.isEmpty else { return nil }
        var rest = bytes[...]
        guard let reply = Reply.read(&rest, isForHead: isForHead, isClosed: isClosed) else { return nil }
        return (reply, bytes.count - rest.count)
    }
}
