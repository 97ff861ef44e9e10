/// What a connection is lent for one turn of its event loop: the time, the handler, room for replies, and whom to tell.
///
/// There is one per loop. It has no socket and no clock: what it says of the time is what the loop last told it.
struct Turn: ~Copyable {
    let context: ServerContext
    let handler: any HTTPHandler
    /// Has the compute pool run work for a request, whose result comes back as a ``LoopMessage``.
    let executor: any WorkExecutor
    private let observer: any HTTPObserver
    private let counters: LoopCounters
    /// Whether the heads of requests are kept until they are over.
    private let isObserving: Bool

    /// The time of the last look at the clock, nanoseconds.
    private(set) var now: UInt64 = 0
    private(set) var date: HTTPDate
    private var ids: RequestIDs
    /// Replies that are made and not offered to the socket yet, of the connection whose turn it is.
    var writer = ReplyWriter()
    /// The loop takes no new requests.
    var isDraining = false
    /// While draining: when connections are closed that could have sent one more request.
    var lastRequestDeadline = UInt64.max
    /// When what the observer buffered is to be written out.
    var flushAt = UInt64.max
    /// Storage of heads that were told of, for the next ones.
    private var spareHeads: [[UInt8]] = []

    /// How long what the observer buffered may wait, nanoseconds.
    private static let flushInterval: UInt64 = 200_000_000
    private static let mostSpareHeads = 64
    /// Storage above this is not kept, bytes.
    private static let largestSpareHead = 4096

    init(
        context: ServerContext, handler: any HTTPHandler, executor: any WorkExecutor, observer: any HTTPObserver,
        counters: LoopCounters, seed: UInt64 = .random(in: .min ... .max)
    ) {
        self.context = context
        self.handler = handler
        self.executor = executor
        self.observer = observer
        self.counters = counters
        isObserving = observer.isObserving
        ids = RequestIDs(seed: seed)
        date = HTTPDate(unixSeconds: 0)
        look()
    }

    /// Looks at the clock.
    mutating func look() {
        now = context.clock.monotonic()
        date.update(unixSeconds: context.clock.unixSeconds())
    }

    mutating func nextRequestID() -> RequestID { ids.next() }

    /// A copy of a head's bytes, where somebody will look at them.
    mutating func keep(_ bytes: borrowing Span<UInt8>) -> [UInt8] {
        isObserving ? copy(bytes) : []
    }

    /// A copy of a head's bytes, in storage that was used before where there is some.
    mutating func copy(_ bytes: borrowing Span<UInt8>) -> [UInt8] {
        var storage = spareHeads.popLast() ?? []
        storage.append(bytes)
        return storage
    }

    /// A request is over.
    mutating func report(_ exchange: consuming Exchange, peer: String, isComplete: Bool) {
        counters.count(exchange, isComplete: isComplete)
        guard isObserving else { return }
        let end = context.clock.monotonic()
        let client = context.configuration.trustedProxies.client(peer: peer, exchange.head, exchange.bytes.span)
        observer.record(
            HTTPAccessRecord(
                exchange, exchange.bytes.span, duration: end > exchange.startedAt ? end - exchange.startedAt : 0,
                peer: peer, client: client, isComplete: isComplete))
        if flushAt == .max { flushAt = now &+ Self.flushInterval }
        guard spareHeads.count < Self.mostSpareHeads, exchange.bytes.capacity <= Self.largestSpareHead else { return }
        exchange.bytes.removeAll(keepingCapacity: true)
        spareHeads.append(exchange.bytes)
    }

    /// A connection was ended for what its peer sent.
    mutating func report(_ end: HTTPConnectionEnd) {
        context.status.count(end.fault)
        observer.record(end)
        if flushAt == .max { flushAt = now &+ Self.flushInterval }
    }

    /// Has the observer write out what it buffered.
    mutating func flushObserver() {
        flushAt = .max
        observer.flush()
    }
}

/// Runs work of requests beside the loops.
protocol WorkExecutor: Sendable {
    /// Queues work, whose result comes back to the connection as a message; `nil` where the work found nobody waiting.
    func submit(_ work: @escaping @Sendable () -> LoopMessage?) -> any WorkJob
}

/// Work that was queued.
protocol WorkJob: AnyObject, Sendable {
    /// Forgets the work where it has not begun, and frees at once what it holds on to.
    ///
    /// - Parameter whenOver: called once the work will not run, or runs no more: at once, or by the thread that runs it.
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
