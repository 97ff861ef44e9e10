/// Writes many small pieces of text into room that was made for all of them at once.
///
/// Appending them to an array one by one looks for room and for other owners each time, about 100 instructions a piece;
/// a reply's head and its log line are some forty pieces. The room is a hard end: writing past it traps instead of
/// growing, so whoever makes a writer states a bound that what it writes cannot pass.
package struct ByteWriter: ~Copyable {
    @usableFromInline let room: UnsafeMutableBufferPointer<UInt8>
    /// Bytes in the room so far.
    @usableFromInline var count: Int

    @usableFromInline init(_ room: UnsafeMutableBufferPointer<UInt8>, count: Int) {
        self.room = room
        self.count = count
    }

    /// Where the next `size` bytes go.
    @inlinable @inline(__always)
    mutating func take(_ size: Int) -> UnsafeMutableBufferPointer<UInt8> {
        let start = count
        precondition(size <= room.count - start, "a writer is given room for all it writes")
        count = start + size
        return UnsafeMutableBufferPointer(rebasing: room[start..<start + size])
    }

    /// Appends text of this program's own; a literal's length is known when this is compiled.
    @inlinable @inline(__always)
    package mutating func append(_ text: StaticString) {
        let source = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        _ = take(source.count).initialize(fromContentsOf: source)
    }

    /// Appends one byte.
    @inlinable @inline(__always)
    package mutating func append(_ byte: UInt8) { take(1)[0] = byte }

    /// Appends a run of bytes.
    package mutating func append(_ bytes: borrowing Span<UInt8>) {
        bytes.withUnsafeBufferPointer { _ = take($0.count).initialize(fromContentsOf: $0) }
    }

    /// Appends a string's UTF-8.
    package mutating func append(_ text: String) {
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
            _ = take($0.count).initialize(fromContentsOf: $0)
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
        let target = take(length)
        var rest = magnitude
        var index = length
        while index > 0 {
            index -= 1
            target[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// Appends text as a JSON string (RFC 8259 section 7), quotes included: 6 bytes for each of its own and 2 at most.
    ///
    /// Quotes, the backslash and control characters are escaped.
    package mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            // Runs without anything to escape, nearly always the whole text, are copied at once.
            var start = 0
            for index in bytes.indices where Self.needsEscape(bytes[index]) {
                append(UnsafeBufferPointer(rebasing: bytes[start..<index]).span)
                appendEscape(of: bytes[index])
                start = index + 1
            }
            append(UnsafeBufferPointer(rebasing: bytes[start...]).span)
        }
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
            let digits: StaticString = "0123456789abcdef"
            append("\\u00")
            append(digits.utf8Start[Int(byte >> 4)])
            append(digits.utf8Start[Int(byte & 15)])
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
        append(addingCapacity: room) { output in
            output.withUnsafeMutableBufferPointer { buffer, count in
                var writer = ByteWriter(buffer, count: count)
                body(&writer)
                count = writer.count
            }
        }
    }
}
