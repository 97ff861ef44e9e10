import Dispatch
import Glibc

/// The signals that end the service.
enum Signals {
    /// Calls `handle` for every SIGTERM and SIGINT, and ignores SIGPIPE.
    ///
    /// SIGTERM and SIGINT are blocked in this thread and in those that it starts from now on: a signal that arrives
    /// before Dispatch's signalfd(2) stays pending instead of ending the process, and none interrupts a system call.
    /// With SIGPIPE ignored, a log whose reader has left is an error of write(2).
    ///
    /// - Returns: the signal sources, which must be kept until they are cancelled.
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
