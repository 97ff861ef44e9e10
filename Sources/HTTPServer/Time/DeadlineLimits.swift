/// A server's deadlines, in nanoseconds.
package struct DeadlineLimits: Sendable {
    package var head: UInt64
    package var body: UInt64
    package var idle: UInt64
    package var write: UInt64
    package var linger: UInt64
    package var request: UInt64
    package var drainDelay: UInt64
    package var drain: UInt64
    /// Bytes per second, at least 1.
    package var rate: UInt64
}
