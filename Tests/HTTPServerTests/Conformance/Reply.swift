/// One response as a strict client reads it off the wire.
package struct Reply: Equatable {
    package var status: Int
    /// Names in lower case.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    /// Whether the body came to its end as its framing has it.
    package var isWhole = true

    package static func == (a: Reply, b: Reply) -> Bool {
        a.status == b.status && a.body == b.body && a.isWhole == b.isWhole
            && a.fields.map(\.name) == b.fields.map(\.name) && a.fields.map(\.value) == b.fields.map(\.value)
    }

    package subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    package var text: String { String(decoding: body, as: UTF8.self) }

    /// All responses in the bytes; `nil` where they are not a sequence of well-formed responses.
    ///
    /// - Parameters:
    ///   - firstIsForHead: the first final response has no body, whatever its fields say.
    ///   - isClosed: the connection ended after the bytes, so that a body may end with it.
    package static func readAll(_ bytes: [UInt8], firstIsForHead: Bool = false, isClosed: Bool = false) -> [Reply]? {
        var rest = bytes[...]
        var replies: [Reply] = []
        var isForHead = firstIsForHead
        while !rest.isEmpty {
            guard let reply = read(&rest, isForHead: isForHead, isClosed: isClosed) else { return nil }
            if reply.status >= 200 { isForHead = false }
            replies.append(reply)
        }
        return replies
    }

    /// The next response, taken off `rest`; `nil` where there is no well-formed one.
    package static func read(_ rest: inout ArraySlice<UInt8>, isForHead: Bool, isClosed: Bool) -> Reply? {
        guard let statusLine = line(&rest), statusLine.starts(with: Array("HTTP/1.1 ".utf8)), statusLine.count >= 13,
            let status = Int(String(decoding: statusLine.dropFirst(9).prefix(3), as: UTF8.self))
        else { return nil }
        var reply = Reply(status: status, fields: [], body: [])
        while true {
            guard let field = line(&rest) else { return nil }
            if field.isEmpty { break }
            guard let colon = field.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            reply.fields.append(
                (
                    String(decoding: field[..<colon], as: UTF8.self).lowercased(),
                    String(decoding: field[(colon + 1)...].drop { $0 == 0x20 }, as: UTF8.self)
                ))
        }
        if isForHead || status < 200 || status == 204 || status == 304 { return reply }
        if reply["transfer-encoding"] == "chunked" {
            guard readChunks(&rest, into: &reply, isClosed: isClosed) else { return nil }
        } else if let length = reply["content-length"].flatMap({ Int($0) }) {
            guard rest.count >= length else { return nil }
            reply.body = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
        } else {
            guard isClosed else { return nil }
            reply.body = Array(rest)
            rest = []
        }
        return reply
    }

    private static func readChunks(_ rest: inout ArraySlice<UInt8>, into reply: inout Reply, isClosed: Bool) -> Bool {
        while true {
            if rest.isEmpty, isClosed {
                reply.isWhole = false
                return true
            }
            guard let sizeLine = line(&rest), let size = Int(String(decoding: sizeLine, as: UTF8.self), radix: 16),
                rest.count >= size
            else { return false }
            reply.body += rest.prefix(size)
            rest = rest.dropFirst(size)
            guard let end = line(&rest), end.isEmpty else { return false }
            if size == 0 { return true }
        }
    }

    /// The next line, without its CRLF; `nil` where it has a control byte but HTAB in it, or no end.
    private static func line(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let end = rest.firstIndex(of: 0x0A), end > rest.startIndex, rest[end - 1] == 0x0D else { return nil }
        let line = rest[rest.startIndex..<end - 1]
        rest = rest[(end + 1)...]
        return line.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F } ? nil : line
    }
}
