import Glibc
import HTTPServer

/// Holds up work until the test lets it go on.
final class Gate: Sendable {
    private struct State: Sendable {
        var isOpen = false
        var tickets = 0
        var waiting = 0
    }
    private let state = Locked(State())

    /// How many came and wait, or waited.
    var waiting: Int { state.withLock { $0.waiting } }
    var isOpenForAll: Bool { state.withLock { $0.isOpen } }

    /// Waits for the gate to open, for longer than a test waits for what is behind it.
    func pass() {
        state.withLock { $0.waiting += 1 }
        _ = eventually(seconds: 90) {
            state.withLock { state in
                if state.tickets > 0 {
                    state.tickets -= 1
                    return true
                }
                return state.isOpen
            }
        }
    }

    func letOne() { state.withLock { $0.tickets += 1 } }
    func open() { state.withLock { $0.isOpen = true } }
}

/// Counts from several threads.
final class Counter: Sendable {
    private let count = Locked(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}
