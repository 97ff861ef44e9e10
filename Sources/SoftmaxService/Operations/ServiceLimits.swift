package import TensorJSON

/// What a request may ask of the arithmetic, beyond what the HTTP server limits.
package struct ServiceLimits: Sendable, Equatable {
    /// Nesting and numbers of one request's tensors.
    ///
    /// Past them 400 (depth) or 413 (elements).
    package var tensor = TensorLimits()
    /// Numbers in one reply.
    ///
    /// Past it 413. 2²⁷ holds a dense Jacobian of 11 585 classes; replies of that size are streamed, so this bounds
    /// time and traffic, not memory.
    package var replyNumbers = 1 << 27

    /// The defaults.
    package init() {}
}
