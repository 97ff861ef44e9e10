import CNGHTTP2

/// Lends a response's field section to `body` as libnghttp2 takes it, which copies what it is given.
///
/// Names and values are pointed at where they are; only numbers are printed. Nothing that is sent can end a line or a
/// section early: a line whose name is no token or whose value has control bytes is left out, as are a handler's own fields
/// that frame the message.
///
/// - Parameters:
///   - length: Content-Length, `nil` for none.
///   - date: an IMF-fixdate (RFC 9110 section 5.6.7); empty for none.
///   - requestID: `X-Request-Id`; empty or unusable for none. Its value will not come again: it is kept out of the
///     compression's table.
func withReplyFields<Result>(
    status: Int, length: Int?, _ fields: HTTPFields, date: [UInt8], requestID: String,
    _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result
) -> Result {
    var requestID = requestID
    return withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.lines.count + 4) { pairs in
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 40) { digits in
            date.withUnsafeBufferPointer { date in
                fields.storage.withUnsafeBufferPointer { storage in
                    requestID.withUTF8 { requestID in
                        var writer = ByteWriter(digits, count: 0)
                        var section = FieldPairs(pairs)
                        writer.appendDecimal(status)
                        section.append(":status", UnsafeBufferPointer(rebasing: digits[..<writer.count]))
                        if !date.isEmpty, ResponseHead.isValue(date.span) { section.append("date", date) }
                        for line in fields.lines {
                            let name = UnsafeBufferPointer(rebasing: storage[line.name])
                            let value = UnsafeBufferPointer(rebasing: storage[line.value])
                            guard ResponseHead.isToken(name.span), ResponseHead.isValue(value.span),
                                !ResponseHead.isOwnField(name.span)
                            else { continue }
                            section.append(name, value, NGHTTP2_NV_FLAG_NONE)
                        }
                        if let length {
                            let start = writer.count
                            writer.appendDecimal(length)
                            section.append(
                                "content-length", UnsafeBufferPointer(rebasing: digits[start..<writer.count]))
                        }
                        if isRequestID(requestID.span) {
                            section.append("x-request-id", requestID, NGHTTP2_NV_FLAG_NO_INDEX)
                        }
                        return body(UnsafeBufferPointer(rebasing: pairs[..<section.count]))
                    }
                }
            }
        }
    }
}

/// libnghttp2's pairs of names and values, in room that was made for all of them.
private struct FieldPairs: ~Copyable {
    private let room: UnsafeMutableBufferPointer<nghttp2_nv>
    private(set) var count = 0

    init(_ room: UnsafeMutableBufferPointer<nghttp2_nv>) { self.room = room }

    /// Appends a line whose name is this program's own: it is there for ever, and need not be copied.
    mutating func append(
        _ name: StaticString, _ value: UnsafeBufferPointer<UInt8>,
        _ flags: nghttp2_nv_flag = NGHTTP2_NV_FLAG_NONE
    ) {
        let name = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        append(name, value, nghttp2_nv_flag(flags.rawValue | NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue))
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
