/// An escape that RFC 8259 section 7 does not have.
struct JSONEscapeError: Error {
    let reason: String
    /// The bytes from the opening quote to the backslash, or to the end where the closing quote is missing.
    let position: Int
}

/// Checks a string's escapes; returns how many bytes the string takes, both quotes included.
///
/// `text` starts with the opening quote. An escaped surrogate without its other half is refused: it has no UTF-8.
func checkQuoted(_ text: UnsafeBufferPointer<UInt8>) throws(JSONEscapeError) -> Int {
    var at = 1
    while at < text.count {
        switch text[at] {
        case UInt8(ascii: "\""): return at + 1
        case UInt8(ascii: "\\"):
            guard let escape = JSONEscape(in: text, at: at) else {
                throw JSONEscapeError(reason: "a bad escape in a string", position: at)
            }
            at += escape.length
        default: at += 1
        }
    }
    throw JSONEscapeError(reason: "a string without an end", position: 0)
}

/// A string's text, from its bytes between the quotes, escapes checked before.
func decodeQuoted(_ quoted: UnsafeBufferPointer<UInt8>) -> String {
    guard quoted.contains(UInt8(ascii: "\\")) else { return String(decoding: quoted, as: UTF8.self) }
    var text: [UInt8] = []
    text.reserveCapacity(quoted.count)
    var at = 0
    while at < quoted.count {
        if quoted[at] == UInt8(ascii: "\\"), let escape = JSONEscape(in: quoted, at: at) {
            text.append(contentsOf: Unicode.UTF8.encode(escape.scalar) ?? Unicode.UTF8.encodedReplacementCharacter)
            at += escape.length
        } else {
            text.append(quoted[at])
            at += 1
        }
    }
    return String(decoding: text, as: UTF8.self)
}

/// One escape sequence: `\n`, `\u20AC`, or the two halves of a surrogate pair.
private struct JSONEscape {
    let scalar: Unicode.Scalar
    /// The bytes it takes.
    let length: Int

    /// The escape whose backslash is at a position; nil if there is no such escape.
    init?(in text: UnsafeBufferPointer<UInt8>, at backslash: Int) {
        guard backslash + 1 < text.count else { return nil }
        if let scalar = Self.short(text[backslash + 1]) {
            self.scalar = scalar
            length = 2
            return
        }
        guard let unit = Self.codeUnit(in: text, at: backslash) else { return nil }
        if let scalar = Unicode.Scalar(unit) {
            self.scalar = scalar
            length = 6
            return
        }
        guard let low = Self.codeUnit(in: text, at: backslash + 6), UTF16.isLeadSurrogate(unit),
            UTF16.isTrailSurrogate(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF)))
        else { return nil }
        self.scalar = scalar
        length = 12
    }

    /// What a backslash and this letter stand for; nil for "u" and for letters that mean nothing.
    private static func short(_ letter: UInt8) -> Unicode.Scalar? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): Unicode.Scalar(letter)
        case UInt8(ascii: "b"): "\u{08}"
        case UInt8(ascii: "f"): "\u{0C}"
        case UInt8(ascii: "n"): "\n"
        case UInt8(ascii: "r"): "\r"
        case UInt8(ascii: "t"): "\t"
        default: nil
        }
    }

    /// The UTF-16 code unit that `\uXXXX` stands for.
    private static func codeUnit(in text: UnsafeBufferPointer<UInt8>, at backslash: Int) -> UInt16? {
        guard backslash + 6 <= text.count, text[backslash] == UInt8(ascii: "\\"),
            text[backslash + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt16 = 0
        for byte in text[(backslash + 2)..<(backslash + 6)] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}
