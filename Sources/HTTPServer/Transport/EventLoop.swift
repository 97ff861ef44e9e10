import CEpoll
import Glibc

/// Serves the connections of its listeners on one thread, which does nothing else until the server stops.
///
/// Confined to that thread: other threads reach it through its ``Mailbox``. One turn: wait, serve what became ready,
/// serve what had more to do than one turn allows, look at deadlines, let the observer write.
final class EventLoop {
    let context: ServerContext
    let mailbox: Mailbox
    /// Where every read of this loop goes, 64 KiB.
    let buffer: UnsafeMutableRawBufferPointer
    /// The time at the last look, nanoseconds.
    private(set) var now: UInt64
    private(set) var date = HTTPDate()
    private(set) var isDraining = false
    /// While draining: when connections are closed that could have sent one more request.
    private(set) var lastRequestDeadline = UInt64.max

    /// The connections that may be evicted.
    var idle = EvictionOrder()

    private let poller: Poller
    /// The loop that is asked next for room, and how many others there are.
    private let neighbour: (mailbox: Mailbox, others: Int)
    private var acceptor: Acceptor
    private let counters: LoopCounters
    private let observer: any HTTPObserver
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private var ids = RequestIDs(seed: UInt64.random(in: .min ... .max))

    private var connections: [Connection?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [Int] = []
    private var openCount = 0
    private var queued: [Connection] = []
    private var inbox: [LoopMessage] = []

    private var nextScan = UInt64.max
    private var flushAt = UInt64.max
    private var drainBegins = UInt64.max
    private var drainEnds = UInt64.max
    /// Who waits for the end of this turn.
    private var turnEnds: [@Sendable () -> Void] = []
    private var isStopped = false

    private static let listenerToken = UInt64.max
    private static let mailboxToken = UInt64.max - 1
    /// How long what the observer buffered may wait, nanoseconds.
    private static let flushInterval: UInt64 = 200_000_000
    /// The least time between two looks at all deadlines, nanoseconds.
    private static let scanInterval: UInt64 = 5_000_000
    /// How long a draining loop waits for one more request of a connection that is new or was idle for less than this.
    static let lastRequestGrace: UInt64 = 1_000_000_000
    /// How long a connection of the reserve may take for its one request, nanoseconds: seats that silent clients hold
    /// are no use to a probe.
    static let reserveDeadline: UInt64 = 1_000_000_000
    private static let acceptsPerTurn = 64
    /// Connections that are looked at for one that is idle still, whenever room is needed.
    private static let evictionTries = 4

    init(
        index: Int, context: ServerContext, listeners: [Listener], poller: Poller, mailboxes: [Mailbox]
    ) {
        self.context = context
        self.poller = poller
        mailbox = mailboxes[index]
        neighbour = (mailboxes[(index + 1) % mailboxes.count], mailboxes.count - 1)
        acceptor = Acceptor(listeners: listeners)
        counters = context.status.makeLoopCounters()
        observer = context.makeObserver(index)
        buffer = .allocate(byteCount: 64 * 1024, alignment: 64)
        events = .allocate(capacity: 256)
        events.initialize(repeating: epoll_event())
        now = context.clock.monotonic()
        date.update(unixSeconds: context.clock.unixSeconds())
    }

    deinit {
        buffer.deallocate()
        events.deallocate()
    }

    /// Serves until the server has drained or is stopped.
    func run() {
        _ = poller.watchInput(mailbox.descriptor, token: Self.mailboxToken)
        _ = acceptor.watch(poller, token: Self.listenerToken)
        while !isStopped, !(isDraining && acceptor.isEnded && openCount == 0) {
            turn()
        }
        for connection in connections { connection?.close(on: self) }
        observer.flush()
        if !acceptor.isEnded { acceptor.end() }
        poller.close()
        mailbox.end()
        endTurn()
    }

    private func turn() {
        poller.wait(milliseconds: millisecondsToWait, into: events) { token, readiness in
            updateTime()
            switch token {
            case Self.mailboxToken: readMail()
            case Self.listenerToken: accept()
            default: connection(ConnectionID(token: token))?.ready(readiness, on: self)
            }
        }
        updateTime()
        if !queued.isEmpty {
            var turn: [Connection] = []
            swap(&turn, &queued)
            for connection in turn {
                connection.isQueued = false
                connection.advance(on: self)
            }
        }
        if nextScan <= now { scanDeadlines() }
        if acceptor.pausedUntil <= now { resumeAccepting() }
        if acceptor.closesAt <= now { endAccepting() }
        if flushAt <= now {
            flushAt = .max
            observer.flush()
        }
        if drainBegins <= now { beginDrain() }
        if drainEnds <= now { isStopped = true }
        if queued.isEmpty { endTurn() }
    }

    private func endTurn() {
        while let whenOver = turnEnds.popLast() { whenOver() }
    }

    private func updateTime() {
        now = context.clock.monotonic()
        date.update(unixSeconds: context.clock.unixSeconds())
    }

    /// Until the next thing that happens by itself, rounded up; −1 for never.
    private var millisecondsToWait: Int32 {
        if !queued.isEmpty { return 0 }
        let next = min(nextScan, flushAt, acceptor.pausedUntil, acceptor.closesAt, drainBegins, drainEnds)
        if next <= now { return 0 }
        if next == .max || !context.clock.isRunning { return -1 }
        return Int32(clamping: (next - now - 1) / 1_000_000 + 1)
    }

    // MARK: What connections ask for

    /// Gives a connection another turn after all others had theirs.
    func queue(_ connection: Connection) {
        guard !connection.isQueued else { return }
        connection.isQueued = true
        queued.append(connection)
    }

    /// Makes sure that deadlines are looked at then.
    func note(deadline: UInt64) {
        if deadline < nextScan { nextScan = deadline }
    }

    func nextRequestID() -> String { ids.next() }

    /// A request is over.
    func report(_ exchange: inout Exchange) {
        let end = context.clock.monotonic()
        exchange.record.duration = end > exchange.startedAt ? end - exchange.startedAt : 0
        counters.count(exchange.record)
        observer.record(exchange.record)
        if flushAt == .max { flushAt = now &+ Self.flushInterval }
    }

    /// A connection was ended for what its peer sent.
    func report(_ end: HTTPConnectionEnd) {
        context.status.count(end.fault)
        observer.record(end)
        if flushAt == .max { flushAt = now &+ Self.flushInterval }
    }

    /// Forgets a closed connection.
    ///
    /// Its slot's next one has another generation.
    func remove(_ connection: Connection) {
        let slot = Int(connection.id.slot)
        guard connections.indices.contains(slot), connections[slot] === connection else { return }
        idle.remove(slot)
        connections[slot] = nil
        generations[slot] &+= 1
        freeSlots.append(slot)
        openCount -= 1
        context.status.countClosed()
        // A seat and a descriptor are free: no need to wait for the pause to end.
        if acceptor.isPaused { acceptor.pausedUntil = now }
    }

    private func connection(_ id: ConnectionID) -> Connection? {
        let slot = Int(id.slot)
        guard connections.indices.contains(slot), generations[slot] == id.generation else { return nil }
        return connections[slot]
    }

    // MARK: Accepting

    private func accept(limit: Int = acceptsPerTurn) {
        let configuration = context.configuration
        let maximum = max(0, configuration.maxConnections)
        let seats = maximum + max(0, configuration.reservedConnections)
        for index in 0..<limit {
            if !context.status.takeSeat(of: seats) {
                // Another loop has the last seat and may only be looking whether anybody waits: the poller will ask again.
                if context.status.openConnections < seats { return }
                // Somebody waits where the poller has said so: at the first look.
                guard index == 0, makeRoom(), context.status.takeSeat(of: seats) else {
                    pauseAccepting()
                    return
                }
            }
            switch acceptor.accept() {
            case .accepted(let socket, let peer):
                acceptor.succeeded()
                context.status.countOpen()
                // Who made room has the seat, whatever other loops count meanwhile.
                add(socket, peer: peer, isReserved: context.status.isFull(configuration) && !makeRoom())
            case .none:
                context.status.leaveSeat()
                return
            case .exhausted:
                context.status.leaveSeat()
                pauseAccepting()
                return
            case .failed:
                context.status.leaveSeat()
                counters.countAcceptError()
                pauseAccepting()
                return
            }
        }
    }

    /// Evicts the connection that is idle longest; where none is here, has the other loops do so.
    ///
    /// `false` where no seat is free now. Idle clients may keep what seats they like until others need them: then the one
    /// that needs it least goes, and never one with a request in flight.
    private func makeRoom() -> Bool {
        if isDraining { return false }
        if let evicted = evictLongestIdle() { return !evicted.isOpenOrLingering }
        if neighbour.others > 0 { neighbour.mailbox.post(.evict(others: neighbour.others)) }
        return false
    }

    /// The connection that was evicted, which may linger.
    private func evictLongestIdle() -> Connection? {
        for _ in 0..<Self.evictionTries {
            guard let slot = idle.oldest, let connection = connections[slot] else { return nil }
            if connection.evict(on: self) { return connection }
        }
        return nil
    }

    private func add(_ socket: Socket, peer: String, isReserved: Bool) {
        let slot = freeSlots.popLast() ?? connections.count
        if slot == connections.count {
            connections.append(nil)
            generations.append(0)
        }
        let id = ConnectionID(slot: UInt32(truncatingIfNeeded: slot), generation: generations[slot])
        let connection = Connection(
            id: id, socket: socket, peer: peer, isReserved: isReserved, context: context)
        connections[slot] = connection
        openCount += 1
        counters.countAccept()
        if poller.watch(socket, token: id.token) {
            connection.begin(on: self)
            if isDraining { connection.beginDrain(on: self) }
        } else {
            connection.close(on: self)
        }
    }

    private func pauseAccepting() {
        if !acceptor.isPaused {
            counters.countAcceptPause()
            acceptor.unwatch(poller)
        }
        acceptor.pause(now: now)
    }

    private func resumeAccepting() {
        acceptor.resume()
        if !acceptor.watch(poller, token: Self.listenerToken) { acceptor.pause(now: now) }
    }

    private func endAccepting() {
        accept(limit: context.configuration.maxConnections)
        if !acceptor.isPaused { acceptor.unwatch(poller) }
        acceptor.end()
    }

    // MARK: Mail, deadlines, the end

    private func readMail() {
        mailbox.take(into: &inbox)
        for message in inbox {
            switch message {
            case .reply(let id, let stream, let response, let piece):
                connection(id)?.receive(response, piece, for: stream, on: self)
            case .piece(let id, let stream, let piece):
                connection(id)?.receive(piece, for: stream, on: self)
            case .evict(let others):
                guard context.status.isFull(context.configuration), !isDraining else { continue }
                if evictLongestIdle() == nil, others > 1 { neighbour.mailbox.post(.evict(others: others - 1)) }
            case .drain: drainBegins = now &+ context.deadlines.drainDelay
            case .stop: isStopped = true
            case .turn(let whenOver): turnEnds.append(whenOver)
            }
        }
        inbox.removeAll(keepingCapacity: true)
    }

    private func scanDeadlines() {
        var next = UInt64.max
        for case let connection? in connections {
            if connection.deadline <= now { connection.deadlinePassed(on: self) }
            if connection.isOpenOrLingering { next = min(next, connection.deadline) }
        }
        nextScan = next == .max ? .max : max(next, now &+ Self.scanInterval)
    }

    private func beginDrain() {
        drainBegins = .max
        guard !isDraining else { return }
        // Whoever waits in the backlog would be reset when the listener closes.
        acceptor.beginEnding(now: now)
        accept(limit: context.configuration.maxConnections)
        isDraining = true
        drainEnds = now &+ context.deadlines.drain
        lastRequestDeadline = now &+ Self.lastRequestGrace
        for connection in connections { connection?.beginDrain(on: self) }
    }
}
