/// What other threads tell a loop.
enum LoopMessage: Sendable {
    /// Deferred work is done.
    case reply(ConnectionID, stream: Int, HTTPReply)
    /// A piece of a streamed body is made.
    case piece(ConnectionID, stream: Int, [[UInt8]], HTTPBodyProgress)
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

/// The way into a loop from other threads: a list under a lock, and what wakes the loop.
final class Mailbox: Sendable {
    private let wakeUp: WakeUp
    /// `nil` once the loop has ended.
    private let messages = Locked<[LoopMessage]?>([])

    /// An empty one.
    init() throws(HTTPServerError) { wakeUp = try WakeUp() }

    /// What the loop's poller is to watch: readable while messages wait.
    var descriptor: Int32 { wakeUp.descriptor }

    /// Leaves a message.
    ///
    /// From any thread, also after the loop has ended: then it is dropped.
    func post(_ message: LoopMessage) {
        let count = messages.withLock { messages in
            messages?.append(message)
            return messages?.count
        }
        // One wake-up for as many messages as gather until the loop takes them.
        if count == 1 { wakeUp.signal() }
        if count == nil, case .turn(let whenOver) = message { whenOver() }
    }

    /// Takes all messages, oldest first.
    ///
    /// `emptied` lends its storage to the next ones.
    func take(into emptied: inout [LoopMessage]) {
        wakeUp.clear()
        messages.withLock { messages in
            let taken = messages ?? []
            messages = emptied
            emptied = taken
        }
    }

    /// The loop has ended: drops what nobody will read any more.
    func end() {
        let left = messages.withLock { $0.take() }
        for case .turn(let whenOver) in left ?? [] { whenOver() }
    }
}
