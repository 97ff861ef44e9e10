import Synchronization

/// A deferred request's claim on the server's work budget, and its cancellation flag.
///
/// The server reserves the cost that the handler stated and releases it once, however the request ends. The job raises the
/// claim, from its compute thread, as soon as it knows the true cost.
public final class HTTPWorkTicket: Sendable {
    private let total: BoundedTotal
    private let limit: Int
    /// The cost reserved; negative once it was released.
    private let held: Atomic<Int>
    private let cancelled = Atomic<Bool>(false)

    /// A ticket for a job that runs without a server: every cost fits.
    public convenience init() { self.init(holding: 0, of: BoundedTotal(), limit: .max) }

    /// A ticket for a cost that was reserved from that total.
    private init(holding cost: Int, of total: BoundedTotal, limit: Int) {
        self.total = total
        self.limit = limit
        held = Atomic(cost)
    }

    /// Reserves a cost from that total; `nil` where it does not fit.
    package static func taking(_ cost: Int, of total: BoundedTotal, limit: Int) -> HTTPWorkTicket? {
        let cost = max(0, cost)
        return total.reserve(cost, limit: limit) ? HTTPWorkTicket(holding: cost, of: total, limit: limit) : nil
    }

    /// Whether the client has closed, the deadline has passed or the server is stopping at once.
    ///
    /// Long loops check it at intervals.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// Raises the claim to the true cost, where that is higher; from any thread.
    ///
    /// `false` where it does not fit or the request was cancelled: then the job ends without a response.
    public func raise(to cost: Int) -> Bool {
        var current = held.load(ordering: .relaxed)
        while true {
            guard current >= 0, !isCancelled else { return false }
            guard cost > current else { return true }
            guard total.reserve(cost - current, limit: limit) else { return false }
            let (exchanged, original) = held.compareExchange(expected: current, desired: cost, ordering: .relaxed)
            if exchanged { return true }
            total.release(cost - current)
            current = original
        }
    }

    /// Cancels the request, irrevocably.
    package func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// Releases the claim; further calls have no effect.
    package func release() { total.release(held.exchange(-1, ordering: .relaxed)) }
}

/// A total with a limit, counted by many threads.
package final class BoundedTotal: Sendable {
    private let total = Atomic<Int>(0)

    /// Nothing yet.
    package init() {}

    /// The amount reserved now.
    package var value: Int { total.load(ordering: .relaxed) }

    /// Reserves an amount; `false` where the total would pass the limit.
    func reserve(_ amount: Int, limit: Int) -> Bool {
        var current = value
        while true {
            let (sum, overflow) = current.addingReportingOverflow(max(0, amount))
            if overflow || sum > limit { return false }
            let (exchanged, original) = total.compareExchange(expected: current, desired: sum, ordering: .relaxed)
            if exchanged { return true }
            current = original
        }
    }

    /// Releases an amount.
    func release(_ amount: Int) { total.subtract(max(0, amount), ordering: .relaxed) }
}
