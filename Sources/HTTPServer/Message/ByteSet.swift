/// A set of ASCII bytes, as two words of bits: membership is a shift, without a table in memory.
///
/// Protocol bytes are never read through `Character` or `String`: `"\r\n"` is one Character, and the Kelvin sign
/// lowercases to `k`.
package struct ByteSet: BitwiseCopyable, Sendable {
    private let low: UInt64
    private let high: UInt64

    /// The bytes below 64 whose bits are set in `low`, and those from 64 on in `high`.
    private init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// Whether the set holds the byte; never for one of 128 and above.
    @inline(__always)
    package func contains(_ byte: UInt8) -> Bool {
        let word = byte < 64 ? low : high
        return byte < 128 && (word >> UInt64(byte & 63)) & 1 == 1
    }

    // Constants, so that nothing is made at run time; a test holds them against the letters, digits and others that they
    // stand for.

    /// `tchar` (RFC 9110 section 5.6.2): what methods, field names and tokens are made of.
    package static var token: ByteSet { ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }
    /// `pchar` without percent-encoding and `/` (RFC 3986 section 3.3), and what clients leave as it is in a path beyond
    /// that: the URL standard's path percent-encode set has neither `[`, `]` nor `|`, and for long had no `^`.
    package static var path: ByteSet { ByteSet(low: 0x2FFF_FFD2_0000_0000, high: 0x57FF_FFFE_EFFF_FFFF) }
    /// A path's bytes, `?` (RFC 3986 section 3.4), and what else the URL standard's query percent-encode set leaves as it
    /// is.
    package static var query: ByteSet { ByteSet(low: 0xAFFF_FFD2_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF) }
    /// The unreserved characters (RFC 3986 section 2.3): what registered names in use are made of.
    package static var unreserved: ByteSet { ByteSet(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }
}

extension UInt8 {
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let tab: UInt8 = 0x09

    /// SP or HTAB, of which optional whitespace is made (RFC 9110 section 5.6.3).
    @inline(__always) var isWhitespace: Bool { self == .space || self == .tab }

    /// Allowed within a field value (RFC 9110 section 5.5): visible ASCII, SP, HTAB and obs-text.
    @inline(__always) var isFieldValueByte: Bool { (self >= 0x20 && self != 0x7F) || self == .tab }

    /// A decimal digit's value.
    @inline(__always) package var decimalValue: UInt8? {
        let value = self &- UInt8(ascii: "0")
        return value < 10 ? value : nil
    }

    /// A hexadecimal digit's value.
    @inline(__always) var hexadecimalValue: UInt8? {
        if let decimal = decimalValue { return decimal }
        let letter = (self | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter + 10 : nil
    }

    /// An ASCII capital's small letter, any other byte itself.
    @inline(__always) var lowercased: UInt8 {
        self &- UInt8(ascii: "A") < 26 ? self | 0x20 : self
    }
}
