import CNumberText

/// A document seen as tokens, numbered from 0: structural characters, strings, numbers and literals.
///
/// A view: valid only inside the closure that hands it out. Every access is checked against the document's ends,
/// whatever has been validated before.
struct Tokens {
    let document: number_text_tokens

    init(_ document: number_text_tokens) {
        self.document = document
    }

    var count: Int { document.count }

    /// The first byte of a token; 0, which begins none, past the last one.
    func byte(_ token: Int) -> UInt8 {
        Work.count(1)
        return token < count ? document.bytes[Int(document.offsets[token])] : 0
    }

    /// Where a token starts; the document's length past the last one.
    func offset(_ token: Int) -> Int {
        token < count ? Int(document.offsets[token]) : document.byte_count
    }

    /// The bytes from a token's first one up to the next token, white space included.
    func text(_ token: Int) -> UnsafeBufferPointer<UInt8> {
        let start = offset(token)
        let text = UnsafeBufferPointer(start: document.bytes + start, count: offset(token + 1) - start)
        Work.count(text.count)
        return text
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

    /// How many numbers, joined by commas, stand from a token on: at most `limit`.
    func countNumbers(_ token: Int, limit: Int) -> Int {
        let numbers = withUnsafePointer(to: document) { number_text_count($0, token, limit) }
        Work.count(numbers)
        return numbers
    }

    /// The byte at which the first malformed number before a token is wrong; nil where all are well-formed.
    func firstMalformedNumber(before end: Int) -> Int? {
        Work.count(offset(end) - offset(0))
        let offset = withUnsafePointer(to: document) { number_text_check($0, end) }
        return offset >= 0 ? offset : nil
    }

    /// Converts `number (, number)*` from a token on, filling at most the buffer.
    func parseNumbers<Scalar: TensorScalar>(
        _ token: Int, into numbers: UnsafeMutableBufferPointer<Scalar>
    ) -> number_text_run {
        guard let base = numbers.baseAddress else { return number_text_run(numbers: 0, failed: false) }
        return withUnsafePointer(to: document) {
            number_text_convert($0, token, numbers.count, Scalar.tensorFormat.wireFormat, base)
        }
    }
}

extension Tokens {
    /// Whether a token is the string "-Infinity", however it is escaped.
    func isNegativeInfinity(_ token: Int) -> Bool {
        guard byte(token) == UInt8(ascii: "\"") else { return false }
        let quoted = quoted(token)
        // Each of the 9 characters takes 6 bytes at most.
        return quoted.count <= 54 && decodeQuoted(quoted) == "-Infinity"
    }
}

extension TensorFormat {
    /// The same in the terms of the C module.
    var wireFormat: number_text_format {
        switch self {
        case .binary64: number_text_binary64
        case .binary32: number_text_binary32
        }
    }
}

/// Whether a byte is white space between tokens, RFC 8259 section 2.
func isWhiteSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
}
