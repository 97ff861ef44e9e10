/// How much JSON a request may hold, beyond the body size that the HTTP layer limits.
///
/// Both are checked before any memory is taken for values.
public struct TensorLimits: Equatable, Sendable {
    /// The deepest nesting of a member's value, in arrays and objects inside each other.
    ///
    /// Default 32; values outside 1…64 count as the nearer bound. Passing it is an error of kind
    /// ``TensorJSONError/Kind/depth``, HTTP status 400.
    public var depth = 32

    /// The most numbers, strings and literals in one member's value.
    ///
    /// Default 16 777 216 (2²⁴). Passing it is an error of kind ``TensorJSONError/Kind/elements``, HTTP status 413.
    public var elements = 1 << 24

    /// The defaults.
    public init() {}

    /// ``depth`` within its bounds.
    var deepest: Int { max(1, min(depth, 64)) }
}
