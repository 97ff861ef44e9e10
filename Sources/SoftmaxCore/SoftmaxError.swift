/// Why a call computed nothing that may be used.
///
/// Rows and columns count from 0 within the spans given. All cases but ``resultOverflows(row:column:)`` are thrown
/// before anything is written.
public enum SoftmaxError: Error, Equatable, Sendable {
    /// A span does not hold as many numbers as the others and `classes` call for.
    case shapeMismatch(expected: Int, actual: Int)

    /// `classes` is not positive.
    case noClasses

    /// Every logit of the row is -infinity.
    case allClassesMasked(row: Int)

    /// The logit is NaN or +infinity.
    case notANumberOrInfinite(row: Int, column: Int)

    /// The cotangent or tangent is NaN or infinite.
    case notFiniteVector(row: Int, column: Int)

    /// The temperature is zero, negative, NaN or infinite.
    case temperatureNotPositive

    /// The temperature is so small that its reciprocal, the scale of every derivative, overflows the scalar type.
    case temperatureTooSmall

    /// The Jacobian has no such row or entry; `position` counts within the requested entries, 0 for a range of rows.
    case indexOutOfRange(position: Int)

    /// The product with the Jacobian overflows the scalar type; the output's contents mean nothing.
    case resultOverflows(row: Int, column: Int)
}
