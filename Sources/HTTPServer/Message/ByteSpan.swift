import Glibc

/// Reading protocol bytes in place.
extension Span where Element == UInt8 {
    /// The first place of a byte at or after `start`, or `nil`.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start >= 0, start < count else { return nil }
        return withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return nil }
            guard let found = memchr(base + start, Int32(byte), bytes.count - start) else { return nil }
            return UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// Whether the bytes are exactly those.
    func equals(_ other: StaticString) -> Bool {
        guard count == other.utf8CodeUnitCount else { return false }
        return withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return true }
            return memcmp(base, other.utf8Start, bytes.count) == 0
        }
    }

    /// Whether the bytes are those, with ASCII letters in either case; `other` is in lower case.
    func equals(ignoringCase other: StaticString) -> Bool {
        guard count == other.utf8CodeUnitCount else { return false }
        for index in indices where self[index].lowercased != other.utf8Start[index] { return false }
        return true
    }

    /// Whether two runs of bytes are the same, with ASCII letters in either case.
    func equals(ignoringCase other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index].lowercased != other[index].lowercased { return false }
        return true
    }

    /// The range within `range` that is left without leading and trailing SP and HTAB.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, self[lower].isWhitespace { lower += 1 }
        while lower < upper, self[upper - 1].isWhitespace { upper -= 1 }
        return lower..<upper
    }

    /// Calls `body` with the range of each element of a comma-separated list (RFC 9110 section 5.6.1), trimmed.
    ///
    /// Empty elements are skipped and commas within quoted strings do not separate. Stops once `body` returns `false`.
    func forEachListElement(separator: UInt8 = UInt8(ascii: ","), in range: Range<Int>, _ body: (Range<Int>) -> Bool) {
        var start = range.lowerBound
        var index = start
        var isQuoted = false
        while index < range.upperBound {
            let byte = self[index]
            if isQuoted, byte == UInt8(ascii: "\\") {
                index += 1
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == separator, !isQuoted {
                let element = trimmed(start..<index)
                if !element.isEmpty, !body(element) { return }
                start = index + 1
            }
            index += 1
        }
        let element = trimmed(start..<range.upperBound)
        if !element.isEmpty { _ = body(element) }
    }

    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    func string(_ range: Range<Int>) -> String {
        extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

/// Writing protocol bytes.
extension [UInt8] {
    /// Appends text of this program's own.
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a run of bytes.
    mutating func append(_ bytes: borrowing Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    /// Appends a number that is not negative in decimal.
    mutating func appendDecimal(_ number: Int) { write(atMost: 20) { $0.appendDecimal(number) } }

    /// Appends a number that is not negative in hexadecimal.
    mutating func appendHexadecimal(_ number: Int) {
        let magnitude = number.magnitude
        let digits = Swift.max(1, (UInt.bitWidth - magnitude.leadingZeroBitCount + 3) / 4)
        for place in (0..<digits).reversed() {
            let digit = UInt8(truncatingIfNeeded: magnitude >> (4 * place) & 15)
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
