/// Sizes in bytes as settings have them: digits, or digits and a unit, as `65536`, `64k`, `64KiB` or `1MB`.
///
/// The units of IEC 80000-13 and a single letter are powers of 1024, as in nginx and systemd; kB, MB, GB and TB are powers
/// of 1000. Case means nothing.
enum ByteSize {
    private static let letters = ["k", "m", "g", "t"]

    /// The number of bytes; `nil` where the text is no size or the number does not fit.
    static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard digits.isDecimalDigits, let number = Int(digits) else { return nil }
        let unit = text[digits.endIndex...].lowercased()
        var factor = 1
        if !unit.isEmpty, unit != "b" {
            guard let power = letters.firstIndex(where: { unit.hasPrefix($0) }) else { return nil }
            switch unit.dropFirst() {
            case "", "ib": factor = 1 << (10 * (power + 1))
            case "b": for _ in 0...power { factor *= 1000 }
            default: return nil
            }
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : bytes
    }

    /// The size in the largest binary unit of which it is a whole number.
    static func text(_ bytes: Int) -> String {
        guard bytes > 0 else { return "\(bytes)" }
        let power = min(letters.count, bytes.trailingZeroBitCount / 10)
        return power == 0 ? "\(bytes)" : "\(bytes >> (10 * power))\(letters[power - 1].uppercased())iB"
    }
}

/// Durations as settings have them, to the millisecond: seconds, or a number and one of `ms`, `s`, `m` (or `min`) and `h`.
enum TimeSpan {
    private static let units = [("ms", 1.0), ("s", 1000), ("min", 60_000), ("m", 60_000), ("h", 3_600_000)]

    /// The number of milliseconds, rounded; `nil` where the text is no duration or it is longer than a day.
    static func milliseconds(_ text: String) -> Int? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let parts = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let unit = text[number.endIndex...]
        guard parts.allSatisfy(\.isDecimalDigits), let value = Double(number),
            let factor = unit.isEmpty ? 1000 : units.first(where: { $0.0 == unit })?.1,
            value * factor <= 86_400_000
        else { return nil }
        return Int((value * factor).rounded())
    }

    /// The duration in whole seconds, or else in milliseconds.
    static func text(_ milliseconds: Int) -> String {
        milliseconds.isMultiple(of: 1000) ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
