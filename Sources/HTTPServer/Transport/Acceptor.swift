/// A loop's listeners, one for each address.
///
/// Accepting pauses while there is no seat or descriptor left, or when it fails.
///
/// A level-triggered listener that cannot be accepted from would wake the loop without end. So listeners leave the poller
/// during a pause, which doubles from 5 ms to 100 ms, or ends as soon as one of the loop's connections closes.
struct Acceptor {
    private let listeners: [Listener]
    /// The listener to accept from next.
    private var turn = 0
    /// When to try again, `UInt64.max` while not paused.
    var pausedUntil = UInt64.max
    private(set) var isPaused = false
    /// When the listeners are to be closed, `UInt64.max` before ``beginEnding(now:)``.
    private(set) var closesAt = UInt64.max
    private(set) var isEnded = false
    private var pause: UInt64 = shortestPause

    private static let shortestPause: UInt64 = 5_000_000
    private static let longestPause: UInt64 = 100_000_000
    /// How long a TCP handshake in progress may take to complete: a round trip in most networks, nanoseconds.
    private static let handshakeGrace: UInt64 = 50_000_000

    init(listeners: [Listener]) { self.listeners = listeners }

    /// Adds the listeners to the poller; `false` where that fails.
    func watch(_ poller: Poller, token: UInt64) -> Bool {
        let isWatched = listeners.allSatisfy { poller.watchInput($0.descriptor, token: token) }
        if !isWatched { unwatch(poller) }
        return isWatched
    }

    /// Removes the listeners from the poller.
    func unwatch(_ poller: Poller) { listeners.forEach { poller.unwatch($0.descriptor) } }

    /// Accepts the next connection, from each address in turn.
    mutating func accept() -> Listener.Outcome {
        for _ in listeners {
            let outcome = listeners[turn].accept()
            turn = turn + 1 < listeners.count ? turn + 1 : 0
            if case .none = outcome { continue }
            return outcome
        }
        return .none
    }

    mutating func pause(now: UInt64) {
        isPaused = true
        pausedUntil = now &+ pause
        pause = min(pause * 2, Self.longestPause)
    }

    mutating func resume() {
        isPaused = false
        pausedUntil = .max
    }

    /// A connection was accepted: resets the length of the next pause.
    mutating func succeeded() { pause = Self.shortestPause }

    /// Refuses new connections, and schedules the listeners' close for when handshakes in progress are complete.
    mutating func beginEnding(now: UInt64) {
        listeners.forEach { $0.refuseConnections() }
        closesAt = now &+ Self.handshakeGrace
    }

    /// Closes the listeners.
    mutating func end() {
        listeners.forEach { $0.close() }
        isEnded = true
        isPaused = false
        pausedUntil = .max
        closesAt = .max
    }
}
