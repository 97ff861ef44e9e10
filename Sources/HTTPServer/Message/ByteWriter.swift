/// Writes many small pieces of text into room that was made for all of them at once.
///
/// Appending them to an array one by one looks for room and for other owners each time, about 100 instructions a piece;
/// a reply's head and its log line are some forty pieces. Writing past the room traps: the caller reserves an upper bound
/// of what it writes.
package struct ByteWriter: ~Copyable {
    @usableFromInline let room: UnsafeMutableBufferPointer<UInt8>
    /// Bytes in the room so far.
    @usableFromInline var count: Int

    @usableFromInline init(_ room: UnsafeMutableBufferPointer<UInt8>, count: Int) {
        precondition(count >= 0 && count <= room.count, "a writer begins within its room")
        self.room = room
        self.count = count
    }

    /// Where the next `size` bytes go.
    ///
    /// Not a slice of the room: a slice checks its bounds three times over, which is most of what a short piece costs.
    @inlinable @inline(__always)
    mutating func reserve(_ size: Int) -> UnsafeMutableBufferPointer<UInt8> {
        let start = count
        // From 0 to the room's end, so that neither the difference nor the sum overflows.
        precondition(size >= 0 && size <= room.count &- start, "a writer is given room for all it writes")
        count = start &+ size
        return UnsafeMutableBufferPointer(start: room.baseAddress.map { $0 + start }, count: size)
    }

    /// Appends text of this program's own; a literal's length is known when this is compiled.
    @inlinable @inline(__always)
    package mutating func append(_ text: StaticString) {
        let source = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        _ = reserve(source.count).initialize(fromContentsOf: source)
    }

    /// Appends one byte.
    @inlinable @inline(__always)
    package mutating func append(_ byte: UInt8) { reserve(1)[0] = byte }

    /// Appends a run of bytes.
    package mutating func append(_ bytes: borrowing Span<UInt8>) {
        bytes.withUnsafeBufferPointer { _ = reserve($0.count).initialize(fromContentsOf: $0) }
    }

    /// Appends a string's UTF-8.
    ///
    /// Disfavoured, as a literal would be taken for a String before it is taken for a StaticString.
    @_disfavoredOverload
    package mutating func append(_ text: String) {
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
            _ = reserve($0.count).initialize(fromContentsOf: $0)
        }
        if isDone == nil { append(Array(text.utf8).span) }
    }

    /// Appends a number that is not negative in decimal: 20 bytes at most.
    package mutating func appendDecimal(_ number: Int) {
        var divisor: UInt = 1
        var length = 1
        let magnitude = number.magnitude
        while magnitude / 10 >= divisor {
            divisor *= 10
            length += 1
        }
        let target = reserve(length)
        var rest = magnitude
        var index = length
        while index > 0 {
            index -= 1
            target[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// Appends a number in lower-case hexadecimal: so many digits, the last ones of it, or as many as it has.
    package mutating func appendHexadecimal(_ number: UInt64, digits: Int? = nil) {
        let count = digits ?? max(1, (UInt64.bitWidth - number.leadingZeroBitCount + 3) / 4)
        let target = reserve(count)
        if count == 16 {
            // The common number, a request's identifier: eight digits at a time.
            let halves = (Self.hexadecimal(UInt32(number >> 32)), Self.hexadecimal(UInt32(truncatingIfNeeded: number)))
            UnsafeMutableRawBufferPointer(target).storeBytes(of: halves.0.bigEndian, as: UInt64.self)
            UnsafeMutableRawBufferPointer(target).storeBytes(of: halves.1.bigEndian, toByteOffset: 8, as: UInt64.self)
            return
        }
        var rest = number
        for place in (0..<count).reversed() {
            let digit = UInt8(truncatingIfNeeded: rest) & 15
            target[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            rest >>= 4
        }
    }

    /// The eight lower-case digits of a number, the first in the highest byte.
    private static func hexadecimal(_ number: UInt32) -> UInt64 {
        // Each nibble moves into a byte of its own.
        var digits = UInt64(number)
        digits = (digits | digits << 16) & 0x0000_FFFF_0000_FFFF
        digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
        digits = (digits | digits << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 in each byte that is 10 or more: those are letters, which come 39 after the digits that would follow 9.
        let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return digits + 0x3030_3030_3030_3030 + letters * 39
    }

    /// Appends text as a JSON string (RFC 8259 section 7), quotes included: 6 bytes for each of its own and 2 at most.
    ///
    /// Quotes, the backslash and control characters are escaped.
    package mutating func appendJSON(_ text: String) {
        var text = text
        text.withUTF8 { appendJSON(utf8: $0.span) }
    }

    /// The same for bytes; what is not UTF-8 becomes U+FFFD.
    package mutating func appendJSON(_ bytes: borrowing Span<UInt8>) {
        var isASCII = true
        for index in bytes.indices where bytes[index] >= 0x80 { isASCII = false }
        if isASCII { appendJSON(utf8: bytes) } else { appendJSON(bytes.text) }
    }

    private mutating func appendJSON(utf8 bytes: borrowing Span<UInt8>) {
        append(UInt8(ascii: "\""))
        // Runs without anything to escape, nearly always the whole text, are copied at once.
        var start = 0
        for index in bytes.indices where Self.needsEscape(bytes[index]) {
            append(bytes.extracting(start..<index))
            appendEscape(of: bytes[index])
            start = index + 1
        }
        append(bytes.extracting(start..<bytes.count))
        append(UInt8(ascii: "\""))
    }

    @inline(__always)
    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
    }

    private mutating func appendEscape(of byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\r"): append("\\r")
        case UInt8(ascii: "\t"): append("\\t")
        case 0..<0x20, 0x7F:
            append("\\u00")
            appendHexadecimal(UInt64(byte), digits: 2)
        default:
            append(UInt8(ascii: "\\"))
            append(byte)
        }
    }
}

extension [UInt8] {
    /// Appends what `body` writes, which is at most `room` bytes.
    @inline(__always)
    package mutating func write(atMost room: Int, _ body: (inout ByteWriter) -> Void) {
        // At least 1: for 0 the standard library writes the count of the empty array that all threads share.
        append(addingCapacity: Swift.max(1, room)) { output in
            output.withUnsafeMutableBufferPointer { buffer, count in
                var writer = ByteWriter(buffer, count: count)
                body(&writer)
                count = writer.count
            }
        }
    }
}
