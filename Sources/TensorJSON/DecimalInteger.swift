/// What a JSON number is as an integer.
enum DecimalInteger {
    case value(Int)
    case fraction
    case tooLarge

    /// Reads a well-formed number exactly: digits, a point, an exponent, white space after it.
    init(_ text: UnsafeBufferPointer<UInt8>) {
        let isNegative = text.first == UInt8(ascii: "-")
        var value = 0
        var overflowed = false
        // Zeros are held back until a digit other than 0 follows, so that 1.000 and 1000e-3 are seen to be 1.
        var zeros = 0
        var scale = 0
        var position = isNegative ? 1 : 0
        var isAfterPoint = false

        func shiftLeft(_ digit: Int) {
            let shifted = value.multipliedReportingOverflow(by: 10)
            let sum = shifted.partialValue.subtractingReportingOverflow(digit)
            overflowed = overflowed || shifted.overflow || sum.overflow
            if !overflowed { value = sum.partialValue }
        }

        // Summed up as a negative number, whose range is the larger one.
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "."): isAfterPoint = true
            case let byte where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
                if isAfterPoint { scale -= 1 }
                if byte == UInt8(ascii: "0") {
                    if value != 0 || overflowed { zeros += 1 }
                } else {
                    while zeros > 0, !overflowed {
                        shiftLeft(0)
                        zeros -= 1
                    }
                    shiftLeft(Int(byte - UInt8(ascii: "0")))
                    zeros = 0
                }
            default: break
            }
            if text[position] | 0x20 == UInt8(ascii: "e") { break }
            position += 1
        }
        guard value != 0 || overflowed else {
            self = .value(0)
            return
        }
        scale += zeros + Self.exponent(text[min(position, text.count)...])
        guard scale >= 0 else {
            self = .fraction
            return
        }
        while scale > 0, !overflowed {
            shiftLeft(0)
            scale -= 1
        }
        if !overflowed, !isNegative, value == .min { overflowed = true }
        self = overflowed ? .tooLarge : .value(isNegative ? value : -value)
    }

    /// The exponent after the digits, 0 if there is none, bounded by ±2⁴⁰: beyond any body's length.
    private static func exponent(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        let bound = 1 << 40
        var exponent = 0
        for byte in text where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            exponent = min(bound, exponent * 10 + Int(byte - UInt8(ascii: "0")))
        }
        return text.dropFirst().first == UInt8(ascii: "-") ? -exponent : exponent
    }
}
