import Synchronization

/// A server's live state and counters, for probes and metrics.
///
/// Made first and given to both the handler and the server.
public final class HTTPServerStatus: Sendable {
    private let draining = Atomic<Bool>(false)
    private let open = Atomic<Int>(0)
    /// Connections that are open, or for which a seat is reserved.
    private let seats = Atomic<Int>(0)
    private let work = BoundedTotal()
    private let bodies = BoundedTotal()
    private let loops = Locked<[LoopCounters]>([])
    private let faults = Locked<[HTTPConnectionFault: Int]>([:])

    /// The status of a server that has not started.
    public init() {}

    /// Whether the server is draining: load balancers should send it no new clients.
    public var isDraining: Bool { draining.load(ordering: .relaxed) }
    /// Open connections, those of the reserve and those that linger included.
    public var openConnections: Int { open.load(ordering: .relaxed) }
    /// The cost of all deferred requests accepted and not finished.
    public var workCost: Int { work.value }
    /// Bytes of incomplete bodies, beyond the first 64 KiB of each connection.
    public var bodyBytes: Int { bodies.value }

    /// The counters of all loops since the start.
    public var counts: HTTPServerCounts {
        var counts = HTTPServerCounts()
        counts.faults = faults.withLock { $0 }
        return loops.withLock { $0 }.reduce(into: counts) { $1.add(to: &$0) }
    }

    package func setDraining() { draining.store(true, ordering: .relaxed) }

    /// Counts a connection that was ended for that fault.
    func count(_ fault: HTTPConnectionFault) { faults.withLock { $0[fault, default: 0] += 1 } }

    func makeLoopCounters() -> LoopCounters {
        let counters = LoopCounters()
        loops.withLock { $0.append(counters) }
        return counters
    }

    /// Reserves a seat for the connection that is accepted next; `false` where none is free.
    func takeSeat(of all: Int) -> Bool {
        if seats.add(1, ordering: .relaxed).newValue <= all { return true }
        leaveSeat()
        return false
    }

    func leaveSeat() { seats.subtract(1, ordering: .relaxed) }

    /// A connection was accepted.
    ///
    /// Counted apart from the seats, of which each loop reserves one before it knows whether the backlog is empty.
    func countOpen() { open.add(1, ordering: .relaxed) }

    /// Whether more connections are open than ``HTTPServerConfiguration/maxConnections``.
    func isFull(_ configuration: HTTPServerConfiguration) -> Bool {
        openConnections > max(0, configuration.maxConnections)
    }

    /// A connection closed, and its seat is free.
    func countClosed() {
        open.subtract(1, ordering: .relaxed)
        leaveSeat()
    }

    /// A ticket for deferred work of that cost; `nil` where it does not fit into the budget.
    func makeTicket(cost: Int, budget: Int) -> HTTPWorkTicket? { .taking(cost, of: work, limit: budget) }

    /// Counts bytes of incomplete bodies against the limit; `false` where they do not fit.
    func reserveBodies(_ bytes: Int, limit: Int) -> Bool { bodies.reserve(bytes, limit: limit) }

    func releaseBodies(_ bytes: Int) { bodies.release(bytes) }
}

/// Running totals since the server started.
public struct HTTPServerCounts: Sendable, Equatable {
    /// Connections accepted.
    public var accepted = 0
    /// Times accepting paused: no seat or no descriptor left, or an error.
    public var acceptPauses = 0
    /// Times accepting failed for a reason other than an aborted connection or a lack of descriptors or memory.
    public var acceptErrors = 0
    /// Requests that the server itself refused: malformed, over a limit, past a deadline, over the work budget.
    public var refused = 0
    /// Requests whose reply was not written to the socket in full.
    public var incomplete = 0
    /// Replies by status class: index 0 is 1xx … index 4 is 5xx.
    public var statusClasses = [0, 0, 0, 0, 0]
    /// Content received, bytes.
    public var requestBytes = 0
    /// Content sent, bytes.
    public var responseBytes = 0
    /// Connections ended because of what their peers sent, by fault.
    public var faults: [HTTPConnectionFault: Int] = [:]

    /// All zero.
    public init() {}
}

/// One loop's share of ``HTTPServerCounts``, so that loops do not contend for a cache line.
///
/// Only that loop's thread counts, so that a count is a load and a store instead of a locked instruction; any thread may
/// read.
final class LoopCounters: Sendable {
    private let accepted = Atomic<Int>(0)
    private let acceptPauses = Atomic<Int>(0)
    private let acceptErrors = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let incomplete = Atomic<Int>(0)
    private let requestBytes = Atomic<Int>(0)
    private let responseBytes = Atomic<Int>(0)
    private let informational = Atomic<Int>(0)
    private let successful = Atomic<Int>(0)
    private let redirection = Atomic<Int>(0)
    private let clientError = Atomic<Int>(0)
    private let serverError = Atomic<Int>(0)

    func countAccept() { Self.add(1, to: accepted) }
    func countAcceptError() { Self.add(1, to: acceptErrors) }
    func countAcceptPause() { Self.add(1, to: acceptPauses) }

    func count(_ record: borrowing Exchange, isComplete: Bool) {
        if record.problem != nil { Self.add(1, to: refused) }
        if !isComplete { Self.add(1, to: incomplete) }
        Self.add(record.requestBytes, to: requestBytes)
        Self.add(record.responseBytes, to: responseBytes)
        switch record.status {
        case 200..<300: Self.add(1, to: successful)
        case 400..<500: Self.add(1, to: clientError)
        case 500..<600: Self.add(1, to: serverError)
        case 300..<400: Self.add(1, to: redirection)
        case 100..<200: Self.add(1, to: informational)
        default: break
        }
    }

    @inline(__always)
    private static func add(_ amount: Int, to counter: borrowing Atomic<Int>) {
        counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    func add(to counts: inout HTTPServerCounts) {
        counts.accepted += accepted.load(ordering: .relaxed)
        counts.acceptErrors += acceptErrors.load(ordering: .relaxed)
        counts.acceptPauses += acceptPauses.load(ordering: .relaxed)
        counts.refused += refused.load(ordering: .relaxed)
        counts.incomplete += incomplete.load(ordering: .relaxed)
        counts.requestBytes &+= requestBytes.load(ordering: .relaxed)
        counts.responseBytes &+= responseBytes.load(ordering: .relaxed)
        counts.statusClasses[0] += informational.load(ordering: .relaxed)
        counts.statusClasses[1] += successful.load(ordering: .relaxed)
        counts.statusClasses[2] += redirection.load(ordering: .relaxed)
        counts.statusClasses[3] += clientError.load(ordering: .relaxed)
        counts.statusClasses[4] += serverError.load(ordering: .relaxed)
    }
}
