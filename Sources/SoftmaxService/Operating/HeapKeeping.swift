import Dispatch
package import HTTPServer
import Synchronization

/// What becomes of memory that large requests leave behind: kept while more of them come, returned once they stop.
///
/// Buffers of a few MiB made anew by mmap(2) for every request cost more system time than all else (a page fault each
/// 4 KiB: 7 ms of system time for 100 rows of 1000, 1 ms without; 80 for 1000 rows, 20 without). So glibc keeps them;
/// and as it gives nothing back from the middle of its heaps by itself, it is told to a second after the last large
/// request.
package final class HeapKeeping: Sendable {
    /// Allocations of this size and above come from the system and go back to it at once, bytes: as much as glibc takes.
    private static let largest = 32 << 20
    /// Free memory that each heap keeps at its end, bytes.
    private static let kept = 64 << 20
    /// Processors to a heap of glibc's (by default a heap has an eighth of one).
    ///
    /// What large requests leave in one heap is of no use to threads that have another, and only of the first does
    /// malloc_trim(3) give back the end. Small allocations do not come this far: each thread keeps its own.
    private static let processorsPerHeap = 4

    private let status: HTTPServerStatus
    private let whenQuiet: @Sendable (@escaping @Sendable () -> Void) -> Void
    private let release: @Sendable () -> Void
    private let isArmed = Atomic<Bool>(false)
    private let isBusy = Atomic<Bool>(false)

    /// Keeping for a server of that status: malloc_trim(3), a second after the last large request.
    package convenience init(_ status: HTTPServerStatus) {
        self.init(status, whenQuiet: Self.afterSecond, release: Self.trim)
    }

    /// The same with a time and a way of a test's own.
    ///
    /// - Parameters:
    ///   - whenQuiet: calls its argument after the time in which no large request may have come before memory is given
    ///     back.
    ///   - release: gives it back.
    init(
        _ status: HTTPServerStatus, whenQuiet: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void,
        release: @escaping @Sendable () -> Void
    ) {
        self.status = status
        self.whenQuiet = whenQuiet
        self.release = release
    }

    private static let queue = DispatchQueue(label: "softmaxd.memory")

    private static func afterSecond(_ body: @escaping @Sendable () -> Void) {
        queue.asyncAfter(deadline: .now() + 1, execute: body)
    }

    /// Sets the process's limits; once, before it serves.
    ///
    /// By default glibc learns from the first large buffer that is freed to keep all such memory for good.
    package static func configureProcess() {
        let arenas = max(1, Processors.available / processorsPerHeap)
        Heap.configure(largest: largest, kept: kept, arenas: arenas)
        isConfigured.store(true, ordering: .relaxed)
    }

    /// Whether ``configureProcess()`` was called.
    private static let isConfigured = Atomic<Bool>(false)

    /// Gives memory back, in a process that was configured to keep it.
    ///
    /// In any other, glibc's malloc may never have been used (a sanitizer has its own), and two threads that use it first
    /// at the same time, by malloc_trim(3), break its count of threads.
    private static func trim() {
        if isConfigured.load(ordering: .relaxed) { Heap.trim() }
    }

    /// A large request came.
    func noteLargeRequest() {
        isBusy.store(true, ordering: .relaxed)
        if !isArmed.exchange(true, ordering: .relaxed) { arm() }
    }

    private func arm() {
        whenQuiet { [self] in
            if isBusy.exchange(false, ordering: .relaxed) || status.workCost > 0 || status.bodyBytes > 0 {
                arm()
                return
            }
            isArmed.store(false, ordering: .relaxed)
            release()
        }
    }
}
