/// A listener and whether it is being listened to: accepting pauses while there is no seat or descriptor left.
///
/// A level-triggered listener nobody can accept from would wake the loop without end; so it is taken out of the poller
/// and tried again after a pause that doubles from 5 ms to 100 ms, or as soon as one of the loop's connections closes.
struct Acceptor {
    let listener: Listener
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

    init(listener: Listener) { self.listener = listener }

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
        listener.beginNoMore()
        closesAt = now &+ Self.handshakeGrace
    }

    /// Closed.
    mutating func end() {
        listener.close()
        isEnded = true
        isPaused = false
        pausedUntil = .max
        closesAt = .max
    }
}
