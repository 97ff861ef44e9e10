import Dispatch
import Glibc
import HTTPServer
import Synchronization
import Testing

@testable import HTTPServerTests

/// Everything over real sockets, one test after the other.
///
/// The servers' time stands still unless a test moves it, so that no deadline depends on how busy the machine is. Every
/// wait for an event is bounded, far above what it takes, and fails the test where the event does not come.
@Suite("Transport", .serialized)
enum TransportTests {}

/// A server on a free port of 127.0.0.1 that stops with the test.
final class TestServer {
    let server: HTTPServer
    let records: Records
    let port: UInt16
    private let time = ManualClock()

    /// A server whose loops' handlers answer by that closure.
    ///
    /// - Parameter clock: `nil` for time that only ``advance(by:)`` moves; the system's where a test needs nothing of it
    ///   but that it passes.
    convenience init(
        clock: TransportClock? = nil, _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        handler: @escaping @Sendable (RequestCopy) -> HTTPReply = TestServer.ok
    ) throws {
        try self.init(clock: clock, configure, makeHandler: { ClosureHandler(respond: handler) })
    }

    /// A server with a handler per loop.
    init(
        clock: TransportClock? = nil, _ configure: (inout HTTPServerConfiguration) -> Void,
        makeHandler: @escaping @Sendable () -> any HTTPHandler
    ) throws {
        var configuration = HTTPServerConfiguration()
        configuration.port = 0
        configuration.loops = 2
        // On a machine that other programs keep busy threads of the idle class get next to nothing, and tests wait.
        configuration.computePriority = .normal
        configure(&configuration)
        let records = Records()
        self.records = records
        server = HTTPServer(
            configuration: configuration, makeHandler: { _ in makeHandler() }, clock: clock ?? time.clock,
            makeObserver: { RecordingObserver(records, loop: $0) })
        try server.start()
        let address = try #require(server.boundAddresses.first)
        port = try #require(address.split(separator: ":").last.flatMap { UInt16($0) })
    }

    deinit {
        server.stopNow()
        expectStopped()
    }

    /// Moves the server's time; every loop has done what was due when this returns.
    ///
    /// A loop looks at deadlines 5 ms apart at least, so one may be up to that late.
    func advance(by duration: Duration, _ location: SourceLocation = #_sourceLocation) {
        time.advance(by: duration)
        settle(location)
    }

    /// Has every loop do what it can do by now: take what its sockets hold, close what is over.
    func settle(_ location: SourceLocation = #_sourceLocation) {
        #expect(server.runTurn(within: .seconds(60)), "a loop is stuck", sourceLocation: location)
    }

    /// All loops end, time standing still.
    func expectStopped(_ location: SourceLocation = #_sourceLocation) {
        #expect(server.waitUntilStopped(within: .seconds(60)), "a loop goes on", sourceLocation: location)
    }

    /// How often the loops have looked at the time: at least once a turn.
    var looks: Int { time.looks }

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

    static let ok: @Sendable (RequestCopy) -> HTTPReply = { request in
        .ready(HTTPResponse(status: 200, body: .bytes(request.method == .post ? request.body : Array("OK".utf8))))
    }
}

/// Time that stands still until a test moves it.
private final class ManualClock: Sendable {
    private struct State: Sendable {
        var now: UInt64 = 1_000_000_000
        var looks = 0
    }
    private let state = Locked(State())

    var clock: TransportClock {
        TransportClock(
            monotonic: {
                self.state.withLock {
                    $0.looks += 1
                    return $0.now
                }
            },
            unixSeconds: { 1_800_000_000 + self.state.withLock { Int($0.now / 1_000_000_000) } }, isRunning: false)
    }

    var looks: Int { state.withLock { $0.looks } }

    func advance(by duration: Duration) { state.withLock { $0.now += duration.nanoseconds } }
}

private final class ClosureHandler: HTTPHandler {
    private let respond: @Sendable (RequestCopy) -> HTTPReply

    init(respond: @escaping @Sendable (RequestCopy) -> HTTPReply) { self.respond = respond }

    func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        respond(RequestCopy(request))
    }

    func complete(_ response: inout HTTPResponse, for head: borrowing HTTPRequest) {
        response.fields.append("x-completed", RequestCopy(head).only("x-mark") ?? "without")
    }
}

/// What an observer was told of a request.
struct Record: Sendable {
    let method: String
    let path: String
    let version: HTTPVersion
    let status: Int
    let requestBytes: Int
    let responseBytes: Int
    let duration: UInt64
    let traceparent: String?
    let peer: String
    let problem: String?
    let isComplete: Bool

    init(_ record: borrowing HTTPAccessRecord) {
        method = record.method.text
        path = record.pathText
        version = record.version
        status = record.status
        requestBytes = record.requestBytes
        responseBytes = record.responseBytes
        duration = record.duration
        traceparent = record.traceparent?.text
        peer = record.peer
        problem = record.problem
        isComplete = record.isComplete
    }
}

/// What the observers of all loops were told.
final class Records: Sendable {
    private let list = Locked<[Record]>([])
    private let counts = Locked<[Int: Int]>([:])
    private let flushed = Atomic<Int>(0)

    var all: [Record] { list.withLock { $0 } }
    /// How many requests each loop has answered.
    var perLoop: [Int: Int] { counts.withLock { $0 } }
    var flushes: Int { flushed.load(ordering: .relaxed) }

    fileprivate func add(_ record: Record, loop: Int) {
        list.withLock { $0.append(record) }
        counts.withLock { $0[loop, default: 0] += 1 }
    }
    fileprivate func flush() { flushed.add(1, ordering: .relaxed) }
}

private final class RecordingObserver: HTTPObserver {
    private let records: Records
    private let loop: Int
    init(_ records: Records, loop: Int) {
        self.records = records
        self.loop = loop
    }
    func record(_ record: borrowing HTTPAccessRecord) { records.add(Record(record), loop: loop) }
    func flush() { records.flush() }
}

/// Looks until a condition holds; `false` where it does not within so many seconds.
func eventually(seconds: UInt64 = 60, _ condition: () -> Bool) -> Bool {
    let end = TransportClock.system.monotonic() + seconds * 1_000_000_000
    while TransportClock.system.monotonic() < end {
        if condition() { return true }
        usleep(1_000)
    }
    return condition()
}
