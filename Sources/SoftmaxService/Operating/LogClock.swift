import HTTPServer

/// RFC 3339 timestamps in UTC with milliseconds; the part up to the seconds is cached.
struct LogClock {
    private var second = Int.min
    private var text: [UInt8] = []

    mutating func appendNow(to line: inout ByteWriter) {
        let now = SystemClock.unix
        if now.seconds != second {
            second = now.seconds
            text = Self.text(of: CivilDate(unixSeconds: second))
        }
        line.append(text.span)
        line.append(UInt8(ascii: "."))
        let milliseconds = now.nanoseconds / 1_000_000
        for divisor in [100, 10, 1] { line.append(UInt8(ascii: "0") + UInt8(milliseconds / divisor % 10)) }
        line.append(UInt8(ascii: "Z"))
    }

    /// `2024-02-29T23:59:59`.
    static func text(of date: CivilDate) -> [UInt8] {
        var text: [UInt8] = []
        text.appendDigits(of: date.year, count: 4)
        let parts = [("-", date.month), ("-", date.day), ("T", date.hour), (":", date.minute), (":", date.second)]
        for (separator, value) in parts {
            text += separator.utf8
            text.appendDigits(of: value, count: 2)
        }
        return text
    }
}
