import CNGHTTP2

extension ResponseHead {
    /// Lends the head to `body` as a field section for libnghttp2, which copies of it what is not this program's own.
    ///
    /// Names and values are pointed at where they are; only numbers and the identifier are printed. Nothing that is sent
    /// can end a line or a section early: a line whose name is no token or whose value has control bytes is left out, as
    /// are a handler's own fields that frame the message. The identifier will not come again: it is kept out of the
    /// compression's table.
    ///
    /// - Parameters:
    ///   - contentType: left out where it is empty.
    ///   - isStored: whether caches may keep the reply.
    ///   - bytes: the request's head, of which the identifier may be a part.
    func withFieldSection<Result>(
        _ fields: borrowing HTTPFields, contentType: StaticString = "", isStored: Bool = true, id: RequestID,
        _ bytes: borrowing Span<UInt8>, _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result
    ) -> Result {
        let (fields, bytes, date) = (copy fields, copy bytes, date)
        return withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.lines.count + 6) { room in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 40 + RequestID.longest) { text in
                date.span.withUnsafeBufferPointer { date in
                    fields.storage.withUnsafeBufferPointer { storage in
                        var section = FieldSection(room, text)
                        section.append(":status") { $0.appendDecimal(status) }
                        section.append("date", date)
                        if contentType.utf8CodeUnitCount > 0 { section.append("content-type", contentType) }
                        if !isStored { section.append("cache-control", "no-store") }
                        for line in fields.lines {
                            let name = UnsafeBufferPointer(rebasing: storage[line.name])
                            let value = UnsafeBufferPointer(rebasing: storage[line.value])
                            guard Self.isToken(name.span), value.span.isFieldValue, !Self.isOwnField(name.span) else {
                                continue
                            }
                            section.append(name, value, NGHTTP2_NV_FLAG_NONE)
                        }
                        if case .length(let length) = framing {
                            section.append("content-length") { $0.appendDecimal(length) }
                        }
                        section.append("x-request-id", NGHTTP2_NV_FLAG_NO_INDEX) { id.append(to: &$0, bytes) }
                        return body(section.pairs)
                    }
                }
            }
        }
    }
}

/// A field section that is put together as libnghttp2's pairs of names and values, in room that was made for all of it.
struct FieldSection: ~Copyable {
    private let room: UnsafeMutableBufferPointer<nghttp2_nv>
    private var count = 0
    /// Where values are printed.
    private var text: ByteWriter

    init(_ room: UnsafeMutableBufferPointer<nghttp2_nv>, _ text: UnsafeMutableBufferPointer<UInt8>) {
        self.room = room
        self.text = ByteWriter(text, count: 0)
    }

    /// What was appended.
    var pairs: UnsafeBufferPointer<nghttp2_nv> { UnsafeBufferPointer(rebasing: room[..<count]) }

    private static func bytes(_ text: StaticString) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// Appends a line of this program's own: it is there for ever, and need not be copied.
    mutating func append(_ name: StaticString, _ value: StaticString) {
        append(
            Self.bytes(name), Self.bytes(value),
            nghttp2_nv_flag(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue))
    }

    /// Appends a line whose name only is this program's own.
    mutating func append(
        _ name: StaticString, _ value: UnsafeBufferPointer<UInt8>, _ flags: nghttp2_nv_flag = NGHTTP2_NV_FLAG_NONE
    ) {
        append(
            Self.bytes(name), value, nghttp2_nv_flag(flags.rawValue | NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue))
    }

    /// Appends a line whose value is what `print` writes.
    mutating func append(
        _ name: StaticString, _ flags: nghttp2_nv_flag = NGHTTP2_NV_FLAG_NONE, _ print: (inout ByteWriter) -> Void
    ) {
        let start = text.count
        print(&text)
        append(name, UnsafeBufferPointer(rebasing: text.room[start..<text.count]), flags)
    }

    mutating func append(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, _ flags: nghttp2_nv_flag
    ) {
        precondition(count < room.count, "there is room for every line")
        room.initializeElement(
            at: count,
            to: nghttp2_nv(
                name: UnsafeMutablePointer(mutating: name.baseAddress),
                value: UnsafeMutablePointer(mutating: value.baseAddress), namelen: name.count, valuelen: value.count,
                flags: UInt8(flags.rawValue)))
        count += 1
    }
}
