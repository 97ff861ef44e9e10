/// An ordered list of HTTP field lines (RFC 9110 section 5), packed into one byte buffer.
///
/// Names are stored in lower case: they compare case-insensitively (RFC 9110 section 5.1) and HTTP/2 sends them so
/// (RFC 9113 section 8.2.1). Values are stored without surrounding whitespace, byte for byte; they may hold obs-text.
/// A whole request's fields cost two allocations, whatever their number. Every name given to a look-up is in lower
/// case; look-ups take time in the number of lines and allocate only the string they return.
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
    public mutating func append(_ name: StaticString, _ value: String) { append(name, value.utf8) }

    /// Makes room for a head of about that many bytes.
    mutating func reserve(bytes: Int) {
        storage.reserveCapacity(bytes)
        lines.reserveCapacity(Swift.min(16, bytes / 8))
    }

    /// Appends one field line off the wire, whose name is a token and whose value is valid and trimmed.
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

    /// The value of the only field line of that name; `nil` where there is none or more than one.
    public func only(_ name: StaticString) -> String? { onlyLine(name).map { storage.span.string($0.value) } }

    /// The value of the first field line of that name; `nil` where there is none.
    public func first(_ name: StaticString) -> String? {
        lines.first { isNamed($0, name) }.map { storage.span.string($0.value) }
    }

    /// The beginning of that value, `limit` bytes of it at most.
    package func first(_ name: StaticString, atMost limit: Int) -> String? {
        lines.first { isNamed($0, name) }.map { storage.span.string($0.value.prefix(limit)) }
    }

    /// Whether a list-valued field is not there or holds nothing but that token, in either case.
    public func hasOnlyToken(_ name: StaticString, _ token: StaticString) -> Bool {
        let bytes = storage.span
        var isOnly = true
        for line in lines where isNamed(line, name) {
            bytes.forEachListElement(in: line.value) { element in
                isOnly = isOnly && bytes.extracting(element).equals(ignoringCase: token)
                return isOnly
            }
        }
        return isOnly
    }

    /// How many field lines have that name.
    public func count(of name: StaticString) -> Int {
        lines.count { isNamed($0, name) }
    }

    /// Whether a list-valued field holds that token, in either case (RFC 9110 section 5.6.1).
    ///
    /// `hasToken("connection", "close")` is true of `Connection: foo, CLOSE`. All lines of the name make one list
    /// (RFC 9110 section 5.3).
    public func hasToken(_ name: StaticString, _ token: StaticString) -> Bool {
        let bytes = storage.span
        var found = false
        for line in lines where isNamed(line, name) {
            bytes.forEachListElement(in: line.value) { element in
                found = found || bytes.extracting(element).equals(ignoringCase: token)
                return !found
            }
        }
        return found
    }

    package func onlyLine(_ name: StaticString) -> Line? {
        var found: Line?
        for line in lines where isNamed(line, name) {
            if found != nil { return nil }
            found = line
        }
        return found
    }

    package func isNamed(_ line: Line, _ name: StaticString) -> Bool {
        line.name.count == name.utf8CodeUnitCount && storage.span.extracting(line.name).equals(name)
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
