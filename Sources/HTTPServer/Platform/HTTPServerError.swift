/// Why a server could not start.
public struct HTTPServerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The operation that failed: `"resolve"`, `"bind"`, `"listen"` … .
    public var operation: String
    /// What it was applied to, `host:port` for most.
    public var subject: String
    /// The operating system's reason in words.
    public var reason: String

    /// One line for a person.
    public var description: String { "cannot \(operation) \(subject): \(reason)" }
}
