import Dispatch
import HTTPServer
import Synchronization

/// The threads that share one request's work, and whether anybody still waits for it.
struct Workers: Sendable {
    /// How many, with the one that asks.
    let threads: Int
    /// Says that nobody waits any more; nil for work that is never given up.
    private let cancellation: HTTPCancellation?

    /// That many threads, 1 at least.
    init(threads: Int, cancellation: HTTPCancellation? = nil) {
        self.threads = threads
        self.cancellation = cancellation
    }

    /// Just the thread that asks, for work too short to be given up.
    static let one = Workers(threads: 1)

    /// Ends the work between two of its stages.
    ///
    /// - Throws: a problem that nobody will see, once nobody waits for the reply.
    func check() throws(HTTPProblem) {
        if cancellation?.isCancelled ?? false {
            throw .serviceUnavailable("The request was given up.", retryAfter: 1)
        }
    }

    /// Calls `body` once for each index below `count`, on Dispatch's pool; returns when all are done.
    ///
    /// Indices are handed out one by one, so uneven pieces balance themselves. `body` must write only what belongs to
    /// its index: the result then does not depend on the number of threads.
    func all(_ count: Int, _ body: @Sendable (Int) -> Void) { run(count, isCancellable: false, body) }

    /// The same, but leaves out what has not begun once nobody waits for it: to be followed by ``check()``.
    func untilCancelled(_ count: Int, _ body: @Sendable (Int) -> Void) { run(count, isCancellable: true, body) }

    private func run(_ count: Int, isCancellable: Bool, _ body: @Sendable (Int) -> Void) {
        let cancellation = isCancellable ? cancellation : nil
        guard count > 1, threads > 1 else {
            for index in 0..<count where cancellation?.isCancelled != true { body(index) }
            return
        }
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
            ComputePool.giveWay()
            while cancellation?.isCancelled != true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                body(index)
            }
        }
    }
}

/// Memory that several threads fill, each its own part.
///
/// `@unchecked Sendable`: the pointer lives as long as the call that lends it, and the parts the threads write do not
/// overlap because ``Workers`` hand each index out once.
struct SharedOutput<Element>: @unchecked Sendable {
    let buffer: UnsafeMutableBufferPointer<Element>
}
