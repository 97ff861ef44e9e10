/// Reading protocol bytes in place.
extension Span where Element == UInt8 {
    /// The eight bytes from an index on, the first in the lowest place.
    @inline(__always)
    private func word(at index: Int) -> UInt64 {
        precondition(index >= 0 && index <= count - 8, "a word lies within its span")
        // Not checked a second time.
        return UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
    }

    /// The first place of a byte at or after `start`, or `nil`.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start >= 0 else { return nil }
        var index = start
        let pattern = 0x0101_0101_0101_0101 &* UInt64(byte)
        while index <= count - 8 {
            let difference = word(at: index) ^ pattern
            // The top bit of each byte that is zero, and perhaps of ones above it.
            let found = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// The first place from `start` on whose byte is not in that set; `end` where there is none before it.
    ///
    /// Eight bytes at a time where they are letters, digits, `-` and `.`: all sets have these, and what is scanned, names,
    /// hosts and paths, is made of little else.
    func firstIndex(notIn set: ByteSet, from start: Int, before end: Int) -> Int {
        var index = start
        while index < end {
            if index <= count - 8 {
                index += Self.commonPrefix(word(at: index))
                guard index < end else { return end }
            }
            guard set.contains(self[index]) else { return index }
            index += 1
        }
        return end
    }

    /// How many of eight bytes, from the first on, are ASCII letters, digits, `-` or `.`.
    @inline(__always)
    private static func commonPrefix(_ word: UInt64) -> Int {
        // Without its top bit a byte can be added to without a carry into the next one.
        let low = word & 0x7F7F_7F7F_7F7F_7F7F
        // The top bit of each byte that is "a" or above once it is made small, and of each above "z".
        let small = low | 0x2020_2020_2020_2020
        let letters = (small &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(small &+ 0x0505_0505_0505_0505)
        // The same from "-" to "9", which leaves out "/".
        let others = (low &+ 0x5353_5353_5353_5353) & ~(low &+ 0x4646_4646_4646_4646)
        let isNoSlash = (low ^ 0x2F2F_2F2F_2F2F_2F2F) &+ 0x7F7F_7F7F_7F7F_7F7F
        let common = (letters | others & isNoSlash) & ~word
        return (~common & 0x8080_8080_8080_8080).trailingZeroBitCount / 8
    }

    /// Whether all are bytes that a field value can have (RFC 9110 section 5.5).
    var isFieldValue: Bool { firstControl(from: 0) == count }

    /// The first place from `start` on of a byte that no field value can have (RFC 9110 section 5.5); the end where there
    /// is none.
    @inline(__always)
    func firstControl(from start: Int) -> Int {
        var index = start
        while index <= count - 8 {
            let word = word(at: index)
            let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
            // The top bit of each byte that is below 0x20 or is 0x7F, and perhaps of ones above such a byte.
            let below = (word &- 0x2020_2020_2020_2020) & ~word
            let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete
            let found = (below | isDelete) & 0x8080_8080_8080_8080
            if found == 0 {
                index += 8
            } else {
                index += found.trailingZeroBitCount / 8
                guard self[index] == .tab else { return index }
                index += 1
            }
        }
        while index < count, self[index].isFieldValueByte { index += 1 }
        return index
    }

    /// Whether the bytes are exactly those.
    ///
    /// Inlined, since a literal then becomes a number to compare with.
    @inline(__always)
    package func equals(_ other: StaticString) -> Bool {
        guard count == other.utf8CodeUnitCount else { return false }
        var index = 0
        while index <= count - 8 {
            let theirs = UnsafeRawPointer(other.utf8Start + index).loadUnaligned(as: UInt64.self)
            if word(at: index) != UInt64(littleEndian: theirs) { return false }
            index += 8
        }
        while index < count {
            if self[index] != other.utf8Start[index] { return false }
            index += 1
        }
        return true
    }

    /// Whether two runs of bytes are the same.
    package func equals(_ other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }

    /// Whether the bytes are those, with ASCII letters in either case; `other` is in lower case.
    ///
    /// Inlined for the same reason.
    @inline(__always)
    func equals(ignoringCase other: StaticString) -> Bool {
        guard count == other.utf8CodeUnitCount else { return false }
        guard count >= 8 else {
            for index in indices where self[index].lowercased != other.utf8Start[index] { return false }
            return true
        }
        var index = 0
        while true {
            let theirs = UnsafeRawPointer(other.utf8Start + index).loadUnaligned(as: UInt64.self)
            if Self.lowercased(word(at: index)) != UInt64(littleEndian: theirs) { return false }
            if index == count - 8 { return true }
            // The last word may overlap the one before it.
            index = min(index + 8, count - 8)
        }
    }

    /// Eight bytes with ASCII capitals made small.
    @inline(__always)
    private static func lowercased(_ word: UInt64) -> UInt64 {
        let low = word & 0x7F7F_7F7F_7F7F_7F7F
        // The top bit of each byte that is "A" or above, and of each above "Z"; bytes of 128 and above are neither.
        let fromA = low &+ 0x3F3F_3F3F_3F3F_3F3F
        let aboveZ = low &+ 0x2525_2525_2525_2525
        let capitals = fromA & ~aboveZ & ~word & 0x8080_8080_8080_8080
        return word | capitals >> 2
    }

    /// Whether two runs of bytes are the same, with ASCII letters in either case.
    func equals(ignoringCase other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index].lowercased != other[index].lowercased { return false }
        return true
    }

    /// The range within `range` that is left without leading and trailing SP and HTAB.
    @inline(__always)
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, self[lower].isWhitespace { lower += 1 }
        while lower < upper, self[upper - 1].isWhitespace { upper -= 1 }
        return lower..<upper
    }

    /// Calls `body` with the range of each element of a comma-separated list (RFC 9110 section 5.6.1), trimmed.
    ///
    /// Empty elements are skipped. Stops once `body` returns `false`.
    ///
    /// - Parameter hasQuotedStrings: whether a separator within a quoted string (RFC 9110 section 5.6.4) is part of it.
    func forEachListElement(
        separator: UInt8 = UInt8(ascii: ","), hasQuotedStrings: Bool = true, in range: Range<Int>,
        _ body: (Range<Int>) -> Bool
    ) {
        var start = range.lowerBound
        var index = start
        var isQuoted = false
        while index < range.upperBound {
            let byte = self[index]
            if isQuoted, byte == UInt8(ascii: "\\") {
                index += 1
            } else if byte == UInt8(ascii: "\""), hasQuotedStrings {
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
    package var text: String { withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } }

    /// The bytes in storage of their own.
    package var array: [UInt8] { withUnsafeBufferPointer { Array($0) } }
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
}

extension OutputSpan where Element == UInt8 {
    /// Appends a run of bytes, for which there is room.
    package mutating func append(_ bytes: borrowing Span<UInt8>) {
        bytes.withUnsafeBufferPointer { bytes in
            withUnsafeMutableBufferPointer { buffer, count in
                precondition(bytes.count <= buffer.count - count, "an output span has room for what is appended")
                _ = UnsafeMutableBufferPointer(rebasing: buffer[count...]).initialize(fromContentsOf: bytes)
                count += bytes.count
            }
        }
    }
}
