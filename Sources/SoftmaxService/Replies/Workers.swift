import HTTPServer

/// The threads that share one request's work, and whether anybody still waits for it.
struct Workers: Sendable {
    /// Theirs; nil for just the thread that asks.
    private let pool: ComputePool?
    /// Says that nobody waits any more; nil for work that is never given up.
    private let ticket: HTTPWorkTicket?

    /// The threads of that pool.
    init(_ pool: ComputePool?, _ ticket: HTTPWorkTicket? = nil) {
        self.pool = pool
        self.ticket = ticket
    }

    /// Just the thread that asks, for work too short to be given up.
    static let one = Workers(nil)

    /// Whether there is none but the thread that asks.
    var areOne: Bool { pool == nil }

    /// How many, with the one that asks.
    var threads: Int { pool?.threads ?? 1 }

    /// Ends the work between two of its stages.
    ///
    /// - Throws: `cancelled`, once nobody waits for the reply.
    func check() throws(ReplyFailure) {
        if ticket?.isCancelled ?? false { throw .cancelled }
    }

    /// Calls `body` once for each index below `count`, on the pool; returns when all are done.
    ///
    /// Indices are handed out one by one, so uneven pieces balance themselves. `body` must write only what belongs to
    /// its index: the result then does not depend on the number of threads.
    func all(_ count: Int, _ body: @Sendable (Int) -> Void) {
        guard let pool else {
            for index in 0..<count { body(index) }
            return
        }
        pool.perform(count, body)
    }

    /// The same, but leaves out what has not begun once nobody waits for it: to be followed by ``check()``.
    func untilCancelled(_ count: Int, _ body: @Sendable (Int) -> Void) {
        guard let ticket else { return all(count, body) }
        all(count) { index in
            if !ticket.isCancelled { body(index) }
        }
    }
}

/// Why a request that is right has no reply.
enum ReplyFailure: Error, Equatable {
    /// The product for that sample overflows the dtype.
    case overflow(sample: Int)
    /// A number turned out to be none that JSON can say, which the checks before should have made impossible.
    case unwritable
    /// Nobody waits for it any more.
    case cancelled
}

/// Memory that several threads fill, each its own part.
///
/// `@unchecked Sendable`: the pointer lives as long as the call that lends it, and the parts the threads write do not
/// overlap because ``Workers`` hand each index out once.
struct SharedOutput<Element>: @unchecked Sendable {
    let buffer: UnsafeMutableBufferPointer<Element>
}
