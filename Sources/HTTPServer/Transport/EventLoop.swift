/// Serves the connections of its listeners on one thread, which does nothing else until the server stops.
///
/// Only that thread uses it; other threads send it messages (``Mailbox``). One turn: wait for events, serve connections that
/// became ready, then those that had yielded, check deadlines, flush the observer.
struct EventLoop: ~Copyable {
    /// An entry of the connection table.
    private struct Slot {
        /// The connection, allocated and freed by this loop; `nil` while the slot is free.
        var connection: UnsafeMutablePointer<Connection>?
        var socket: Socket
        /// The generation counter of ``ConnectionID``.
        var generation: UInt32 = 0
        /// Whether it is in ``queued``.
        var isQueued = false
        /// How many requests the connection had received when it was listed as idle; `nil` while it is not listed.
        var idleAfter: Int?
    }

    private var turn: Turn
    private let context: ServerContext
    private let poller: Poller
    private let mailbox: Mailbox
    /// The loop that is asked next to evict a connection, and how many other loops there are.
    private let neighbour: (mailbox: Mailbox, others: Int)
    private var acceptor: Acceptor
    private let counters: LoopCounters
    /// The read buffer of all connections, 64 KiB.
    private let buffer: UnsafeMutableRawBufferPointer
    private let events = Poller.Events(capacity: 256)

    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var openCount = 0
    /// Connections that yielded: they had more to do than one turn allows.
    private var queued: [ConnectionID] = []
    private var inbox: [LoopMessage] = []
    /// The connections that may be evicted.
    private var idle = EvictionOrder()

    private var nextScan = UInt64.max
    private var drainBegins = UInt64.max
    private var drainEnds = UInt64.max
    /// Callbacks for the end of this turn.
    private var turnEnds: [@Sendable () -> Void] = []
    private var isStopped = false

    private static let listenerToken = UInt64.max
    private static let mailboxToken = UInt64.max - 1
    /// The least time between two scans of all deadlines, nanoseconds.
    private static let scanInterval: UInt64 = 5_000_000
    private static let acceptsPerTurn = 64
    /// How many candidates are tried for one eviction: each may turn out to have received a request.
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
        turn = Turn(
            context: context, handler: context.makeHandler(index),
            executor: PoolExecutor(pool: context.pool, mailbox: mailboxes[index]),
            observer: context.makeObserver(index),
            counters: counters)
        buffer = .allocate(byteCount: 64 * 1024, alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// Serves until the server has drained or is stopped.
    mutating func run() {
        _ = poller.watchInput(mailbox.descriptor, token: Self.mailboxToken)
        _ = acceptor.watch(poller, token: Self.listenerToken)
        while !isStopped, !(turn.isDraining && acceptor.isEnded && openCount == 0) {
            runTurn()
        }
        for slot in slots.indices { fail(slot) }
        turn.flushObserver()
        if !acceptor.isEnded { acceptor.end() }
        poller.close()
        mailbox.end()
        endTurn()
    }

    private mutating func runTurn() {
        let count = poller.wait(milliseconds: millisecondsToWait, into: events)
        for index in 0..<count {
            turn.look()
            let (token, readiness) = events[index]
            switch token {
            case Self.mailboxToken: readMail()
            case Self.listenerToken: accept()
            default: becameReady(ConnectionID(token: token), readiness)
            }
        }
        if count == 0 { turn.look() }
        if !queued.isEmpty {
            var again: [ConnectionID] = []
            swap(&again, &queued)
            for id in again {
                guard let slot = slot(of: id) else { continue }
                slots[slot].isQueued = false
                serve(slot)
            }
        }
        if nextScan <= turn.now { scanDeadlines() }
        if acceptor.pausedUntil <= turn.now { resumeAccepting() }
        if acceptor.closesAt <= turn.now { endAccepting() }
        if turn.flushAt <= turn.now { turn.flushObserver() }
        if drainBegins <= turn.now { beginDrain() }
        if drainEnds <= turn.now { isStopped = true }
        if queued.isEmpty { endTurn() }
    }

    private mutating func endTurn() {
        while let whenOver = turnEnds.popLast() { whenOver() }
    }

    /// The time to the next deadline, rounded up; −1 for none.
    private var millisecondsToWait: Int32 {
        if !queued.isEmpty { return 0 }
        let next = min(nextScan, turn.flushAt, acceptor.pausedUntil, acceptor.closesAt, drainBegins, drainEnds)
        if next <= turn.now { return 0 }
        if next == .max || !context.clock.isRunning { return -1 }
        return Int32(clamping: (next - turn.now - 1) / 1_000_000 + 1)
    }

    // MARK: Connections

    /// The slot of a connection; `nil` where it has closed.
    private func slot(of id: ConnectionID) -> Int? {
        let slot = Int(id.slot)
        guard slots.indices.contains(slot), slots[slot].generation == id.generation, slots[slot].connection != nil
        else {
            return nil
        }
        return slot
    }

    private mutating func becameReady(_ id: ConnectionID, _ readiness: Poller.Readiness) {
        guard let slot = slot(of: id), let connection = slots[slot].connection else { return }
        if readiness.isBroken {
            fail(slot)
            return
        }
        connection.pointee.becameReady(
            isReadable: readiness.isReadable, isWritable: readiness.isWritable, isEnding: readiness.isEnding)
        serve(slot)
    }

    /// Gives a connection a turn.
    private mutating func serve(_ slot: Int) {
        guard let connection = slots[slot].connection else { return }
        connection.pointee.beginTurn(now: turn.now)
        carryOut(connection, slot)
    }

    /// Carries out a connection's steps until its turn ends.
    private mutating func carryOut(_ connection: UnsafeMutablePointer<Connection>, _ slot: Int) {
        let socket = slots[slot].socket
        while true {
            switch connection.pointee.next(&turn, unacknowledged: { socket.unacknowledged }) {
            case .read: read(connection, socket)
            case .readBody: readBody(connection, socket)
            case .write: write(connection, socket)
            case .discard(let count):
                switch socket.discard(count) {
                case .moved(let count) where count > 0: connection.pointee.didDiscard(count)
                case .wouldBlock: connection.pointee.didDiscard(nil)
                case .moved, .failed: connection.pointee.fail(&turn)
                }
            case .shutDownWriting:
                socket.shutDownWriting()
                idle.remove(slot)
            case .yield:
                park(connection, slot)
                queue(slot)
                return
            case .wait:
                park(connection, slot)
                return
            case .close(let isReset):
                if isReset { socket.resetOnClose() }
                socket.close()
                remove(slot)
                return
            }
        }
    }

    private mutating func read(_ connection: UnsafeMutablePointer<Connection>, _ socket: Socket) {
        guard let count = moved(by: socket.read(into: buffer), connection) else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count]).assumingMemoryBound(to: UInt8.self)
        connection.pointee.didRead(bytes.span, wasFull: count == buffer.count, &turn)
    }

    private mutating func readBody(_ connection: UnsafeMutablePointer<Connection>, _ socket: Socket) {
        var (outcome, size) = (Socket.Outcome.wouldBlock, 0)
        connection.pointee.withBodyRoom(turn) { room in
            size = room.count
            outcome = socket.read(into: room)
            return if case .moved(let count) = outcome { count } else { 0 }
        }
        guard let count = moved(by: outcome, connection) else { return }
        connection.pointee.didReadBody(wasFull: count == size, &turn)
    }

    /// How many bytes a read brought; `nil` where it brought none, which the connection is told.
    @inline(__always)
    private mutating func moved(by read: Socket.Outcome, _ connection: UnsafeMutablePointer<Connection>) -> Int? {
        switch read {
        case .moved(0): connection.pointee.didReadEnd(&turn)
        case .moved(let count): return count
        case .wouldBlock: connection.pointee.didReadNothing()
        case .failed: connection.pointee.fail(&turn)
        }
        return nil
    }

    private mutating func write(_ connection: UnsafeMutablePointer<Connection>, _ socket: Socket) {
        var offered = 0
        let outcome = connection.pointee.withOutput(turn) { segments in
            for segment in segments { offered += segment.count }
            return socket.write(segments)
        }
        switch outcome {
        case .moved(let count): connection.pointee.didWrite(count, of: offered, &turn)
        case .wouldBlock: connection.pointee.didWrite(nil, of: offered, &turn)
        case .failed: connection.pointee.fail(&turn)
        }
    }

    /// Ends a connection's turn: schedules its deadline, and lists it for eviction while it is idle.
    private mutating func park(_ connection: UnsafeMutablePointer<Connection>, _ slot: Int) {
        if connection.pointee.deadline < nextScan { nextScan = connection.pointee.deadline }
        if connection.pointee.isIdle, !connection.pointee.isReserved {
            let requests = connection.pointee.requests
            if slots[slot].idleAfter != requests { idle.append(slot) }
            slots[slot].idleAfter = requests
        } else if slots[slot].idleAfter != nil {
            idle.remove(slot)
            slots[slot].idleAfter = nil
        }
    }

    /// Schedules another turn for a connection, after those of all others.
    private mutating func queue(_ slot: Int) {
        guard !slots[slot].isQueued else { return }
        slots[slot].isQueued = true
        queued.append(ConnectionID(slot: UInt32(truncatingIfNeeded: slot), generation: slots[slot].generation))
    }

    /// Closes a connection at once.
    private mutating func fail(_ slot: Int) {
        guard let connection = slots[slot].connection else { return }
        connection.pointee.fail(&turn)
        carryOut(connection, slot)
    }

    /// Frees the slot of a closed connection.
    private mutating func remove(_ slot: Int) {
        guard let connection = slots[slot].connection else { return }
        idle.remove(slot)
        connection.deinitialize(count: 1)
        connection.deallocate()
        slots[slot].connection = nil
        slots[slot].generation &+= 1
        slots[slot].isQueued = false
        slots[slot].idleAfter = nil
        freeSlots.append(slot)
        openCount -= 1
        context.status.countClosed()
        // A seat and a descriptor are free: accepting can resume at once.
        if acceptor.isPaused { acceptor.pausedUntil = turn.now }
    }

    // MARK: Accepting

    private mutating func accept(limit: Int = acceptsPerTurn) {
        let configuration = context.configuration
        let maximum = max(0, configuration.maxConnections)
        let seats = maximum + max(0, configuration.reservedConnections)
        for index in 0..<limit {
            if !context.status.takeSeat(of: seats) {
                // Another loop may have reserved the last seat only to find an empty backlog: the level-triggered event
                // repeats.
                if context.status.openConnections < seats { return }
                // Only the first pass is certain that a client waits in the backlog.
                guard index == 0, makeRoom(), context.status.takeSeat(of: seats) else {
                    pauseAccepting()
                    return
                }
            }
            switch acceptor.accept() {
            case .accepted(let socket, let peer):
                acceptor.succeeded()
                context.status.countOpen()
                // After an eviction by this loop the connection is an ordinary one, whatever other loops count meanwhile.
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

    /// Evicts this loop's least recently used idle connection, or where it has none asks the other loops to.
    ///
    /// Connections with a request in flight are never evicted.
    ///
    /// - Returns: whether a seat is free now.
    private mutating func makeRoom() -> Bool {
        if turn.isDraining { return false }
        if let isFree = evictLongestIdle() { return isFree }
        if neighbour.others > 0 { neighbour.mailbox.post(.evict(others: neighbour.others)) }
        return false
    }

    /// Evicts the least recently used idle connection: whether its seat is free at once; `nil` where there is none.
    private mutating func evictLongestIdle() -> Bool? {
        for _ in 0..<Self.evictionTries {
            guard let slot = idle.oldest else { return nil }
            if let isFree = evict(slot) { return isFree }
        }
        return nil
    }

    /// Ends an idle connection as its idle deadline would, unless it turns out to have received a request.
    ///
    /// Where the peer has its last reply the connection closes at once, without lingering.
    ///
    /// - Returns: whether the seat is free; `nil` where the connection is not idle after all.
    private mutating func evict(_ slot: Int) -> Bool? {
        guard let connection = slots[slot].connection else { return nil }
        let socket = slots[slot].socket
        let requests = connection.pointee.requests
        connection.pointee.assumeReadable()
        serve(slot)
        guard slots[slot].connection != nil else { return true }
        guard connection.pointee.isOpen else { return false }
        guard connection.pointee.requests == requests, connection.pointee.isIdle else { return nil }
        let isDelivered = connection.pointee.isDelivered(turn) { socket.unacknowledged }
        connection.pointee.timeOut()
        serve(slot)
        if isDelivered { fail(slot) }
        return slots[slot].connection == nil
    }

    private mutating func add(_ socket: Socket, peer: String, isReserved: Bool) {
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(Slot(socket: socket)) }
        slots[slot].socket = socket
        let id = ConnectionID(slot: UInt32(truncatingIfNeeded: slot), generation: slots[slot].generation)
        let connection = UnsafeMutablePointer<Connection>.allocate(capacity: 1)
        connection.initialize(to: Connection(id: id, peer: peer, isReserved: isReserved, turn))
        slots[slot].connection = connection
        openCount += 1
        counters.countAccept()
        guard poller.watch(socket, token: id.token) else {
            fail(slot)
            return
        }
        serve(slot)
        if turn.isDraining { drain(slot) }
    }

    private mutating func pauseAccepting() {
        if !acceptor.isPaused {
            counters.countAcceptPause()
            acceptor.unwatch(poller)
        }
        acceptor.pause(now: turn.now)
    }

    private mutating func resumeAccepting() {
        acceptor.resume()
        if !acceptor.watch(poller, token: Self.listenerToken) { acceptor.pause(now: turn.now) }
    }

    private mutating func endAccepting() {
        accept(limit: context.configuration.maxConnections)
        if !acceptor.isPaused { acceptor.unwatch(poller) }
        acceptor.end()
    }

    // MARK: Mail, deadlines, the end

    private mutating func readMail() {
        var messages: [LoopMessage] = []
        swap(&messages, &inbox)
        mailbox.take(into: &messages)
        for message in messages {
            switch message {
            case .reply(let id, let stream, let response, let piece):
                guard let slot = slot(of: id), let connection = slots[slot].connection else { continue }
                connection.pointee.beginTurn(now: turn.now)
                connection.pointee.receive(response, piece, for: stream, &turn)
                carryOut(connection, slot)
            case .piece(let id, let stream, let piece):
                guard let slot = slot(of: id), let connection = slots[slot].connection else { continue }
                connection.pointee.beginTurn(now: turn.now)
                connection.pointee.receive(piece, for: stream, &turn)
                carryOut(connection, slot)
            case .evict(let others):
                guard context.status.isFull(context.configuration), !turn.isDraining else { continue }
                if evictLongestIdle() == nil, others > 1 { neighbour.mailbox.post(.evict(others: others - 1)) }
            case .drain: drainBegins = turn.now &+ context.deadlines.drainDelay
            case .stop: isStopped = true
            case .turn(let whenOver): turnEnds.append(whenOver)
            }
        }
        messages.removeAll(keepingCapacity: true)
        swap(&messages, &inbox)
    }

    private mutating func scanDeadlines() {
        // Parking a connection lowers this to its deadline.
        nextScan = .max
        var next = UInt64.max
        for slot in slots.indices {
            guard let connection = slots[slot].connection else { continue }
            if connection.pointee.deadline <= turn.now {
                let socket = slots[slot].socket
                connection.pointee.beginTurn(now: turn.now)
                connection.pointee.deadlinePassed(&turn) { socket.unacknowledged }
                carryOut(connection, slot)
            }
            if let connection = slots[slot].connection { next = min(next, connection.pointee.deadline) }
        }
        nextScan = next == .max ? .max : max(next, turn.now &+ Self.scanInterval)
    }

    private mutating func beginDrain() {
        drainBegins = .max
        guard !turn.isDraining else { return }
        // Closing the listener would reset the connections in its backlog.
        acceptor.beginEnding(now: turn.now)
        accept(limit: context.configuration.maxConnections)
        turn.isDraining = true
        drainEnds = turn.now &+ context.deadlines.drain
        turn.lastRequestDeadline = turn.now &+ Connection.lastRequestGrace
        for slot in slots.indices { drain(slot) }
    }

    /// Begins a connection's graceful close.
    private mutating func drain(_ slot: Int) {
        // Requests that have arrived by now were sent before the client could know of the drain.
        slots[slot].connection?.pointee.assumeReadable()
        serve(slot)
        slots[slot].connection?.pointee.beginDrain(turn)
        serve(slot)
    }
}
