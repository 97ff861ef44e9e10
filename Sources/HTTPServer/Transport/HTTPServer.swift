package import Dispatch

/// An HTTP server: one event loop per processor, each with a handler, and a compute pool beside them.
///
/// Each loop is one long block on a dispatch queue of its own. It ends by ``beginDrain()`` or ``stopNow()``; signals
/// are left to the program.
public final class HTTPServer: Sendable {
    private struct State: Sendable {
        var mailboxes: [Mailbox] = []
        /// The addresses that are bound.
        var addresses: [Address] = []
        var warnings: [String] = []
        var isStarted = false
        /// The last request to stop, which may come before the start: a signal can be early.
        var ending: LoopMessage?
    }

    private let context: ServerContext
    private let state = Locked(State())
    private let running = DispatchGroup()

    /// A server that does not listen yet.
    ///
    /// - Parameters:
    ///   - configuration: addresses, limits and deadlines.
    ///   - status: updated by the server, read by the handler for probes and metrics.
    ///   - makeHandler: makes a loop's handler, on that loop's thread.
    ///   - makeObserver: makes a loop's observer, on that loop's thread.
    public convenience init(
        configuration: HTTPServerConfiguration, status: HTTPServerStatus = HTTPServerStatus(),
        makeHandler: @escaping @Sendable (_ loop: Int) -> any HTTPHandler,
        makeObserver: @escaping @Sendable (_ loop: Int) -> any HTTPObserver = { _ in IgnoringObserver() }
    ) {
        self.init(
            configuration: configuration, status: status, makeHandler: makeHandler, clock: .system,
            makeObserver: makeObserver)
    }

    /// A server with that compute pool, which its handlers may use too, and that clock.
    package init(
        configuration: HTTPServerConfiguration, status: HTTPServerStatus = HTTPServerStatus(),
        makeHandler: @escaping @Sendable (_ loop: Int) -> any HTTPHandler, pool: ComputePool? = nil,
        clock: TransportClock = .system,
        makeObserver: @escaping @Sendable (_ loop: Int) -> any HTTPObserver = { _ in IgnoringObserver() }
    ) {
        context = ServerContext(
            configuration: configuration, makeHandler: makeHandler, status: status,
            pool: pool ?? ComputePool(threads: configuration.computeThreads, priority: configuration.computePriority),
            clock: clock, makeObserver: makeObserver)
    }

    /// The server's state and counters.
    public var status: HTTPServerStatus { context.status }

    /// The bound addresses, `192.0.2.1:8080`, `[2001:db8::1]:8080` or `unix:/run/a.sock`; none before ``start()``.
    public var boundAddresses: [String] { state.withLock { $0.addresses.map(\.text) } }

    /// Warnings for the operator after a successful start, a sentence each.
    public var warnings: [String] { state.withLock { $0.warnings } }

    /// Binds all listeners, then serves, and returns.
    ///
    /// Raises the soft limit of descriptors as far as needed and allowed. Once per server.
    ///
    /// - Throws: ``HTTPServerError`` where the address cannot be resolved or bound, or the system has no descriptors.
    public func start() throws(HTTPServerError) {
        let configuration = context.configuration
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            return !state.isStarted
        }
        guard isFirst else {
            throw HTTPServerError(operation: "start", subject: "the server", reason: "it was started before")
        }
        let warning = raiseDescriptorLimit()
        let count = max(1, min(64, configuration.loops))
        let listeners =
            configuration.inheritedSockets.isEmpty
            ? try Listener.listen(
                host: configuration.host, port: configuration.port, loops: count, backlog: configuration.backlog)
            : try Listener.inherit(configuration.inheritedSockets, loops: count)
        var pollers: [Poller] = []
        var mailboxes: [Mailbox] = []
        do throws(HTTPServerError) {
            for _ in listeners {
                pollers.append(try Poller())
                mailboxes.append(try Mailbox())
            }
        } catch {
            listeners.joined().forEach { $0.close() }
            pollers.forEach { $0.close() }
            throw error
        }
        let ending = state.withLock { [mailboxes] state in
            state.mailboxes = mailboxes
            state.addresses = listeners[0].map(\.address)
            state.warnings = warning.map { [$0] } ?? []
            return state.ending
        }
        if let ending { mailboxes.forEach { $0.post(ending) } }
        for (index, listeners) in listeners.enumerated() {
            let (poller, mailboxes, context) = (pollers[index], mailboxes, context)
            DispatchQueue(label: "loop-\(index)").async(group: running) {
                var loop = EventLoop(
                    index: index, context: context, listeners: listeners, poller: poller, mailboxes: mailboxes)
                loop.run()
            }
        }
    }

    /// Stops gracefully.
    ///
    /// ``HTTPServerStatus/isDraining`` at once; after the configured delay no more connections are
    /// accepted, idle ones are closed and requests in flight are finished.
    ///
    /// Returns at once; further calls have no effect.
    public func beginDrain() {
        context.status.setDraining()
        let mailboxes = state.withLock { state in
            guard case nil = state.ending else { return [Mailbox]() }
            state.ending = .drain
            return state.mailboxes
        }
        mailboxes.forEach { $0.post(.drain) }
    }

    /// Closes every connection without draining, and ends the loops.
    public func stopNow() {
        context.status.setDraining()
        let mailboxes = state.withLock { state in
            state.ending = .stop
            return state.mailboxes
        }
        mailboxes.forEach { $0.post(.stop) }
    }

    /// Blocks until all loops have ended.
    ///
    /// Not to be called on a loop or in a handler.
    public func waitUntilStopped() { running.wait() }

    /// ``waitUntilStopped()`` for at most that long; whether all loops have ended.
    package func waitUntilStopped(within time: DispatchTimeInterval) -> Bool {
        running.wait(timeout: .now() + time) == .success
    }

    /// Has every loop read the clock and carry out what is due, for tests that move the clock by hand.
    ///
    /// Returns whether all loops did so within that time.
    package func runTurn(within time: DispatchTimeInterval) -> Bool {
        let turns = DispatchGroup()
        for mailbox in state.withLock({ $0.mailboxes }) {
            turns.enter()
            mailbox.post(.turn { turns.leave() })
        }
        return turns.wait(timeout: .now() + time) == .success
    }

    /// Raises the soft limit of descriptors to what the limits on connections need; warns where that is not allowed.
    private func raiseDescriptorLimit() -> String? {
        let configuration = context.configuration
        let connections = max(0, configuration.maxConnections) + max(0, configuration.reservedConnections)
        // Beside the connections: listeners, pollers and mailboxes, the standard three, files the service opens.
        let needed = connections + 256
        return DescriptorLimit.raise(to: needed).map { limit in
            "\(connections) connections need \(needed) open files, this process may have \(limit) "
                + "(ulimit -n): past it accepting pauses"
        }
    }
}
