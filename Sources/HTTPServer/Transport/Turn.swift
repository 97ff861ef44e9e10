/// What an event loop lends a connection for one turn: the time, the handler, the output buffer and the observer.
///
/// There is one per loop. The time is that of the loop's last ``look()``, the same for a whole turn.
struct Turn: ~Copyable {
    let context: ServerContext
    /// Those of the configuration, in reach without a reference to be counted.
    let limits: HTTPLimits
    let handler: any HTTPHandler
    /// Runs deferred work, whose result comes back as a ``LoopMessage``.
    let executor: any WorkExecutor
    private let observer: any HTTPObserver
    private let counters: LoopCounters
    /// Whether request heads are copied for the observer.
    private let isObserving: Bool

    /// The clock's last reading, nanoseconds.
    private(set) var now: UInt64 = 0
    private(set) var date: HTTPDate
    private var ids: RequestIDs
    /// The output of the connection whose turn it is, before it is offered to the socket.
    var writer = ReplyWriter()
    /// Whether the server is draining.
    var isDraining = false
    /// While draining, the deadline for one more request of a connection that may have sent one.
    var lastRequestDeadline = UInt64.max
    /// When the observer is to be flushed.
    var flushAt = UInt64.max
    /// Storage of reported heads, for reuse.
    private var spareHeads: [KeptHead] = []
    /// When to read the calendar clock again.
    private var dateExpiresAt: UInt64 = 0

    /// How long the observer may buffer a record, nanoseconds.
    private static let flushInterval: UInt64 = 200_000_000
    private static let mostSpareHeads = 64
    private static let dateInterval: UInt64 = 10_000_000
    /// Storage above this is not kept, bytes.
    private static let largestSpareHead = 4096

    init(
        context: ServerContext, handler: any HTTPHandler, executor: any WorkExecutor, observer: any HTTPObserver,
        counters: LoopCounters, seed: UInt64 = .random(in: .min ... .max)
    ) {
        self.context = context
        limits = context.configuration.limits
        self.handler = handler
        self.executor = executor
        self.observer = observer
        self.counters = counters
        isObserving = observer.isObserving
        ids = RequestIDs(seed: seed)
        date = HTTPDate(unixSeconds: 0)
        look()
    }

    /// Reads the clock.
    mutating func look() {
        now = context.clock.monotonic()
        // A date has a resolution of one second: it may be some milliseconds late.
        guard now >= dateExpiresAt else { return }
        dateExpiresAt = now &+ Self.dateInterval
        date.update(unixSeconds: context.clock.unixSeconds())
    }

    mutating func nextRequestID() -> RequestID { ids.next() }

    /// A copy of a head, where an observer records it.
    @inline(__always)
    mutating func keep(_ head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>) -> KeptHead? {
        isObserving ? copy(head, bytes) : nil
    }

    /// A copy of a head, in reused storage where there is any.
    mutating func copy(_ head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>) -> KeptHead {
        let kept = spareHeads.popLast() ?? KeptHead()
        kept.head = copy head
        kept.bytes.append(bytes)
        return kept
    }

    /// The head of a stored request, whose storage is shared with it, where an observer records it or the request is refused.
    mutating func keep(_ head: borrowing RequestHead, stored bytes: [UInt8]) -> KeptHead {
        let kept = spareHeads.popLast() ?? KeptHead()
        kept.head = copy head
        kept.bytes = bytes
        return kept
    }

    /// Counts and records a request that is complete or cancelled.
    mutating func report(_ exchange: consuming Exchange, peer: String, isComplete: Bool) {
        counters.count(exchange, isComplete: isComplete)
        guard let kept = exchange.kept else { return }
        if isObserving {
            let end = context.clock.monotonic()
            let (head, bytes) = (kept.head, kept.bytes)
            let client = context.configuration.trustedProxies.client(peer: peer, head, bytes.span)
            observer.record(
                HTTPAccessRecord(
                    exchange, head, bytes.span, duration: end > exchange.startedAt ? end - exchange.startedAt : 0,
                    peer: peer, client: client, isComplete: isComplete))
            if flushAt == .max { flushAt = now &+ Self.flushInterval }
        }
        guard spareHeads.count < Self.mostSpareHeads, kept.bytes.capacity <= Self.largestSpareHead else { return }
        kept.bytes.removeAll(keepingCapacity: true)
        spareHeads.append(kept)
    }

    /// Counts and records a connection that was ended because of what its peer sent.
    mutating func report(_ end: HTTPConnectionEnd) {
        context.status.count(end.fault)
        observer.record(end)
        if flushAt == .max { flushAt = now &+ Self.flushInterval }
    }

    /// Has the observer write out what it has buffered.
    mutating func flushObserver() {
        flushAt = .max
        observer.flush()
    }
}

/// Runs deferred work off the event loops.
protocol WorkExecutor: Sendable {
    /// Queues work, whose result is sent to the connection's loop; `nil` where the work found itself cancelled.
    func submit(_ work: @escaping @Sendable () -> LoopMessage?) -> any WorkJob
}

/// Work that was queued.
protocol WorkJob: AnyObject, Sendable {
    /// Cancels the work where it has not begun, and frees what it captures.
    ///
    /// - Parameter whenOver: called once the work has ended or is certain not to run: at once, or by the thread that runs it.
    func discard(whenOver: @escaping @Sendable () -> Void)
}

/// The compute pool, whose results go to a loop's mailbox.
struct PoolExecutor: WorkExecutor {
    let pool: ComputePool
    let mailbox: Mailbox

    func submit(_ work: @escaping @Sendable () -> LoopMessage?) -> any WorkJob {
        pool.submit { [mailbox] in if let message = work() { mailbox.post(message) } }
    }
}
