/// An ordered list of a response's field lines (RFC 9110 section 5), packed into one byte buffer.
///
/// Names are stored in lower case: they compare case-insensitively (RFC 9110 section 5.1) and HTTP/2 sends them so
/// (RFC 9113 section 8.2.1). Values are stored without surrounding whitespace, byte for byte; they may hold obs-text.
/// The whole list costs two allocations, whatever its length.
public struct HTTPFields: Sendable {
    /// One field line, as ranges into `storage`.
    package struct Line: Sendable {
        package var nameStart: Int
        package var nameEnd: Int
        package var valueEnd: Int

        package var name: Range<Int> { nameStart..<nameEnd }
        package var value: Range<Int> { nameEnd..<valueEnd }
    }

    package var storage: [UInt8] = []
    package var lines: [Line] = []

    /// An empty list.
    public init() {}

    /// The number of field lines.
    public var count: Int { lines.count }

    /// Appends one field line whose name and value are this program's own or have been validated before.
    ///
    /// - Parameters:
    ///   - name: a field name in lower case.
    ///   - value: a field value without line breaks. A line whose value has one is never sent.
    @specialized(where Value == UnsafeBufferPointer<UInt8>)
    @specialized(where Value == String.UTF8View)
    public mutating func append<Value: Sequence<UInt8>>(_ name: StaticString, _ value: Value) {
        let nameStart = storage.count
        storage.append(name)
        let nameEnd = storage.count
        storage.append(contentsOf: value)
        lines.append(Line(nameStart: nameStart, nameEnd: nameEnd, valueEnd: storage.count))
    }

    /// Appends one field line of this program's own.
    @_disfavoredOverload
    public mutating func append(_ name: StaticString, _ value: String) { append(name, value.utf8) }

    /// Appends one field line of two literals.
    package mutating func append(_ name: StaticString, _ value: StaticString) {
        append(name, UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    /// Appends another list's lines.
    package mutating func append(_ other: HTTPFields) {
        let offset = storage.count
        storage += other.storage
        for line in other.lines {
            lines.append(
                Line(
                    nameStart: line.nameStart + offset, nameEnd: line.nameEnd + offset, valueEnd: line.valueEnd + offset
                ))
        }
    }

    /// The most bytes that the lines take in a head of HTTP/1.1.
    var room: Int { storage.count + 4 * lines.count }

    /// Appends one field line whose whose name is a token and whose value is valid and trimmed.
    ///
    /// The name may be in any case and is stored in lower case.
    package mutating func append(validName name: borrowing Span<UInt8>, validValue value: borrowing Span<UInt8>) {
        let nameStart = storage.count
        storage.write(atMost: name.count + value.count) { writer in
            for index in name.indices { writer.append(name[index].lowercased) }
            writer.append(value)
        }
        lines.append(Line(nameStart: nameStart, nameEnd: nameStart + name.count, valueEnd: storage.count))
    }
}

extension HTTPFields: Sequence {
    /// A field line's name, in lower case, and value, as slices of the list's bytes.
    public typealias Element = (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)

    /// Goes through the field lines in the order in which they came.
    public struct Iterator: IteratorProtocol {
        fileprivate let fields: HTTPFields
        fileprivate var index = 0

        /// The next field line.
        public mutating func next() -> Element? {
            guard index < fields.lines.count else { return nil }
            let line = fields.lines[index]
            index += 1
            return (fields.storage[line.name], fields.storage[line.value])
        }
    }

    /// An iterator at the first line.
    public func makeIterator() -> Iterator { Iterator(fields: self) }
}
