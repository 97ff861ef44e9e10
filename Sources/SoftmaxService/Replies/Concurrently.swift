import Dispatch
import Synchronization

/// Calls `body` once for each index below `count`, on at most `threads` threads of Dispatch's pool; returns when all
/// are done.
///
/// Indices are handed out one by one, so uneven pieces balance themselves. `body` must write only what belongs to its
/// index: the result then does not depend on the number of threads.
func concurrently(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
    guard count > 1, threads > 1 else {
        for index in 0..<count { body(index) }
        return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            body(index)
        }
    }
}

/// Memory that several threads fill, each its own part.
///
/// `@unchecked Sendable`: the pointer lives as long as the call that lends it, and the parts the threads write do not
/// overlap because ``concurrently(_:threads:_:)`` hands each index out once.
struct SharedOutput<Element>: @unchecked Sendable {
    let buffer: UnsafeMutableBufferPointer<Element>
}
