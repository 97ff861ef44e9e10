import Synchronization

/// How much of a document was looked at, in bytes and tokens; what was looked at twice counts twice.
///
/// For tests that hold it against the document's length: work that grows with the square of it would show nowhere else
/// but in the time that it takes. Counted in debug builds, on the thread of the task that asks for it.
package final class Work: Sendable {
    /// Where the work of this task is counted.
    @TaskLocal package static var counter: Work?

    private let counted = Atomic<Int>(0)

    /// Nothing done yet.
    package init() {}

    /// All so far.
    package var total: Int { counted.load(ordering: .relaxed) }

    /// So much is being looked at.
    @inline(__always)
    static func count(_ amount: @autoclosure () -> Int) {
        #if DEBUG
            counter?.counted.add(amount(), ordering: .relaxed)
        #endif
    }
}
