import CNumberText

/// A NaN or +Infinity was to be written as JSON, which has no such number.
public struct UnwritableNumber: Error, Equatable, Sendable {
    /// Its index among the values handed over.
    public let position: Int

    /// The error for the value at an index.
    public init(position: Int) {
        self.position = position
    }
}

/// Writes numbers as JSON: each as the shortest text that reads back to the same value of its format.
///
/// -Infinity becomes the string "-Infinity"; NaN and +Infinity are thrown as ``UnwritableNumber``. Takes about 10 ns per
/// number of 17 digits.
public enum TensorWriter {
    /// The bytes that a number takes at most, with the comma before it.
    public static var bytesPerNumber: Int { Int(number_text_size) }

    /// The bytes that have to be free behind the last number: numbers are written in whole words.
    public static var slack: Int { Int(number_text_slack) }

    /// Appends numbers with commas between them, no brackets.
    ///
    /// There must be room for ``bytesPerNumber`` bytes for each and ``slack`` more. Where one cannot be written, nothing
    /// is.
    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    public static func append<Scalar: TensorScalar>(
        _ values: Span<Scalar>, to output: inout OutputSpan<UInt8>
    ) throws(UnwritableNumber) {
        precondition(
            values.count <= (output.freeCapacity - slack) / bytesPerNumber, "room is made for all numbers, and slack")
        let isWritten = values.withUnsafeBufferPointer { values in
            output.withUnsafeMutableBufferPointer { buffer, count in
                guard let numbers = values.baseAddress, let text = buffer.baseAddress else { return true }
                let written = number_text_print(
                    numbers, values.count, Scalar.tensorFormat.wireFormat, text + count)
                count += max(0, written)
                return written >= 0
            }
        }
        guard isWritten else {
            let position = values.indices.first { !values[$0].isFinite && values[$0] != -.infinity }
            throw UnwritableNumber(position: position ?? 0)
        }
    }
}
