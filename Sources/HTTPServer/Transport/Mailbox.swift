import CEpoll
import Glibc

/// What other threads tell a loop.
enum LoopMessage: Sendable {
    /// Deferred work is done: the response and, where it is streamed, its first piece; no response where the budget has
    /// no room for what the work turned out to cost.
    case reply(ConnectionID, stream: Int, HTTPResponse?, BodyPiece?)
    /// A piece of a streamed body is made.
    case piece(ConnectionID, stream: Int, BodyPiece)
    /// A loop without an idle connection needs room: close the one that is idle longest, or pass it on to so many more
    /// loops.
    case evict(others: Int)
    /// Stop accepting, finish what is in flight, end.
    case drain
    /// Close everything, end.
    case stop
    /// Look at the clock, do what is due, then call that.
    case turn(whenOver: @Sendable () -> Void)
}

/// The way into a loop from other threads: a list, and an eventfd that wakes the loop.
final class Mailbox: Sendable {
    /// The eventfd, for the loop's poller.
    let descriptor: Int32
    private let messages = Inbox<LoopMessage>()

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
    /// From any thread, also after the loop has ended: then it is dropped.
    func post(_ message: LoopMessage) {
        switch messages.add(message) {
        case .first:
            // One wake-up for as many messages as gather until the loop takes them.
            var one: UInt64 = 1
            _ = write(descriptor, &one, 8)
        case .more: break
        case .refused: if case .turn(let whenOver) = message { whenOver() }
        }
    }

    /// Takes all messages, oldest first, into the end of `messages`.
    func take(into messages: inout [LoopMessage]) {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
        self.messages.takeAll(into: &messages)
    }

    /// The loop has ended: drops what nobody will read any more.
    func end() {
        for case .turn(let whenOver) in messages.close() { whenOver() }
    }
}
