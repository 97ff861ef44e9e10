/// Names one connection of one loop.
///
/// A slot is used again, a generation is not: what is meant for a connection that is gone finds nobody.
struct ConnectionID: Sendable, Hashable {
    var slot: UInt32
    var generation: UInt32

    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// As one number, for the poller.
    var token: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    init(token: UInt64) {
        slot = UInt32(truncatingIfNeeded: token)
        generation = UInt32(truncatingIfNeeded: token >> 32)
    }
}

/// One client's connection: drives its session, moves bytes between session and socket, holds the peer to deadlines.
///
/// Confined to its loop. What becomes ready (input, room for output, a job's result) sets a flag or goes to the
/// session; then ``advance(on:)`` does all that has become possible. Reading and writing are in
/// `Connection+IO.swift`, requests and replies in `Connection+Exchanges.swift`.
final class Connection {
    /// Where the connection is in its life.
    enum Stage {
        /// Requests are served.
        case open
        /// The last reply is written and the direction shut down; input is dropped for a while.
        case lingering(until: UInt64, bytes: Int)
        /// The descriptor is given back.
        case closed
    }

    let id: ConnectionID
    let socket: Socket
    let peer: String
    /// Came over the connection limit: one request, probes only.
    private(set) var isReserved: Bool

    var stage = Stage.open
    var session: ConnectionSession
    var exchanges: [Exchange] = []
    /// Requests that came so far.
    var requests = 0
    /// Bytes the socket took so far.
    var written: UInt64 = 0

    /// There may be something to read.
    ///
    /// The poller tells once; it stays true until a read found the end of it.
    var isReadable = false
    /// The socket may take more.
    ///
    /// Stays true until it did not.
    var isWritable = true
    /// The peer will send no more than what can be read now.
    var isEnding = false
    /// Waits for its next turn on the loop's list.
    var isQueued = false
    /// Serves one more request, if it comes soon, then drains: the loop is draining and the connection is idle, but new
    /// or so lately used that a request may be on its way.
    var drainsAfterNext = false

    /// The earliest of all deadlines, for the loop.
    private(set) var deadline = UInt64.max
    private var phaseDeadline = PhaseDeadline()
    private var phaseEnds = UInt64.max
    /// By when a connection of the reserve has to have sent its request.
    private var reserveEnds = UInt64.max
    private var hasTimedOut = false
    /// Until when the peer has to take output that waits for it.
    ///
    /// Progress is what the peer's kernel acknowledged, not what this side's kernel buffered: a steady slow reader of a
    /// large socket buffer makes room for a next write only every few seconds, and is not stuck.
    private var writeDeadline = ProgressDeadline()
    /// How many requests had come when the loop was told that the connection is idle; `nil` while it is not.
    private var idleAfter: Int?
    /// Bytes of unfinished bodies held against the server's memory for them.
    private var countedBodies = 0

    init(id: ConnectionID, socket: Socket, peer: String, isReserved: Bool, context: ServerContext) {
        self.id = id
        self.socket = socket
        self.peer = peer
        self.isReserved = isReserved
        session = ConnectionSession(
            limits: context.configuration.limits, deadlines: context.deadlines,
            takesBody: isReserved ? context.takesBodyOnReserve : context.takesBody)
    }

    /// Whether requests are still served.
    var isOpen: Bool {
        if case .open = stage { true } else { false }
    }

    /// Whether the descriptor is still held.
    var isOpenOrLingering: Bool {
        if case .closed = stage { false } else { true }
    }

    /// Just accepted: holds the peer to its first deadline.
    func begin(on loop: EventLoop) {
        if isReserved { reserveEnds = loop.now &+ EventLoop.reserveDeadline }
        settle(on: loop)
    }

    /// The poller saw something.
    func ready(_ readiness: Poller.Readiness, on loop: EventLoop) {
        if readiness.isBroken {
            close(on: loop)
            return
        }
        if readiness.isEnding { isEnding = true }
        if readiness.isReadable { isReadable = true }
        if readiness.isWritable { isWritable = true }
        advance(on: loop)
    }

    /// Does all that is possible now, within bounds that keep one busy connection from holding up the others.
    func advance(on loop: EventLoop) {
        if case .lingering = stage { dropInput(on: loop) }
        guard isOpen else { return }
        session.tick(loop.now)
        var budget = 64
        var isMore = true
        while isMore, budget > 0 {
            if isReadable, session.wantsInput {
                budget -= 8
                read(on: loop)
                guard isOpen else { return }
            }
            let isAnswered = takeEvents(&budget, on: loop)
            askForPieces(on: loop)
            flush(on: loop)
            guard isOpen else { return }
            isMore = (isReadable && session.wantsInput) || ((!isAnswered || session.hasEvent) && isWritable)
        }
        if isMore { loop.queue(self) }
        settle(on: loop)
    }

    /// A deadline noted in ``deadline`` may have passed.
    func deadlinePassed(on loop: EventLoop) {
        switch stage {
        case .closed: return
        case .lingering(let until, _):
            if until <= loop.now { close(on: loop) }
            return
        case .open: break
        }
        noteDelivered(on: loop)
        if writeDeadline.at <= loop.now {
            close(on: loop)
            return
        }
        expireWork(on: loop)
        guard isOpen else { return }
        if phaseEnds <= loop.now {
            // A session that stays in a phase it has been told is over is given up.
            if hasTimedOut {
                close(on: loop)
                return
            }
            hasTimedOut = true
            session.tick(loop.now)
            session.timeOut()
        }
        advance(on: loop)
    }

    /// Ends an idle connection to make room for another, as its idle deadline would.
    ///
    /// What has arrived by now is served instead. Where the peer's kernel has acknowledged the last reply, or that reply is
    /// older than a lingering close would wait, there is nothing to linger for and the seat is free at once; elsewhere it
    /// is a little later. `false` where the connection is not idle after all.
    func evict(on loop: EventLoop) -> Bool {
        let before = requests
        isReadable = true
        advance(on: loop)
        guard isOpen else { return true }
        guard requests == before, isIdle else { return false }
        let hasHadTime = phaseDeadline.since &+ loop.context.deadlines.linger <= loop.now
        let isDelivered = hasHadTime || socket.unacknowledged == 0
        session.timeOut()
        advance(on: loop)
        if isDelivered, isOpenOrLingering { close(on: loop) }
        return true
    }

    /// Whether the peer is waited for and owed nothing.
    private var isIdle: Bool {
        isOpen && session.phase == .idle && session.outputCount == 0 && exchanges.isEmpty
    }

    /// Has the loop know whether the connection may be evicted, and since when it is idle.
    private func noteIdleness(on loop: EventLoop) {
        if isIdle, !isReserved {
            if idleAfter != requests { loop.idle.append(Int(id.slot)) }
            idleAfter = requests
        } else if idleAfter != nil {
            loop.idle.remove(Int(id.slot))
            idleAfter = nil
        }
    }

    /// A connection of the reserve that has not said anything yet becomes an ordinary one, where a seat has become free.
    func leaveReserve(on loop: EventLoop) {
        let context = loop.context
        guard requests == 0, session.phase == .idle, !context.status.isFull(context.configuration) else { return }
        isReserved = false
        reserveEnds = .max
        session = ConnectionSession(
            limits: context.configuration.limits, deadlines: context.deadlines, takesBody: context.takesBody)
        session.tick(loop.now)
    }

    /// The loop stops taking requests: finish what is in flight.
    func beginDrain(on loop: EventLoop) {
        guard isOpen else { return }
        // What has arrived by now was sent before the client could know.
        isReadable = true
        advance(on: loop)
        guard isOpen else { return }
        // A client that has just been answered, or reads a reply whose head let it send more, may be sending its next
        // request, which closing now would lose; HTTP/2 has a drain of its own for that.
        let isRecent = requests == 0 || phaseDeadline.since &+ EventLoop.lastRequestGrace > loop.now
        let hasBegun = exchanges.contains { $0.record.status != 0 }
        if hasBegun || (isRecent && session.phase == .idle), session.version != .http2 {
            drainsAfterNext = true
        } else {
            session.drain()
        }
        advance(on: loop)
    }

    /// Ends the connection at once; unfinished requests are cancelled.
    func close(on loop: EventLoop) {
        if case .closed = stage { return }
        stage = .closed
        // A reply cut short must not look like a whole one to a client that takes the end for its end (HTTP/1.0), and
        // what the kernel still holds of it is of no use to anyone.
        if exchanges.contains(where: { $0.record.status != 0 }) { socket.resetOnClose() }
        abandonExchanges(on: loop)
        if let fault = session.fault {
            loop.report(HTTPConnectionEnd(fault: fault, peer: peer, requests: requests))
        }
        loop.context.status.releaseBodies(countedBodies)
        countedBodies = 0
        socket.close()
        loop.remove(self)
    }

    /// Looks at where the session is: over, or held to which deadline.
    private func settle(on loop: EventLoop) {
        if session.isFinished, session.outputCount == 0 {
            if written == 0 {
                close(on: loop)
            } else {
                beginLinger(on: loop)
            }
            return
        }
        countBodies(on: loop)
        noteIdleness(on: loop)
        let phase = session.phase
        var ends = phaseDeadline.update(phase, requests: requests, now: loop.now, limits: loop.context.deadlines)
        if drainsAfterNext, phase == .idle {
            let grace = phaseDeadline.since &+ EventLoop.lastRequestGrace
            ends = min(ends, max(loop.lastRequestDeadline, grace))
        }
        if requests == 0 { ends = min(ends, reserveEnds) }
        if ends != phaseEnds { hasTimedOut = false }
        phaseEnds = ends
        noteDelivered(on: loop)
        var next = min(phaseEnds, writeDeadline.at, workDeadline)
        if writeDeadline.at != .max {
            // Nobody tells when the peer acknowledges: looking now and then dates its last progress.
            next = min(next, loop.now &+ loop.context.deadlines.write / 8)
        }
        setDeadline(next, on: loop)
    }

    /// Credits the peer with what it has taken of the output that waits for it.
    private func noteDelivered(on loop: EventLoop) {
        let limits = loop.context.deadlines
        guard session.outputCount > 0 else {
            writeDeadline.clear()
            return
        }
        guard !isWritable || writeDeadline.at != .max else { return }
        let delivered = written &- UInt64(socket.unacknowledged)
        if writeDeadline.at == .max {
            writeDeadline.start(progress: delivered, now: loop.now, span: limits.write)
        } else {
            writeDeadline.update(progress: delivered, now: loop.now, span: limits.write, rate: limits.rate)
        }
    }

    /// Holds what the session keeps of unfinished bodies against the server's memory for them; where it does not fit,
    /// the request that holds most is refused.
    ///
    /// The first 64 KiB are free: they are bounded by the number of connections, and small requests are served on.
    func countBodies(on loop: EventLoop) {
        let counted = max(0, session.bodyBytes - 64 * 1024)
        guard counted != countedBodies else { return }
        let status = loop.context.status
        if counted < countedBodies {
            status.releaseBodies(countedBodies - counted)
            countedBodies = counted
        } else if status.takeBodies(counted - countedBodies, limit: loop.context.configuration.bodyMemory) {
            countedBodies = counted
        } else {
            session.refuseLargestBody(unavailable("The memory for request bodies is full.", on: loop))
            loop.queue(self)
        }
    }

    private func beginLinger(on loop: EventLoop) {
        loop.context.status.releaseBodies(countedBodies)
        countedBodies = 0
        abandonExchanges(on: loop)
        loop.idle.remove(Int(id.slot))
        socket.shutDownWriting()
        let until = loop.now &+ loop.context.deadlines.linger
        stage = .lingering(until: until, bytes: max(0, loop.context.configuration.lingerBytes))
        setDeadline(until, on: loop)
        isReadable = true
        dropInput(on: loop)
    }

    private func setDeadline(_ deadline: UInt64, on loop: EventLoop) {
        self.deadline = deadline
        loop.note(deadline: deadline)
    }
}
