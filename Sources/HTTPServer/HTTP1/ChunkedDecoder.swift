/// Decodes the chunked transfer coding (RFC 9112 section 7.1), from any split of its bytes.
///
///     chunked-body = *chunk last-chunk trailer-section CRLF
///     chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
///     chunk-ext    = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
///
/// Extensions, trailers and leading zeros of sizes are validated, counted against a budget and dropped. The minimal framing
/// of a chunk is not counted, however small the chunk: clients that stream send small chunks, and the body's limit bounds
/// their number. Lines end in CRLF only. Sizes are checked for overflow and against the limit, and nothing is allocated for
/// a size alone.
struct ChunkedDecoder: Sendable {
    private enum State: Sendable {
        case size, extensionPad, extensionNameStart, extensionName, extensionNamePad
        case extensionValueStart, extensionToken, extensionQuoted, extensionEscape, extensionValueEnd
        case sizeLineFeed
        case data, dataCarriageReturn, dataLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, endLineFeed
    }

    private var state = State.size
    /// The chunk's size as read so far, then what is left of its data.
    private var size = 0
    private var hasDigits = false
    /// Bytes of extensions and trailers, and zeros before a size.
    private var overhead = 0

    init() {}

    /// Decodes `bytes` and appends the data to `body`.
    ///
    /// - Returns: how many bytes were consumed, and whether they end the body. All are, unless they do.
    /// - Throws: 400 for malformed framing or too much of it, 413 for a chunk that would pass the body's limit.
    mutating func decode(
        _ bytes: borrowing Span<UInt8>, into body: inout RequestBody, limits: HTTPLimits
    ) throws(HTTPProblem) -> (consumed: Int, isComplete: Bool) {
        var index = 0
        while index < bytes.count {
            if state == .data {
                let count = min(size, bytes.count - index)
                body.append(bytes.extracting(index..<index + count), atMost: limits.body)
                index += count
                size -= count
                if size == 0 { state = .dataCarriageReturn }
                continue
            }
            let byte = bytes[index]
            index += 1
            if isOverhead(byte) {
                overhead += 1
                guard overhead <= limits.framing + body.count / 16 else {
                    var problem = HTTPProblem.badRequest(
                        "Chunk extensions, zeros before chunk sizes and trailers outweigh the body.")
                    problem.limit = limits.framing
                    throw problem
                }
            }
            if state == .endLineFeed {
                guard byte == .lineFeed else { throw Self.malformed }
                return (index, true)
            }
            try step(byte, bodyCount: body.count, limits)
        }
        return (index, false)
    }

    /// Whether a byte is not part of the minimal framing of its chunk.
    private func isOverhead(_ byte: UInt8) -> Bool {
        switch state {
        // A digit after leading zeros counts for one of them.
        case .size: hasDigits && (size == 0 || byte.hexadecimalValue == nil) && byte != .carriageReturn
        case .sizeLineFeed, .data, .dataCarriageReturn, .dataLineFeed, .endLineFeed: false
        case .trailerName, .trailerValue, .trailerLineFeed: true
        // The line's CR is part of the minimal framing.
        default: byte != .carriageReturn
        }
    }

    private static var malformed: HTTPProblem { .badRequest("The chunked transfer coding is malformed.") }

    private mutating func step(_ byte: UInt8, bodyCount: Int, _ limits: HTTPLimits) throws(HTTPProblem) {
        switch state {
        case .size:
            if let digit = byte.hexadecimalValue {
                guard size <= Int.max >> 4 else { throw Self.malformed }
                size = size << 4 | Int(digit)
                hasDigits = true
            } else {
                guard hasDigits else { throw Self.malformed }
                try endOfSizePart(byte)
            }
        case .sizeLineFeed:
            guard byte == .lineFeed else { throw Self.malformed }
            // `bodyCount` is at most the limit: the difference is not negative.
            guard size <= limits.body - bodyCount else { throw .contentTooLarge(limit: limits.body) }
            state = size == 0 ? .trailerStart : .data
            hasDigits = false
        case .dataCarriageReturn: try require(byte, .carriageReturn, then: .dataLineFeed)
        case .dataLineFeed: try require(byte, .lineFeed, then: .size)
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed: try stepTrailer(byte)
        // `decode` handles these two.
        case .data, .endLineFeed: break
        default: try stepExtension(byte)
        }
    }

    private mutating func require(_ byte: UInt8, _ wanted: UInt8, then next: State) throws(HTTPProblem) {
        guard byte == wanted else { throw Self.malformed }
        state = next
    }

    /// What may follow a size or a whole extension.
    private mutating func endOfSizePart(_ byte: UInt8) throws(HTTPProblem) {
        switch byte {
        case .carriageReturn: state = .sizeLineFeed
        case UInt8(ascii: ";"): state = .extensionNameStart
        case .space, .tab: state = .extensionPad
        default: throw Self.malformed
        }
    }

    /// Chunk extensions, RFC 9112 section 7.1.1.
    ///
    /// Whitespace is read where the grammar has it (BWS); at a line's end it does not.
    private mutating func stepExtension(_ byte: UInt8) throws(HTTPProblem) {
        let isToken = ByteSet.token.contains(byte)
        switch state {
        case .extensionPad where byte == UInt8(ascii: ";"): state = .extensionNameStart
        case .extensionNameStart where isToken: state = .extensionName
        case .extensionName where isToken: break
        case .extensionName where byte.isWhitespace: state = .extensionNamePad
        case .extensionName where byte == UInt8(ascii: "="): state = .extensionValueStart
        case .extensionNamePad where byte == UInt8(ascii: "="): state = .extensionValueStart
        case .extensionNamePad where byte == UInt8(ascii: ";"): state = .extensionNameStart
        case .extensionValueStart where isToken: state = .extensionToken
        case .extensionValueStart where byte == UInt8(ascii: "\""): state = .extensionQuoted
        case .extensionToken where isToken: break
        case .extensionQuoted where byte == UInt8(ascii: "\""): state = .extensionValueEnd
        case .extensionQuoted where byte == UInt8(ascii: "\\"): state = .extensionEscape
        case .extensionQuoted where byte.isFieldValueByte: break
        case .extensionEscape where byte.isFieldValueByte: state = .extensionQuoted
        case .extensionPad, .extensionNameStart, .extensionNamePad, .extensionValueStart:
            guard byte.isWhitespace else { throw Self.malformed }
        case .extensionName, .extensionToken, .extensionValueEnd: try endOfSizePart(byte)
        default: throw Self.malformed
        }
    }

    /// Trailers, RFC 9112 section 7.1.2: field lines as in a head.
    private mutating func stepTrailer(_ byte: UInt8) throws(HTTPProblem) {
        switch state {
        case .trailerStart where byte == .carriageReturn: state = .endLineFeed
        case .trailerStart where ByteSet.token.contains(byte): state = .trailerName
        case .trailerName where ByteSet.token.contains(byte): break
        case .trailerName where byte == UInt8(ascii: ":"): state = .trailerValue
        case .trailerValue where byte == .carriageReturn: state = .trailerLineFeed
        case .trailerValue where byte.isFieldValueByte: break
        case .trailerLineFeed where byte == .lineFeed: state = .trailerStart
        default: throw Self.malformed
        }
    }
}
