/// A moment in UTC by the Gregorian calendar.
package struct CivilDate: Sendable, Equatable {
    /// The year; 0 is 1 BC.
    package let year: Int
    /// 1…12.
    package let month: Int
    /// 1…31.
    package let day: Int
    /// Days since Sunday, 0…6.
    package let weekday: Int
    /// 0…23.
    package let hour: Int
    /// 0…59.
    package let minute: Int
    /// 0…59: time since 1970 has no leap seconds.
    package let second: Int

    /// That many seconds since 1970-01-01T00:00:00Z.
    package init(unixSeconds: Int) {
        let (days, secondOfDay) = unixSeconds.quotientAndRemainderFlooring(86_400)
        // In eras of 400 years that begin on 1 March, so that the leap day comes last.
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainderFlooring(146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = (monthFromMarch + 2) % 12 + 1
        year = era * 400 + yearOfEra + (month < 3 ? 1 : 0)
        weekday = (days + 4).quotientAndRemainderFlooring(7).remainder
        hour = secondOfDay / 3_600
        minute = secondOfDay / 60 % 60
        second = secondOfDay % 60
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

extension [UInt8] {
    /// Appends the last decimal digits of a number that is not negative, exactly `count` of them.
    package mutating func appendDigits(of number: Int, count: Int) {
        var divisor = 1
        for _ in 1..<count { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
