import Dispatch
import Glibc

/// The signals of a service's life.
enum Signals {
    /// Listens for SIGTERM and SIGINT, and ignores SIGPIPE.
    ///
    /// They are blocked here and, by inheritance, in every thread started from here on: one that comes before Dispatch
    /// listens for it waits for its signalfd(2) instead of being lost, and no thread is ever interrupted by one. A log
    /// whose reader has gone is then an error of write(2), not the end of the service.
    ///
    /// - Returns: what listens, until it is cancelled.
    static func onTermination(_ handle: @escaping @Sendable () -> Void) -> [any DispatchSourceSignal] {
        signal(SIGPIPE, SIG_IGN)
        let queue = DispatchQueue(label: "softmaxd.signals")
        var blocked = sigset_t()
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGTERM)
        sigaddset(&blocked, SIGINT)
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        return [SIGTERM, SIGINT].map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { handle() }
            source.resume()
            return source
        }
    }
}
