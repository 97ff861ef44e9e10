/// Where a small reply is printed: the event loop's output buffer, lent to the handler for one call.
///
/// The body is printed into it first, behind room for the head, whose length and Content-Length only follow from it; the
/// protocol then sets its head before the body (HTTP/1.1) or takes the body out (HTTP/2).
public struct ReplyWriter: ~Copyable {
    /// Replies of this turn, each whole, one after the other: what the socket is offered.
    package private(set) var output: [UInt8] = []
    /// Field lines beside those that ``write(status:contentType:isStored:atMost:_:)`` names, to be set before it.
    public var fields = HTTPFields()
    /// The status of the reply being written; 0 before it is.
    package private(set) var status = 0
    package private(set) var contentType: StaticString = ""
    package private(set) var isStored = true
    /// Where the body of the reply being written begins in ``output``.
    private var bodyStart = 0
    /// Where the room for its head begins.
    private var headStart = 0

    /// A buffer of this size is kept from one turn to the next, bytes.
    private static let kept = 1 << 20

    /// An empty one.
    package init() {}

    /// Prints a reply, all of it.
    ///
    /// - Parameters:
    ///   - status: 200…599.
    ///   - contentType: the value of `Content-Type`.
    ///   - isStored: whether caches may keep it; else `Cache-Control: no-store` (RFC 9111 section 5.2.2.5).
    ///   - room: the most bytes that the body can take.
    ///   - body: appends it. Where this throws, nothing was written.
    public mutating func write<Failure: Error>(
        status: Int = 200, contentType: StaticString, isStored: Bool = true, atMost room: Int,
        _ body: (inout OutputSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        let headRoom = ResponseHead.room + contentType.utf8CodeUnitCount + fields.room
        let start = output.count
        try output.append(addingCapacity: headRoom + room) { (span) throws(Failure) in
            span.append(repeating: 0, count: headRoom)
            try body(&span)
        }
        self.status = status
        self.contentType = contentType
        self.isStored = isStored
        (headStart, bodyStart) = (start, start + headRoom)
    }

    /// The same for bytes that are there.
    public mutating func write(status: Int = 200, contentType: StaticString, isStored: Bool = true, _ body: [UInt8]) {
        write(status: status, contentType: contentType, isStored: isStored, atMost: body.count) { span in
            span.append(body.span)
        }
    }

    /// The body that was written.
    package var body: Span<UInt8> { @_lifetime(borrow self) get { output.span.extracting(bodyStart..<output.count) } }

    /// How many bytes the body has that was written.
    package var bodyCount: Int { output.count - bodyStart }

    /// Sets the head before the body that was written, and leaves the body out where the reply has none.
    package mutating func setHead(
        _ head: ResponseHead, id: RequestID, _ bytes: borrowing Span<UInt8>, keepsBody: Bool
    ) {
        let bodyCount = keepsBody ? self.bodyCount : 0
        let (headStart, bodyStart) = (headStart, bodyStart)
        let (contentType, isStored) = (contentType, isStored)
        let fields = takeFields()
        let bytes = copy bytes
        var length = 0
        output.withUnsafeMutableBufferPointer { output in
            var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: output[headStart..<bodyStart]), count: 0)
            head.write(fields, contentType: contentType, isStored: isStored, id: id, bytes, to: &writer)
            length = writer.count
            let body = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[bodyStart..<bodyStart + bodyCount])
            UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: output[(headStart + length)...]))
                .copyMemory(from: body)
        }
        output.removeLast(output.count - headStart - length - bodyCount)
        status = 0
    }

    /// The reply that was written went out in another way.
    package mutating func removeReply() {
        output.removeLast(output.count - headStart)
        if fields.count > 0 { fields = HTTPFields() }
        status = 0
    }

    private mutating func takeFields() -> HTTPFields {
        guard fields.count > 0 else { return HTTPFields() }
        var taken = HTTPFields()
        swap(&taken, &fields)
        return taken
    }

    /// Appends bytes that are a protocol's own.
    package mutating func append(_ text: StaticString) { output.append(text) }

    /// Appends bytes that are there.
    package mutating func append(_ bytes: [UInt8]) { output += bytes }

    /// Appends what `body` writes, at most so many bytes: a head whose body follows from elsewhere, a frame.
    package mutating func append(atMost room: Int, _ body: (inout ByteWriter) -> Void) {
        output.write(atMost: room, body)
    }

    /// Forgets that many bytes from the front of ``output``, which the socket took.
    package mutating func removeFirst(_ count: Int) {
        if count == output.count { removeAll() } else { output.removeSubrange(..<count) }
    }

    /// Forgets all of ``output``.
    package mutating func removeAll() { output.removeAll(keepingCapacity: output.capacity <= Self.kept) }
}
