import CSimdjson

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
/// -Infinity becomes the string "-Infinity"; NaN and +Infinity are thrown as ``UnwritableNumber``, and then the output
/// holds a part of the values. Takes about 40 ns per number of 17 digits; the output grows geometrically.
public enum TensorWriter {
    /// Numbers printed per call: enough to make calls cheap, few enough to reserve little.
    private static let block = 1024

    /// Appends numbers with commas between them, no brackets.
    public static func append<Scalar: TensorScalar>(
        values: Span<Scalar>, to output: inout [UInt8]
    ) throws(UnwritableNumber) {
        let failure = values.withUnsafeBufferPointer { append($0, to: &output) }
        if let failure { throw failure }
    }

    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    private static func append<Scalar: TensorScalar>(
        _ values: UnsafeBufferPointer<Scalar>, to output: inout [UInt8]
    ) -> UnwritableNumber? {
        let format = Scalar.tensorFormat.wireFormat
        var start = 0
        while start < values.count, let base = values.baseAddress {
            let count = min(block, values.count - start)
            var isWritten = true
            output.append(addingCapacity: count * csimdjson_printed_number_size + 1) { span in
                if start > 0 { span.append(UInt8(ascii: ",")) }
                span.withUnsafeMutableBufferPointer { buffer, initialized in
                    guard let text = buffer.baseAddress else { preconditionFailure("room was made for the numbers") }
                    let written = csimdjson_numbers_print(base + start, count, format, text + initialized)
                    isWritten = written >= 0
                    if isWritten { initialized += written }
                }
            }
            guard isWritten else {
                let isUnwritable = { (value: Scalar) in !value.isFinite && value != -.infinity }
                return UnwritableNumber(position: values[start...].firstIndex(where: isUnwritable) ?? start)
            }
            start += count
        }
        return nil
    }
}
