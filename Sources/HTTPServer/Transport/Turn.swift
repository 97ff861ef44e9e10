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
    private var spareHeads: [KeptHead] = []
    /// When to look at the date again.
    private var dateLooksAt: UInt64 = 0

    /// How long what the observer buffered may wait, nanoseconds.
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
        // A date has seconds: some milliseconds late is soon enough.
        guard now >= dateLooksAt else { return }
        dateLooksAt = now &+ Self.dateInterval
        date.update(unixSeconds: context.clock.unixSeconds())
    }

    mutating func nextRequestID() -> RequestID { ids.next() }

    /// A copy of a head, where somebody will look at it.
    mutating func keep(_ head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>) -> KeptHead? {
        isObserving ? copy(head, bytes) : nil
    }

    /// A copy of a head, in storage that was used before where there is some.
    mutating func copy(_ head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>) -> KeptHead {
        let kept = spareHeads.popLast() ?? KeptHead()
        kept.head = copy head
        kept.bytes.append(bytes)
        return kept
    }

    /// The head of a request that is in storage of its own.
    mutating func keep(_ head: borrowing RequestHead, stored bytes: [UInt8]) -> KeptHead {
        let kept = spareHeads.popLast() ?? KeptHead()
        kept.head = copy head
        kept.bytes = bytes
        return kept
    }

    /// A request is over.
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
