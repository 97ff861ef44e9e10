/// Bytes on their way to the socket, one after the other: memory that is grown to what a turn needs, and used again.
package struct OutputBuffer: ~Copyable {
    private var room = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
    /// How many bytes there are.
    package private(set) var count = 0

    /// A buffer of this size is kept from one turn to the next, bytes.
    private static let kept = 1 << 20

    init() {}

    deinit { room.deallocate() }

    package var isEmpty: Bool { count == 0 }

    /// The bytes, until any more are appended.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[..<count]))
    }

    /// The same as a span.
    package var span: Span<UInt8> {
        @_lifetime(borrow self) get {
            let bytes = UnsafeBufferPointer(UnsafeMutableBufferPointer(rebasing: room[..<count]))
            return _overrideLifetime(bytes.span, borrowing: self)
        }
    }

    /// Makes room for so many bytes more.
    private mutating func reserve(_ more: Int) {
        guard more > room.count - count else { return }
        let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(count + more, 2 * room.count, 4096))
        _ = larger.initialize(fromContentsOf: room[..<count])
        room.deallocate()
        room = larger
    }

    /// Appends what `body` does, for which there is that much room, behind a gap of that many bytes, to be filled or
    /// forgotten before the bytes are looked at; nothing where it throws.
    mutating func append<Failure: Error>(
        after gap: Int, atMost more: Int, _ body: (inout OutputSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        reserve(gap + more)
        let free = UnsafeMutableBufferPointer(rebasing: room[(count + gap)...])
        var span = OutputSpan(buffer: free, initializedCount: 0)
        try body(&span)
        count += gap + span.finalize(for: free)
    }

    /// Appends what `body` writes, at most so many bytes.
    mutating func write(atMost more: Int, _ body: (inout ByteWriter) -> Void) {
        reserve(more)
        var writer = ByteWriter(room, count: count)
        body(&writer)
        count = writer.count
    }

    /// Writes into the room from `start` to `end`, which is there already, then moves what is behind it up to what was
    /// written, `length` bytes of it, and forgets the rest.
    mutating func fill(from start: Int, to end: Int, keeping length: Int, _ body: (inout ByteWriter) -> Void) {
        precondition(start >= 0 && start <= end && length >= 0 && end + length <= count, "the room is in the buffer")
        var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: room[..<end]), count: start)
        body(&writer)
        let behind = UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[end..<end + length]))
        UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[writer.count...])).copyMemory(
            from: behind)
        count = writer.count + length
    }

    /// Forgets all bytes from that one on.
    mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "what is forgotten is there")
        self.count = count
    }

    /// Forgets that many bytes from the front, which the socket took.
    mutating func removeFirst(_ taken: Int) {
        let left = count - taken
        precondition(left >= 0, "what was taken was there")
        if left > 0 {
            let rest = UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[taken..<count]))
            UnsafeMutableRawBufferPointer(room).copyMemory(from: rest)
        }
        count = left
        if left == 0, room.count > Self.kept {
            room.deallocate()
            room = UnsafeMutableBufferPointer(start: nil, count: 0)
        }
    }
}

/// Where a small reply is printed: the event loop's output buffer, lent to the handler for one call.
///
/// The body is printed into it first, behind room for the head, whose length and Content-Length only follow from it; the
/// protocol then sets its head before the body (HTTP/1.1) or takes the body out (HTTP/2).
public struct ReplyWriter: ~Copyable {
    /// Replies of this turn, each whole, one after the other: what the socket is offered.
    package private(set) var output = OutputBuffer()
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
        try output.append(after: headRoom, atMost: room, body)
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
        let (contentType, isStored) = (contentType, isStored)
        let fields = takeFields()
        let bytes = copy bytes
        output.fill(from: headStart, to: bodyStart, keeping: keepsBody ? bodyCount : 0) { writer in
            head.write(fields, contentType: contentType, isStored: isStored, id: id, bytes, to: &writer)
        }
        status = 0
    }

    /// The reply that was written went out in another way.
    package mutating func removeReply() {
        output.truncate(to: headStart)
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
    package mutating func append(_ text: StaticString) {
        output.write(atMost: text.utf8CodeUnitCount) { $0.append(text) }
    }

    /// Appends bytes that are there.
    package mutating func append(_ bytes: [UInt8]) { output.write(atMost: bytes.count) { $0.append(bytes.span) } }

    /// Appends what `body` writes, at most so many bytes: a head whose body follows from elsewhere, a chunk's size.
    package mutating func append(atMost room: Int, _ body: (inout ByteWriter) -> Void) {
        output.write(atMost: room, body)
    }

    /// Forgets that many bytes from the front of ``output``, which the socket took.
    package mutating func removeFirst(_ count: Int) { output.removeFirst(count) }

    /// Forgets all of ``output``.
    package mutating func removeAll() { output.removeFirst(output.count) }
}
