/// A loop's listeners, one for each address, and whether they are listened to: accepting pauses while there is no seat or
/// descriptor left, or when it fails.
///
/// A level-triggered listener nobody can accept from would wake the loop without end; so they are taken out of the poller
/// and tried again after a pause that doubles from 5 ms to 100 ms, or as soon as one of the loop's connections closes.
struct Acceptor {
    private let listeners: [Listener]
    /// The one to accept from next.
    private var turn = 0
    /// When to try again, `UInt64.max` while not paused.
    var pausedUntil = UInt64.max
    private(set) var isPaused = false
    /// When it is to be closed, `UInt64.max` while it takes connections.
    private(set) var closesAt = UInt64.max
    private(set) var isEnded = false
    private var pause: UInt64 = shortestPause

    private static let shortestPause: UInt64 = 5_000_000
    private static let longestPause: UInt64 = 100_000_000
    /// How long a handshake that has begun may take to end: a round trip in most networks, nanoseconds.
    private static let handshakeGrace: UInt64 = 50_000_000

    init(listeners: [Listener]) { self.listeners = listeners }

    /// Has the poller tell of connections that wait; `false` where it has no room.
    func watch(_ poller: Poller, token: UInt64) -> Bool {
        let isWatched = listeners.allSatisfy { poller.watchInput($0.descriptor, token: token) }
        if !isWatched { unwatch(poller) }
        return isWatched
    }

    /// Has it tell of none.
    func unwatch(_ poller: Poller) { listeners.forEach { poller.unwatch($0.descriptor) } }

    /// Takes the next connection that waits, from each address in turn.
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

    /// A connection was accepted: the next pause is a short one.
    mutating func succeeded() { pause = Self.shortestPause }

    /// Begins no more connections, and is to be closed for good once the handshakes under way are over.
    mutating func beginEnding(now: UInt64) {
        listeners.forEach { $0.beginNoMore() }
        closesAt = now &+ Self.handshakeGrace
    }

    /// Closed.
    mutating func end() {
        listeners.forEach { $0.close() }
        isEnded = true
        isPaused = false
        pausedUntil = .max
        closesAt = .max
    }
}
