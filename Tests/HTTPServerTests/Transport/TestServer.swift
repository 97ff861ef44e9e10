import Glibc
import HTTPServer
import Synchronization
import Testing

/// Everything over real sockets, one test after the other: their deadlines are short and the machine is shared.
@Suite("Transport", .serialized)
enum TransportTests {}

/// A server on a free port of 127.0.0.1 that stops with the test.
final class TestServer {
    let server: HTTPServer
    let records: Records
    let port: UInt16

    init(
        clock: TransportClock = .system, _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        handler: @escaping @Sendable (HTTPRequest) -> HTTPReply = TestServer.ok
    ) throws {
        var configuration = HTTPServerConfiguration()
        configuration.port = 0
        configuration.loops = 2
        configure(&configuration)
        let records = Records()
        self.records = records
        server = HTTPServer(
            configuration: configuration, handler: ClosureHandler(respond: handler), clock: clock,
            makeObserver: { _ in RecordingObserver(records) })
        try server.start()
        port = try #require(server.boundPort)
    }

    deinit {
        server.stopNow()
        server.waitUntilStopped()
    }

    /// Whether any socket listens on the port: state 0A in proc(5)'s /proc/net/tcp.
    ///
    /// Not found out by connecting: a server that drains leaves a client's first packet unanswered for a moment.
    var isListening: Bool {
        guard let file = fopen("/proc/net/tcp", "r") else { return false }
        defer { fclose(file) }
        let hexadecimal = String(port, radix: 16, uppercase: true)
        let local = ":" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal + " 00000000:0000 0A "
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            if strstr(line, local) != nil { return true }
        }
        return false
    }

    func client(receiveBuffer: Int32? = nil) throws -> Client { try Client(port: port, receiveBuffer: receiveBuffer) }

    static let ok: @Sendable (HTTPRequest) -> HTTPReply = { request in
        .ready(HTTPResponse(status: 200, body: .bytes(request.method == .post ? request.body : Array("OK".utf8))))
    }
}

/// Time that a test moves by hand.
final class ManualClock: Sendable {
    private let now = Locked<UInt64>(1_000_000_000)

    var clock: TransportClock {
        TransportClock(
            monotonic: { self.now.withLock { $0 } },
            unixSeconds: { 1_800_000_000 + self.now.withLock { Int($0 / 1_000_000_000) } })
    }

    func pass(seconds: UInt64) { now.withLock { $0 += seconds * 1_000_000_000 } }
}

private struct ClosureHandler: HTTPHandler {
    let respond: @Sendable (HTTPRequest) -> HTTPReply
    func respond(to request: consuming HTTPRequest) -> HTTPReply { respond(request) }
    func complete(_ response: inout HTTPResponse, for fields: HTTPFields) {
        response.fields.append("x-completed", fields.only("x-mark") ?? "without")
    }
}

/// What the observers of all loops were told.
final class Records: Sendable {
    private let list = Locked<[HTTPAccessRecord]>([])
    private let flushed = Atomic<Int>(0)

    var all: [HTTPAccessRecord] { list.withLock { $0 } }
    var flushes: Int { flushed.load(ordering: .relaxed) }

    fileprivate func add(_ record: HTTPAccessRecord) { list.withLock { $0.append(record) } }
    fileprivate func flush() { flushed.add(1, ordering: .relaxed) }
}

private final class RecordingObserver: HTTPObserver {
    private let records: Records
    init(_ records: Records) { self.records = records }
    func record(_ record: HTTPAccessRecord) { records.add(record) }
    func flush() { records.flush() }
}

/// A body of numbered pieces that counts how many were made.
final class CountingSource: HTTPBodySource {
    let pieces: Int
    let size: Int
    let made = Atomic<Int>(0)

    init(pieces: Int, size: Int) {
        self.pieces = pieces
        self.size = size
    }

    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress {
        let index = made.add(1, ordering: .relaxed).oldValue
        // In two parts, to be sent as one.
        let piece = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size)
        parts += [Array(piece[..<(size / 3)]), Array(piece[(size / 3)...])]
        return index + 1 < pieces ? .more : .last
    }

    /// What a client is to receive.
    var expected: [UInt8] {
        (0..<pieces).reduce(into: []) { $0 += [UInt8](repeating: UInt8(truncatingIfNeeded: $1), count: size) }
    }
}

/// Looks until a condition holds, for at most that long.
func eventually(milliseconds: Int = 5_000, _ condition: () -> Bool) -> Bool {
    let end = TransportClock.system.monotonic() + UInt64(milliseconds) * 1_000_000
    while TransportClock.system.monotonic() < end {
        if condition() { return true }
        usleep(1_000)
    }
    return condition()
}
