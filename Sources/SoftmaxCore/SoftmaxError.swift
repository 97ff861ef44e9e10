/// Why a call has no result.
///
/// Rows and columns count from 0 within the given spans. All cases except ``resultOverflows(row:column:)`` are thrown
/// before anything is written.
public enum SoftmaxError: Error, Equatable, Sendable {
    /// The count of a span does not match `classes` and the other spans.
    case shapeMismatch(expected: Int, actual: Int)

    /// `classes` is not positive.
    case noClasses

    /// All logits of the row are -infinity.
    case allClassesMasked(row: Int)

    /// The logit is NaN or +infinity.
    case notANumberOrInfinite(row: Int, column: Int)

    /// The cotangent or tangent is NaN or infinite.
    case notFiniteVector(row: Int, column: Int)

    /// The temperature is zero, negative, NaN or infinite.
    case temperatureNotPositive

    /// The temperature is so small that its reciprocal, the scale of every derivative, overflows the scalar type.
    case temperatureTooSmall

    /// A requested entry or row is outside the Jacobian; `position` is the entry's index in the request, 0 for rows.
    case indexOutOfRange(position: Int)

    /// The product with the Jacobian overflows the scalar type; the contents of the output are unspecified.
    case resultOverflows(row: Int, column: Int)
}
