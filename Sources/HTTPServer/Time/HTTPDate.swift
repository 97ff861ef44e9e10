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
        let date = CivilDate(unixSeconds: unixSeconds)
        var text: [UInt8] = []
        text.reserveCapacity(29)
        text += Array("SunMonTueWedThuFriSat".utf8)[date.weekday * 3..<date.weekday * 3 + 3]
        text += ", ".utf8
        text.appendDigits(of: date.day, count: 2)
        text += " ".utf8
        text += Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)[date.month * 3 - 3..<date.month * 3]
        text += " ".utf8
        text.appendDigits(of: date.year, count: 4)
        for (separator, value) in [(" ", date.hour), (":", date.minute), (":", date.second)] {
            text += separator.utf8
            text.appendDigits(of: value, count: 2)
        }
        text += " GMT".utf8
        return text
    }
}
