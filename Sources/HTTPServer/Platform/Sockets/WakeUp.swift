import CEpoll
import Glibc

/// Wakes a thread that waits in a ``Poller``, from any other: an eventfd(2).
struct WakeUp: ~Copyable, Sendable {
    /// Readable from a ``signal()`` to the next ``clear()``.
    let descriptor: Int32

    /// One that is not signalled.
    init() throws(HTTPServerError) {
        let descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else {
            throw HTTPServerError(operation: "create", subject: "eventfd", reason: String(cString: strerror(errno)))
        }
        self.descriptor = descriptor
    }

    deinit { _ = close(descriptor) }

    /// Wakes the thread that polls the descriptor, now or at its next wait.
    func signal() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Clears all signals so far.
    func clear() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}
