/// An event loop's output buffer: memory that grows to what a turn needs and is reused.
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

    /// Reserves capacity for so many more bytes.
    private mutating func reserve(_ more: Int) {
        guard more > room.count - count else { return }
        let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(count + more, 2 * room.count, 4096))
        _ = larger.initialize(fromContentsOf: room[..<count])
        room.deallocate()
        room = larger
    }

    /// Appends a gap of uninitialised bytes and behind it what `body` appends, `more` bytes at most; nothing where it throws.
    ///
    /// The gap is to be filled (``writer(from:to:)``) or removed (``truncate(to:)``) before the bytes are read.
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

    /// Writes into the gap from `start` to `end`, until anything else is done with the buffer.
    func writer(from start: Int, to end: Int) -> ByteWriter {
        precondition(start >= 0 && start <= end && end <= count, "the gap is in the buffer")
        return ByteWriter(UnsafeMutableBufferPointer(rebasing: room[..<end]), count: start)
    }

    /// Closes up the `length` bytes behind a gap that is filled up to `start` and ends at `end`, and truncates after these.
    mutating func closeGap(from start: Int, to end: Int, keeping length: Int) {
        precondition(start >= 0 && start <= end && length >= 0 && end + length <= count, "the gap is in the buffer")
        let behind = UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[end..<end + length]))
        UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[start...])).copyMemory(from: behind)
        count = start + length
    }

    /// Removes all bytes from that index on.
    mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "truncation does not extend the buffer")
        self.count = count
    }

    /// Removes that many bytes from the front, which the socket accepted.
    mutating func removeFirst(_ written: Int) {
        let left = count - written
        precondition(left >= 0, "no more is written than is there")
        if left > 0 {
            let rest = UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[written..<count]))
            UnsafeMutableRawBufferPointer(room).copyMemory(from: rest)
        }
        count = left
        if left == 0, room.count > Self.kept {
            room.deallocate()
            room = UnsafeMutableBufferPointer(start: nil, count: 0)
        }
    }
}

/// Writes a small reply into the event loop's output buffer, which is lent to the handler for one call.
///
/// The body is written first, behind a gap for the head, since Content-Length follows from it. The session then writes its
/// head into the gap (HTTP/1.1) or copies the body out (HTTP/2).
public struct ReplyWriter: ~Copyable {
    /// The replies of this turn, offered to the socket as one.
    package private(set) var output = OutputBuffer()
    /// Field lines beside those of ``write(status:contentType:isStored:atMost:_:)``; to be set before it is called.
    public var fields = HTTPFields()
    /// The status of the reply being written; 0 before it is.
    package private(set) var status = 0
    package private(set) var contentType: StaticString = ""
    package private(set) var isStored = true
    /// Where the body of the reply being written begins in ``output``.
    private var bodyStart = 0
    /// Where the gap for its head begins.
    private var headStart = 0

    /// An empty one.
    package init() {}

    /// Writes a whole reply.
    ///
    /// - Parameters:
    ///   - status: 200…599.
    ///   - contentType: the value of `Content-Type`.
    ///   - isStored: whether caches may keep it; else `Cache-Control: no-store` (RFC 9111 section 5.2.2.5).
    ///   - room: the maximum length of the body, bytes.
    ///   - body: appends the body. Where it throws, nothing was written.
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

    /// The same with a body that is already in memory.
    public mutating func write(status: Int = 200, contentType: StaticString, isStored: Bool = true, _ body: [UInt8]) {
        write(status: status, contentType: contentType, isStored: isStored, atMost: body.count) { span in
            span.append(body.span)
        }
    }

    /// The body that was written.
    package var body: Span<UInt8> { @_lifetime(borrow self) get { output.span.extracting(bodyStart..<output.count) } }

    /// How many bytes the body has that was written.
    package var bodyCount: Int { output.count - bodyStart }

    /// Writes the head of the reply, and removes its body where there is to be none.
    package mutating func setHead(
        _ head: ResponseHead, id: RequestID, _ bytes: borrowing Span<UInt8>, keepsBody: Bool
    ) {
        var writer = output.writer(from: headStart, to: bodyStart)
        head.write(fields, contentType: contentType, isStored: isStored, id: id, bytes, to: &writer)
        output.closeGap(from: writer.count, to: bodyStart, keeping: keepsBody ? bodyCount : 0)
        if fields.count > 0 { fields = HTTPFields() }
        status = 0
    }

    /// Removes the reply that was written: HTTP/2 has copied it.
    package mutating func removeReply() {
        output.truncate(to: headStart)
        if fields.count > 0 { fields = HTTPFields() }
        status = 0
    }

    /// Appends text of the session's own.
    package mutating func append(_ text: StaticString) {
        output.write(atMost: text.utf8CodeUnitCount) { $0.append(text) }
    }

    /// Appends bytes.
    package mutating func append(_ bytes: [UInt8]) { output.write(atMost: bytes.count) { $0.append(bytes.span) } }

    /// Appends what `body` writes, at most so many bytes: a head whose body follows from elsewhere, a chunk's size.
    package mutating func append(atMost room: Int, _ body: (inout ByteWriter) -> Void) {
        output.write(atMost: room, body)
    }

    /// Removes that many bytes from the front of ``output``, which the socket accepted.
    package mutating func removeFirst(_ count: Int) { output.removeFirst(count) }

    /// Removes all of ``output``.
    package mutating func removeAll() { output.removeFirst(output.count) }
}
