import CNumberText

/// Reads a request body once, from its first byte to its last: members in any order, strings, numbers, nested arrays.
///
/// It reads what nearly all bodies are made of, without an index of their tokens, and explains nothing. At whatever it
/// does not vouch for (anything wrong, an escape in a string, more or deeper than the limits) it gives up: the function
/// that met it returns nothing, and so does every function after it. ``JSONRequest`` then reads the body or says what is
/// wrong with it; what this reader accepts, it reads in the same way.
///
/// A view: valid only inside the closure that lends the bytes. Every access is checked against their end.
package struct SinglePassReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let elements: Int
    private let deepest: Int
    /// More values than this no member holds.
    private let mostValues: Int
    /// The next byte.
    private var position = 0
    private var hasBegun = false

    /// Whether the object was read to its end, and nothing but white space follows.
    package private(set) var isWhole = false

    /// A reader of a whole body.
    package init(_ bytes: UnsafeBufferPointer<UInt8>, limits: TensorLimits) {
        // Larger ones are the index's to refuse; no position in others is beyond what a layout's records can hold.
        let bytes = bytes.count <= UInt32.max - 64 ? bytes : UnsafeBufferPointer(rebasing: bytes[0..<0])
        self.bytes = bytes
        elements = limits.elements
        deepest = limits.deepest
        // Each takes two bytes with the comma or bracket behind it.
        mostValues = min(bytes.count / 2, elements)
        skipWhiteSpace()
    }

    /// Passes what stands between two members and the next one's name, and returns the name.
    ///
    /// Nil where the object ends, then ``isWhole`` says so, or where the reader gives up.
    package mutating func nextName() -> UnsafeBufferPointer<UInt8>? {
        if hasBegun {
            guard take(",") else { return end() }
        } else {
            hasBegun = true
            guard take("{") else { return giveUp() }
            if byte == UInt8(ascii: "}") { return end() }
        }
        guard let name = string(), take(":") else { return giveUp() }
        return name
    }

    /// Passes the end of the object; never a name.
    private mutating func end() -> UnsafeBufferPointer<UInt8>? {
        isWhole = take("}") && position == bytes.count
        return giveUp()
    }

    /// Reads a string of ASCII without escapes.
    package mutating func string() -> UnsafeBufferPointer<UInt8>? {
        guard byte == UInt8(ascii: "\""), elements > 0 else { return giveUp() }
        let start = position + 1
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
            guard (0x20..<0x80).contains(bytes[end]), bytes[end] != UInt8(ascii: "\\") else { return giveUp() }
            end += 1
        }
        guard end < bytes.count else { return giveUp() }
        Work.count(end - start)
        position = end + 1
        skipWhiteSpace()
        return UnsafeBufferPointer(rebasing: bytes[start..<end])
    }

    /// Reads a number, rounded to float64.
    package mutating func number() -> Double? {
        numberText()?.value
    }

    /// Reads an integer in any spelling, exactly.
    package mutating func integer() -> Int? {
        guard let text = numberText()?.text, case .value(let value) = DecimalInteger(text) else { return giveUp() }
        return value
    }

    /// Reads a nested array of numbers into a tensor, whose storage is used again, each rounded once to its format.
    ///
    /// The rules are those of ``JSONRequest/tensor(_:as:allowingNegativeInfinity:)``.
    ///
    /// - Parameter rows: memory for what is noted of each row; its contents mean nothing.
    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    package mutating func read<Scalar: TensorScalar>(
        _ tensor: inout Tensor<Scalar>, allowingNegativeInfinity: Bool, rows: inout RowRecords
    ) -> Bool {
        let format = Scalar.tensorFormat.wireFormat
        let layout = nested(&tensor.values, &rows) { reader, room in
            guard let text = reader.rest.baseAddress, let numbers = room.baseAddress else { return 0 }
            let read = number_text_read(
                text, reader.rest.count, format, allowingNegativeInfinity, numbers, room.count)
            Work.count(read.bytes)
            reader.position += read.bytes
            return read.numbers
        }
        guard let layout else { return false }
        tensor.layout = layout
        return true
    }

    /// Passes a large nested array of numbers, for several threads to read.
    ///
    /// - Parameters:
    ///   - rows: memory for what is noted of each row; its contents mean nothing.
    ///   - size: about how many numbers a piece has.
    /// - Returns: `nil` where the array is too small to be shared out, or is not one that this reader reads; it has then
    ///   passed nothing.
    package mutating func cut(
        rows: inout RowRecords, ofAbout size: Int = TensorCutter.numbersPerPiece
    ) -> TensorCut? {
        guard rest.count >= 4 * size, byte == UInt8(ascii: "[") else { return nil }
        var cutter = TensorCutter(deepest: deepest, mostNumbers: mostValues, ofAbout: size)
        guard let cut = cutter.cut(bytes, from: position, rows: &rows) else { return nil }
        position = cut.end
        skipWhiteSpace()
        return cut
    }

    /// A reader of one piece of a body, whose values were counted before.
    init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) {
        self.bytes = UnsafeBufferPointer(rebasing: bytes[..<end])
        (elements, deepest, mostValues) = (.max, .max, .max)
        position = start
    }

    /// Reads the numbers of a piece, which fill the buffer.
    ///
    /// - Returns: whether the piece is as it was cut: the brackets of the layout, so many numbers, and nothing else.
    mutating func readPiece<Scalar: TensorScalar>(
        _ piece: TensorCut.Piece, upTo next: TensorCut.Piece, _ layout: TensorLayout,
        into buffer: UnsafeMutableBufferPointer<Scalar>, allowingNegativeInfinity: Bool
    ) -> Bool {
        var row = piece.row
        var count = 0
        while true {
            let brackets = layout.brackets(row)
            if count > 0 || !piece.isInside {
                for _ in 0...brackets.opens { guard take("[") else { return false } }
            }
            let rowEnd = layout.rowStart(row) + layout.rowLength(row) - piece.numbers
            // The next piece begins behind a comma of this row.
            let isCut = rowEnd > buffer.count
            let room = UnsafeMutableBufferPointer(rebasing: buffer[count..<min(rowEnd, buffer.count)])
            let text = UnsafeBufferPointer(rebasing: rest.dropLast(isCut ? 1 : 0))
            guard let start = text.baseAddress, let numbers = room.baseAddress else { return false }
            let read = number_text_read(
                start, text.count, Scalar.tensorFormat.wireFormat, allowingNegativeInfinity, numbers, room.count)
            Work.count(read.bytes)
            guard read.numbers == room.count else { return false }
            position += read.bytes
            count += read.numbers
            if isCut { return position == bytes.count - 1 && byte == UInt8(ascii: ",") }
            for _ in 0...brackets.closes { guard take("]") else { return false } }
            row += 1
            let isLast = row == layout.rows
            guard isLast || take(",") else { return false }
            if isLast || (row == next.row && !next.isInside) {
                return position == bytes.count && count == buffer.count
            }
        }
    }

    /// Reads a nested array of booleans by the same rules.
    package mutating func readBooleans(_ values: inout [Bool], rows: inout RowRecords) -> TensorLayout? {
        nested(&values, &rows) { reader, room in
            var count = 0
            repeat {
                guard count < room.count, let value = reader.boolean() else { return 0 }
                room[count] = value
                count += 1
            } while reader.take(",")
            return count
        }
    }

    /// Reads a list of `[j, i]`, integers not less than 0, and hands them on one by one.
    package mutating func readIndexPairs(_ append: (Int, Int) -> Void) -> Bool {
        guard take("[") else { return fail() }
        if take("]") { return true }
        var count = 0
        repeat {
            guard deepest > 1, count <= elements - 2, take("["), let output = integer(), take(","),
                let input = integer(), take("]"),
                output >= 0, input >= 0
            else { return fail() }
            append(output, input)
            count += 2
        } while take(",")
        return take("]") || fail()
    }
}

extension SinglePassReader {
    /// The next byte; 0, which nothing begins with, at the end.
    @inline(__always)
    private var byte: UInt8 {
        Work.count(1)
        return position < bytes.count ? bytes[position] : 0
    }

    /// What is not yet read.
    private var rest: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: bytes[position...]) }

    @inline(__always)
    private mutating func skipWhiteSpace() {
        while isWhiteSpace(byte) { position += 1 }
    }

    /// Passes a structural character and white space after it, if that is what comes next.
    @inline(__always)
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: character) else { return false }
        position += 1
        skipWhiteSpace()
        return true
    }

    /// Reads no more; returns nothing.
    private mutating func giveUp<Value>() -> Value? {
        position = bytes.count
        return nil
    }

    /// Gives up; returns that nothing was read.
    private mutating func fail() -> Bool {
        position = bytes.count
        return false
    }

    /// Passes a number that is well-formed and within float64's range.
    private mutating func numberText() -> (value: Double, text: UnsafeBufferPointer<UInt8>)? {
        guard elements > 0, let text = rest.baseAddress else { return giveUp() }
        var value = 0.0
        let count = number_text_read_one(text, rest.count, &value)
        guard count > 0 else { return giveUp() }
        Work.count(count)
        position += count
        skipWhiteSpace()
        return (value, UnsafeBufferPointer(start: text, count: count))
    }

    private mutating func boolean() -> Bool? {
        let value = byte == UInt8(ascii: "t")
        let literal: StaticString = value ? "true" : "false"
        guard rest.count >= literal.utf8CodeUnitCount,
            literal.isEqual(to: UnsafeBufferPointer(rebasing: rest.prefix(literal.utf8CodeUnitCount)))
        else { return nil }
        position += literal.utf8CodeUnitCount
        skipWhiteSpace()
        return value
    }

    /// Reads nested arrays; the closure reads one row's values, from the byte after its bracket up to the one that closes
    /// it, and returns how many there are: none where it cannot.
    private mutating func nested<Value>(
        _ values: inout [Value], _ rows: inout RowRecords,
        _ readRow: (inout SinglePassReader, UnsafeMutableBufferPointer<Value>) -> Int
    ) -> TensorLayout? {
        values.removeAll(keepingCapacity: true)
        if !rows.records.isEmpty { rows.records.removeAll(keepingCapacity: true) }
        let start = position
        if take("["), take("]") { return .emptyBatch }
        position = start
        var isRead = false
        var isSingle = false
        // At least 1: for 0 the standard library writes the count of the empty array that all threads share.
        values.append(addingCapacity: max(1, mostValues)) { output in
            output.withUnsafeMutableBufferPointer { buffer, count in
                var depth = 0
                repeat {
                    var brackets = TensorLayout.Brackets(opens: 0, closes: 0)
                    guard take("[") else { return }
                    while depth + 1 < deepest, take("[") {
                        brackets.opens += 1
                        depth += 1
                    }
                    let read = readRow(&self, UnsafeMutableBufferPointer(rebasing: buffer[count...]))
                    guard read > 0, take("]") else { return }
                    count += read
                    while depth > 0, take("]") {
                        brackets.closes += 1
                        depth -= 1
                    }
                    // A row that is in no other array is the only one, and needs no record.
                    isSingle = rows.records.isEmpty && brackets.opens == 0
                    if isSingle { break }
                    rows.records.append(TensorLayout.Row(end: count, brackets: brackets))
                } while depth > 0 && take(",")
                isRead = depth == 0
            }
        }
        guard isRead else { return giveUp() }
        return isSingle ? TensorLayout(row: values.count) : TensorLayout(rows.records)
    }
}

/// What a reader notes of each row until it knows a tensor's layout: memory to be kept from one tensor to the next.
package struct RowRecords: Sendable {
    var records: [TensorLayout.Row] = []

    /// No memory yet.
    package init() {}
}
