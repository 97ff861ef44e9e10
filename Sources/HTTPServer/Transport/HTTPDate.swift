/// The value of a `Date` field, IMF-fixdate (RFC 9110 section 5.6.7), made once a second.
package struct HTTPDate: BitwiseCopyable, Sendable {
    private var second = Int.min
    /// The value as last made, for example `Sun, 06 Nov 1994 08:49:37 GMT`.
    package private(set) var value = InlineArray<29, UInt8>(repeating: UInt8(ascii: " "))

    /// The date at that many seconds since 1970-01-01T00:00:00Z.
    package init(unixSeconds: Int) { update(unixSeconds: unixSeconds) }

    /// Makes the value anew where the second has changed.
    package mutating func update(unixSeconds: Int) {
        guard unixSeconds != second else { return }
        second = unixSeconds
        let text = Self.format(unixSeconds)
        for index in value.indices { value[index] = text[index] }
    }

    /// The IMF-fixdate of that many seconds since 1970-01-01T00:00:00Z; years 0000…9999.
    package static func format(_ unixSeconds: Int) -> [UInt8] {
        let (days, second) = unixSeconds.quotientAndRemainderFlooring(86_400)
        // Days to a civil date, in eras of 400 years that begin on 1 March, so that the leap day comes last.
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainderFlooring(146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = (monthFromMarch + 2) % 12
        let year = era * 400 + yearOfEra + (month < 2 ? 1 : 0)
        let weekday = (days + 4).quotientAndRemainderFlooring(7).remainder

        var text: [UInt8] = []
        text.reserveCapacity(29)
        func digits(_ value: Int, _ count: Int) {
            var divisor = count == 4 ? 1_000 : 10
            while divisor > 0 {
                text.append(UInt8(truncatingIfNeeded: 48 + value / divisor % 10))
                divisor /= 10
            }
        }
        text += Array("SunMonTueWedThuFriSat".utf8)[weekday * 3..<weekday * 3 + 3]
        text += ", ".utf8
        digits(day, 2)
        text += " ".utf8
        text += Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)[month * 3..<month * 3 + 3]
        text += " ".utf8
        digits(year, 4)
        text += " ".utf8
        digits(second / 3_600, 2)
        text += ":".utf8
        digits(second / 60 % 60, 2)
        text += ":".utf8
        digits(second % 60, 2)
        text += " GMT".utf8
        return text
    }
}

extension Int {
    /// Division that rounds down, so that the remainder is never negative.
    ///
    /// `divisor` is positive.
    fileprivate func quotientAndRemainderFlooring(_ divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
