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

/// The way into a loop from other threads: a list, and what wakes the loop.
final class Mailbox: Sendable {
    private let wakeUp: WakeUp
    private let messages = Inbox<LoopMessage>()

    /// An empty one.
    init() throws(HTTPServerError) { wakeUp = try WakeUp() }

    /// What the loop's poller is to watch: readable while messages wait.
    var descriptor: Int32 { wakeUp.descriptor }

    /// Leaves a message.
    ///
    /// From any thread, also after the loop has ended: then it is dropped.
    func post(_ message: LoopMessage) {
        switch messages.add(message) {
        // One wake-up for as many messages as gather until the loop takes them.
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

    /// The loop has ended: drops what nobody will read any more.
    func end() {
        for case .turn(let whenOver) in messages.close() { whenOver() }
    }
}
