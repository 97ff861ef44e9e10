package import TensorJSON

/// Limits on a request's tensors and on its reply; the HTTP server's own limits are in `HTTPLimits`.
package struct ServiceLimits: Sendable, Equatable {
    /// Nesting depth and element count of one tensor.
    ///
    /// Beyond them 400 (depth) or 413 (elements).
    package var tensor = TensorLimits()
    /// Numbers in one reply.
    ///
    /// Beyond it 413. 2²⁷ holds a dense Jacobian of 11 585 classes; replies of that size are streamed, so this bounds
    /// time and traffic, not memory.
    package var replyNumbers = 1 << 27

    /// The defaults.
    package init() {}
}
