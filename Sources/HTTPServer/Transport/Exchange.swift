/// A head that outlives the bytes that it was received in, until its request was told of.
///
/// Confined to its loop, and used again by it.
final class KeptHead {
    var head = RequestHead()
    var bytes: [UInt8] = []
}

/// One request and what has become of it.
struct Exchange {
    /// The protocol's name for it.
    let stream: Int
    let id: RequestID
    /// When the request was complete, or the first byte came of one that was refused, nanoseconds.
    let startedAt: UInt64
    /// Content received, decoded of its transfer coding, bytes.
    let requestBytes: Int
    let version: HTTPVersion
    let isHead: Bool
    /// The head, where somebody will look at it.
    var kept: KeptHead?
    /// The reply's status; 0 before it has begun.
    var status = 0
    /// Content sent so far, before any transfer coding, bytes.
    var responseBytes = 0
    /// ``HTTPProblem/slug`` where the server itself refused the request.
    var problem: String?
    /// What the compute pool does for it.
    var work: Work?
    /// All of the reply is made, though the protocol may hold some of it back.
    var isMade = false
    /// The connection's output position at which the reply ends, once all of it is on its way there.
    var endsAt: UInt64?

    /// The head of a request that was deferred or refused.
    var keptHead: (head: RequestHead, bytes: [UInt8]) {
        guard let kept else { preconditionFailure("the head of a request that is not answered at once is kept") }
        return (kept.head, kept.bytes)
    }

    init(
        stream: Int, _ head: borrowing RequestHead, id: RequestID, startedAt: UInt64, requestBytes: Int, kept: KeptHead?
    ) {
        self.stream = stream
        self.id = id
        self.startedAt = startedAt
        self.requestBytes = requestBytes
        version = head.version
        isHead = head.method == .head
        self.kept = kept
    }
}

/// Work of the compute pool for one request.
///
/// Confined to the connection's loop.
final class Work {
    /// What is held against the work budget; tells the running job to stop.
    let ticket: HTTPWorkTicket
    /// Makes the body, once the response has begun.
    var source: (any HTTPBodySource)?
    /// What the pool has queued or is running.
    private(set) var job: (any WorkJob)?
    /// By when the pool has to be done with ``job``.
    private(set) var deadline = UInt64.max

    init(_ ticket: HTTPWorkTicket) { self.ticket = ticket }

    /// About how long the next piece of a streamed body will be.
    static let pieceBytes = 384 * 1024

    /// When a source that had nothing yet is asked again, `nil` where it is not waited for.
    private(set) var resumesAt: UInt64?
    /// What a source that had nothing yet has left of the time for its piece, nanoseconds.
    private var spanLeft: UInt64?

    /// How long a source that has nothing yet is left alone, nanoseconds.
    private static let pause: UInt64 = 10_000_000

    /// The pool has been given a job.
    func begin(_ job: any WorkJob, deadline: UInt64) {
        self.job = job
        self.deadline = deadline
    }

    /// The job's result came.
    func endJob() {
        job = nil
        deadline = .max
    }

    /// Whether the next piece may be asked for.
    func isReady(now: UInt64) -> Bool {
        if let resumesAt, resumesAt <= now {
            // From here on it is the client that is waited for, if anybody.
            let waited = now &- resumesAt &+ Self.pause
            spanLeft = spanLeft.map { $0 - min($0, waited) }
            self.resumesAt = nil
        }
        return job == nil && resumesAt == nil
    }

    /// The pool has been given the next piece to make, in that time or what earlier attempts left of it.
    func beginPiece(_ job: any WorkJob, now: UInt64, span: UInt64) {
        begin(job, deadline: now &+ (spanLeft ?? span))
        spanLeft = nil
    }

    /// The source had nothing yet; `false` where it has had its time.
    func endEmptyJob(now: UInt64) -> Bool {
        guard deadline > now else { return false }
        spanLeft = deadline - now
        resumesAt = now &+ Self.pause
        endJob()
        return true
    }

    /// The last byte is made, or nobody waits for it: gives the cost back, once.
    func release() {
        ticket.release()
        source = nil
    }

    /// Nobody waits any more.
    ///
    /// What a running job costs is given back only when it returns: until then it takes its processor time and memory.
    func cancel() {
        ticket.cancel()
        guard let job else {
            release()
            return
        }
        source = nil
        endJob()
        job.discard { [ticket] in ticket.release() }
    }
}

/// A piece of a streamed body, as its source made it.
struct BodyPiece: Sendable {
    private(set) var parts: [[UInt8]] = []
    let progress: HTTPBodyProgress

    /// A piece of those parts.
    init(_ parts: [[UInt8]], _ progress: HTTPBodyProgress) {
        self.parts = parts
        self.progress = progress
    }

    /// Has the source make the next one; on a compute thread.
    init(of source: any HTTPBodySource) { progress = source.next(into: &parts) }
}
