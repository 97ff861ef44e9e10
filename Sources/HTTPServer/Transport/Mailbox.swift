import CEpoll
import Glibc

/// What other threads tell a loop.
enum LoopMessage: Sendable {
    /// Deferred work is done.
    case reply(ConnectionID, stream: Int, HTTPReply)
    /// A piece of a streamed body is made.
    case piece(ConnectionID, stream: Int, [[UInt8]], isLast: Bool)
    /// A loop without an idle connection needs room: close the one that is idle longest, or pass it on to so many more
    /// loops.
    case evict(others: Int)
    /// Stop accepting, finish what is in flight, end.
    case drain
    /// Close everything, end.
    case stop
    /// Look at the clock again.
    case wake
}

/// The way into a loop from other threads: a list under a lock, and an eventfd that wakes the loop.
final class Mailbox: Sendable {
    /// The eventfd, for the loop's poller.
    let descriptor: Int32
    private let messages = Locked<[LoopMessage]>([])

    /// An empty one.
    init() throws(HTTPServerError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else {
            throw HTTPServerError(operation: "create", subject: "eventfd", reason: String(cString: strerror(errno)))
        }
    }

    deinit { _ = close(descriptor) }

    /// Leaves a message.
    ///
    /// From any thread, also after the loop has ended: then nobody reads it.
    func post(_ message: LoopMessage) {
        let wasEmpty = messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        // One wake-up for as many messages as gather until the loop takes them.
        if wasEmpty {
            var one: UInt64 = 1
            _ = write(descriptor, &one, 8)
        }
    }

    /// Takes all messages, oldest first.
    ///
    /// `emptied` lends its storage to the next ones.
    func take(into emptied: inout [LoopMessage]) {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
        messages.withLock { swap(&$0, &emptied) }
    }
}
