import CSimdjson

/// A document seen as tokens, numbered from 0: structural characters, strings, numbers and literals.
///
/// A view: valid only inside the closure that hands it out. Every access is checked against the document's ends,
/// whatever has been validated before.
struct Tokens {
    let document: csimdjson_document

    init(_ document: csimdjson_document) {
        self.document = document
    }

    var count: Int { document.token_count }

    /// The first byte of a token; 0, which begins none, past the last one.
    func byte(_ token: Int) -> UInt8 {
        token < count ? document.bytes[Int(document.tokens[token])] : 0
    }

    /// Where a token starts; the document's length past the last one.
    func offset(_ token: Int) -> Int {
        token < count ? Int(document.tokens[token]) : document.byte_count
    }

    /// The bytes from a token's first one up to the next token, white space included.
    func text(_ token: Int) -> UnsafeBufferPointer<UInt8> {
        let start = offset(token)
        return UnsafeBufferPointer(start: document.bytes + start, count: offset(token + 1) - start)
    }

    /// A string's bytes between its quotes, escapes as they are written.
    func quoted(_ token: Int) -> UnsafeBufferPointer<UInt8> {
        let text = text(token)
        var end = 1
        while end < text.count, text[end] != UInt8(ascii: "\"") {
            end += text[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        return UnsafeBufferPointer(rebasing: text[min(1, text.count)..<min(end, text.count)])
    }

    /// The token that follows a value, in a document whose grammar has been checked.
    func token(after value: Int) -> Int {
        var token = value
        var depth = 0
        repeat {
            switch byte(token) {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            token += 1
        } while depth > 0 && token < count
        return token
    }

    /// Checks `number (, number)*` from a token on: at most `limit` numbers.
    func checkNumbers(_ token: Int, limit: Int) -> csimdjson_run {
        withUnsafePointer(to: document) { csimdjson_numbers_check($0, token, limit) }
    }

    /// Converts `number (, number)*` from a token on, filling at most the buffer.
    func parseNumbers<Scalar: TensorScalar>(
        _ token: Int, into numbers: UnsafeMutableBufferPointer<Scalar>
    ) -> csimdjson_run {
        guard let base = numbers.baseAddress else { return csimdjson_run(numbers: 0, failed: false, failure_offset: 0) }
        return withUnsafePointer(to: document) {
            csimdjson_numbers_parse($0, token, numbers.count, Scalar.tensorFormat.wireFormat, base)
        }
    }
}

extension TensorFormat {
    /// The same in the terms of the C module.
    var wireFormat: csimdjson_format {
        switch self {
        case .binary64: csimdjson_binary64
        case .binary32: csimdjson_binary32
        }
    }
}

/// Whether a byte is white space between tokens, RFC 8259 section 2.
func isWhiteSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
}
