import Dispatch
package import HTTPServer
import Synchronization

/// Keeps the freed memory of large requests while more of them come, and returns it to the system a second after the
/// last.
///
/// By default glibc maps and unmaps buffers of a few MiB anew for every request, and the page faults, one for each 4
/// KiB, take most of the system time: 7 ms for 100 rows of 1000 instead of 1 ms, 80 ms for 1000 rows instead of 20 ms.
/// So malloc is configured to keep them. As it never returns memory from the middle of an arena by itself, it is
/// trimmed when no large request has come for a second.
package final class HeapKeeping: Sendable {
    /// The size in bytes from which on allocations are mapped by themselves: the largest that glibc accepts.
    private static let mmapThreshold = 32 << 20
    /// The free bytes that each arena keeps at its end.
    private static let trimThreshold = 64 << 20
    /// Processors for each arena (glibc's default is eight arenas for each processor).
    ///
    /// Memory freed in one arena cannot be used by threads of another, and malloc_trim(3) returns free pages of every
    /// arena but shrinks only the main one. Few arenas do not slow small allocations down: each thread has a cache of
    /// them.
    private static let processorsPerArena = 4

    private let status: HTTPServerStatus
    private let whenQuiet: @Sendable (@escaping @Sendable () -> Void) -> Void
    private let release: @Sendable () -> Void
    private let isArmed = Atomic<Bool>(false)
    private let isBusy = Atomic<Bool>(false)

    /// Trims the heap a second after the last large request of the server with that status.
    package convenience init(_ status: HTTPServerStatus) {
        let queue = DispatchQueue(label: "softmaxd.memory")
        self.init(status, whenQuiet: { queue.asyncAfter(deadline: .now() + 1, execute: $0) }, release: Self.trim)
    }

    /// Returns memory after a quiet time.
    ///
    /// - Parameters:
    ///   - whenQuiet: calls its argument after the time without a large request that must pass before memory is
    ///     returned.
    ///   - release: returns the memory.
    init(
        _ status: HTTPServerStatus, whenQuiet: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void,
        release: @escaping @Sendable () -> Void
    ) {
        self.status = status
        self.whenQuiet = whenQuiet
        self.release = release
    }

    /// Configures malloc; to be called once, before the process serves.
    ///
    /// Setting the thresholds also turns off their automatic growth, by which glibc, once a large buffer has been
    /// freed, would never return one of that size again.
    package static func configureProcess() {
        let arenas = max(1, Processors.available / processorsPerArena)
        Heap.configure(mmapThreshold: mmapThreshold, trimThreshold: trimThreshold, arenas: arenas)
        isConfigured.store(true, ordering: .relaxed)
    }

    /// Whether ``configureProcess()`` was called.
    private static let isConfigured = Atomic<Bool>(false)

    /// Trims the heap, if the process was configured to keep memory.
    ///
    /// In other processes glibc's malloc may be unused, as a sanitizer brings its own. There two threads whose first
    /// call of it is malloc_trim(3), at the same time, would corrupt its count of threads.
    private static func trim() {
        if isConfigured.load(ordering: .relaxed) { Heap.trim() }
    }

    /// Restarts the quiet time after which memory is returned: a large request has come.
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
