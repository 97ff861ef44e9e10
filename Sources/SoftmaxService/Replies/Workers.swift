import HTTPServer

/// The threads that share the work of one request, and the ticket by which it can be cancelled.
struct Workers: Sendable {
    /// The pool of these threads; `nil` for the calling thread alone.
    private let pool: ComputePool?
    /// Is cancelled when the client leaves; `nil` for work that cannot be cancelled.
    private let ticket: HTTPWorkTicket?

    /// The threads of a pool, or the calling thread alone.
    init(_ pool: ComputePool?, _ ticket: HTTPWorkTicket? = nil) {
        self.pool = pool
        self.ticket = ticket
    }

    /// The calling thread alone, for work too short to be cancelled.
    static let one = Workers(nil)

    /// The number of threads, with the calling one.
    var threads: Int { pool?.threads ?? 1 }

    /// Ends the work between two of its stages if the client has left.
    ///
    /// - Throws: `cancelled`.
    func checkCancellation() throws(ReplyFailure) {
        if isCancelled { throw .cancelled }
    }

    private var isCancelled: Bool { ticket?.isCancelled ?? false }

    /// Calls `body` once for each index below `count`, on the pool; returns when all calls have.
    ///
    /// Threads take indices one by one, which balances uneven calls. `body` must write only what belongs to its index,
    /// so that the result does not depend on the number of threads.
    func perform(_ count: Int, _ body: @Sendable (Int) -> Void) {
        guard let pool else {
            for index in 0..<count { body(index) }
            return
        }
        pool.perform(count, body)
    }

    /// Like ``perform(_:_:)``, but skips the calls that have not begun when the work is cancelled.
    ///
    /// - Throws: `cancelled`, if calls may have been skipped; else the failure of the smallest index that has failed.
    func performUntilCancelled(
        _ count: Int, _ body: @Sendable (Int) throws(ReplyFailure) -> Void
    ) throws(ReplyFailure) {
        let first = Locked<(index: Int, failure: ReplyFailure)?>(nil)
        perform(count) { index in
            if isCancelled { return }
            do throws(ReplyFailure) {
                try body(index)
            } catch {
                first.withLock { [error] in if index < $0?.index ?? .max { $0 = (index, error) } }
            }
        }
        try checkCancellation()
        if let failure = first.withLock({ $0?.failure }) { throw failure }
    }
}

/// Why a valid request has no reply.
enum ReplyFailure: Error, Equatable {
    /// The VJP or JVP of that sample overflows the dtype.
    case overflow(sample: Int)
    /// A result is NaN or +∞, which JSON has no number for and which the checks should have made impossible.
    case unwritable
    /// The client has left.
    case cancelled
}

/// A buffer that several threads fill, each its own part.
///
/// `@unchecked Sendable`: the buffer outlives the call that lends it, and the parts do not overlap because ``Workers``
/// passes each index to one thread only.
struct SharedOutput<Element>: @unchecked Sendable {
    let buffer: UnsafeMutableBufferPointer<Element>
}
