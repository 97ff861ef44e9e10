/// A message from another thread to an event loop.
enum LoopMessage: Sendable {
    /// Deferred work is done: the response and, where it is streamed, its first piece; no response where the work's true
    /// cost did not fit into the work budget.
    case reply(ConnectionID, stream: Int, HTTPResponse?, BodyPiece?)
    /// A job for the next piece of a streamed body is done.
    case piece(ConnectionID, stream: Int, BodyPiece)
    /// A loop without an idle connection needs a seat: evict one, or forward this to the next of so many other loops.
    case evict(others: Int)
    /// Stop accepting, finish the requests in flight, end.
    case drain
    /// Close every connection, end.
    case stop
    /// Read the clock, do what is due, then call that.
    case turn(whenOver: @Sendable () -> Void)
}

/// A loop's message queue: an ``Inbox`` and the eventfd that wakes the loop.
final class Mailbox: Sendable {
    private let wakeUp: WakeUp
    private let messages = Inbox<LoopMessage>()

    /// An empty one.
    init() throws(HTTPServerError) { wakeUp = try WakeUp() }

    /// For the loop's poller: readable while messages wait.
    var descriptor: Int32 { wakeUp.descriptor }

    /// Sends a message, from any thread; dropped once the loop has ended.
    func post(_ message: LoopMessage) {
        switch messages.add(message) {
        // One wake-up serves all messages up to the next ``take(into:)``.
        case .first: wakeUp.signal()
        case .more: break
        case .refused: if case .turn(let whenOver) = message { whenOver() }
        }
    }

    /// Takes all messages, oldest first, into the end of `messages`.
    func take(into messages: inout [LoopMessage]) {
        wakeUp.clear()
        self.messages.takeAll(into: &messages)
    }

    /// The loop has ended: drops the messages that wait.
    func end() {
        for case .turn(let whenOver) in messages.close() { whenOver() }
    }
}
