/// A copy of a request's head that lives until the request is reported.
///
/// Confined to its loop, which reuses its storage.
final class KeptHead {
    var head = RequestHead()
    var bytes: [UInt8] = []
}

/// One request and the state of its reply.
struct Exchange {
    /// The stream in HTTP/2, the request's number on its connection in HTTP/1.1.
    let stream: Int
    let id: RequestID
    /// When the request was complete, or when the first byte of a refused one arrived, nanoseconds.
    let startedAt: UInt64
    /// Content received, after transfer decoding, bytes.
    let requestBytes: Int
    let version: HTTPVersion
    let isHead: Bool
    /// The head, where the request is deferred or an observer records it.
    var kept: KeptHead?
    /// The reply's status; 0 before it has begun.
    var status: Int
    /// Content sent so far, before transfer coding, bytes.
    var responseBytes: Int
    /// ``HTTPProblem/slug`` where the server itself refused the request.
    var problem: String?
    /// Its deferred work and streamed body.
    var work: Work?
    /// The whole reply is made, though flow control may hold some of it back.
    var isMade: Bool
    /// The connection's output position at which the reply ends, `UInt64.max` until all of it is framed.
    var endsAt: UInt64

    /// The head of a request that was deferred or refused.
    var keptHead: (head: RequestHead, bytes: [UInt8]) {
        guard let kept else { preconditionFailure("the head of a deferred request is kept") }
        return (kept.head, kept.bytes)
    }

    @inline(__always)
    init(
        stream: Int, _ head: borrowing RequestHead, id: RequestID, startedAt: UInt64, requestBytes: Int,
        kept: KeptHead?,
        status: Int = 0, responseBytes: Int = 0, isMade: Bool = false, endsAt: UInt64 = .max
    ) {
        self.stream = stream
        self.id = id
        self.startedAt = startedAt
        self.requestBytes = requestBytes
        version = head.version
        isHead = head.method == .head
        self.kept = kept
        self.status = status
        self.responseBytes = responseBytes
        self.isMade = isMade
        self.endsAt = endsAt
    }
}

/// The deferred work and the streamed body of one request.
///
/// Confined to the connection's loop.
final class Work {
    /// The claim on the work budget, through which a running job is cancelled.
    let ticket: HTTPWorkTicket
    /// Makes a streamed body, once the response has begun.
    var source: (any HTTPBodySource)?
    /// The job that the compute pool has queued or is running.
    private(set) var job: (any WorkJob)?
    /// The deadline of ``job``.
    private(set) var deadline = UInt64.max

    init(_ ticket: HTTPWorkTicket) { self.ticket = ticket }

    /// What is reserved for the next piece of a streamed body, bytes: about its usual size.
    static let pieceBytes = 384 * 1024

    /// When a source that had no piece is asked again; `nil` for none.
    private(set) var resumesAt: UInt64?
    /// What a source that had no piece has left of the time for making one, nanoseconds.
    private var spanLeft: UInt64?

    /// The interval at which a source that had no piece is asked again, nanoseconds.
    private static let pause: UInt64 = 10_000_000

    /// A job was submitted.
    func begin(_ job: any WorkJob, deadline: UInt64) {
        self.job = job
        self.deadline = deadline
    }

    /// The job's result came.
    func endJob() {
        job = nil
        deadline = .max
    }

    /// Whether the next piece may be requested.
    func isReady(now: UInt64) -> Bool {
        if let resumesAt, resumesAt <= now {
            // The source's time stops here: a further delay is backpressure of the client's.
            let waited = now &- resumesAt &+ Self.pause
            spanLeft = spanLeft.map { $0 - min($0, waited) }
            self.resumesAt = nil
        }
        return job == nil && resumesAt == nil
    }

    /// A job for the next piece was submitted, with `span` for it, or what earlier attempts left of that.
    func beginPiece(_ job: any WorkJob, now: UInt64, span: UInt64) {
        begin(job, deadline: now &+ (spanLeft ?? span))
        spanLeft = nil
    }

    /// The source had no piece yet; `false` where its time is over.
    func endEmptyJob(now: UInt64) -> Bool {
        guard deadline > now else { return false }
        spanLeft = deadline - now
        resumesAt = now &+ Self.pause
        endJob()
        return true
    }

    /// The body is complete or cancelled: releases the claim on the work budget.
    func release() {
        ticket.release()
        source = nil
    }

    /// Cancels the work.
    ///
    /// A running job's claim on the work budget is released when it returns: until then it uses processor and memory.
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
