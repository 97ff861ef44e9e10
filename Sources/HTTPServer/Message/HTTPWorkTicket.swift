import Synchronization

/// A deferred request's claim on the server's work budget, and whether anybody still waits for its reply.
///
/// The server makes it with the cost that the handler stated and takes it back once, however the request ends. The job
/// raises it, from its compute thread, as soon as it has learnt the true cost.
public final class HTTPWorkTicket: Sendable {
    private let total: BoundedTotal
    private let limit: Int
    /// Numbers held against the budget; negative once they were given back.
    private let held: Atomic<Int>
    private let cancelled = Atomic<Bool>(false)

    /// A ticket for a job that runs without a server: every cost fits.
    public convenience init() { self.init(holding: 0, of: BoundedTotal(), limit: .max) }

    /// A ticket for what has been taken of that total.
    private init(holding cost: Int, of total: BoundedTotal, limit: Int) {
        self.total = total
        self.limit = limit
        held = Atomic(cost)
    }

    /// A ticket of that cost; `nil` where it does not fit into what that total has left.
    package static func taking(_ cost: Int, of total: BoundedTotal, limit: Int) -> HTTPWorkTicket? {
        let cost = max(0, cost)
        return total.take(cost, limit: limit) ? HTTPWorkTicket(holding: cost, of: total, limit: limit) : nil
    }

    /// Whether the client went away, the deadline passed or the server is stopping at once.
    ///
    /// Long loops look at it now and then.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// Holds the true cost against the budget, where that is more than what is held so far.
    ///
    /// From any thread. `false` where it does not fit, or nobody waits any more: then the job ends without a response.
    public func raise(to cost: Int) -> Bool {
        var current = held.load(ordering: .relaxed)
        while true {
            guard current >= 0, !isCancelled else { return false }
            guard cost > current else { return true }
            guard total.take(cost - current, limit: limit) else { return false }
            let (exchanged, original) = held.compareExchange(expected: current, desired: cost, ordering: .relaxed)
            if exchanged { return true }
            total.release(cost - current)
            current = original
        }
    }

    /// Nobody waits for the reply any more; it cannot be taken back.
    package func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// Gives back what is held, for good: of several calls the first does.
    package func release() { total.release(held.exchange(-1, ordering: .relaxed)) }
}

/// A total that stays below a limit, counted by many threads.
package final class BoundedTotal: Sendable {
    private let total = Atomic<Int>(0)

    /// Nothing yet.
    package init() {}

    /// All that is taken now.
    package var value: Int { total.load(ordering: .relaxed) }

    /// Adds an amount; `false` where the total would pass the limit.
    func take(_ amount: Int, limit: Int) -> Bool {
        var current = value
        while true {
            let (sum, overflow) = current.addingReportingOverflow(max(0, amount))
            if overflow || sum > limit { return false }
            let (exchanged, original) = total.compareExchange(expected: current, desired: sum, ordering: .relaxed)
            if exchanged { return true }
            current = original
        }
    }

    /// Gives an amount back.
    func release(_ amount: Int) { total.subtract(max(0, amount), ordering: .relaxed) }
}
