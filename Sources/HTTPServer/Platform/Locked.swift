import Glibc

/// A value behind a POSIX mutex.
///
/// `Synchronization.Mutex` would do the same, but ThreadSanitizer does not understand it here and reports races that
/// are none; it does understand `pthread_mutex_lock`.
///
/// Sendable although unchecked: `value` is only ever touched with the mutex held, and it is Sendable itself.
package final class Locked<Value: Sendable>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    /// A lock around that value.
    package init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Lends the value to `body`, to one thread at a time.
    ///
    /// `body` must not lock again.
    package func withLock<R>(_ body: (inout Value) -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }
}
