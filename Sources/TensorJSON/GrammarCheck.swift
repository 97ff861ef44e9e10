/// Checks a document's grammar (RFC 8259) token by token, value by value.
///
/// The tokens come from an index that vouches for UTF-8 and for strings being closed and free of control characters;
/// what is checked here is everything else but the text of numbers: the tokens' order, literals, escapes, and that
/// nothing but white space lies between tokens. Time is linear, memory constant. Numbers are passed by their first bytes:
/// ``checkNumbers(before:)`` looks at their text.
struct GrammarCheck {
    let tokens: Tokens
    let limits: TensorLimits

    /// The next token.
    private(set) var token = 0

    /// Numbers, strings and literals that ``checkValue(in:)`` has passed.
    private(set) var scalars = 0

    init(_ tokens: Tokens, limits: TensorLimits) {
        self.tokens = tokens
        self.limits = limits
    }

    /// The first byte of the next token.
    var byte: UInt8 { tokens.byte(token) }

    /// Passes one structural character.
    mutating func expect(_ character: Unicode.Scalar, _ description: String) throws(TensorJSONError) {
        guard byte == UInt8(ascii: character) else { throw unexpected(description) }
        token += 1
    }

    /// Passes a member's name and the colon after it; returns the name's token.
    mutating func checkName() throws(TensorJSONError) -> Int {
        guard byte == UInt8(ascii: "\"") else { throw unexpected("a member's name") }
        try checkString()
        try expect(":", "\":\"")
        return token - 2
    }

    /// Passes one value with all that is in it.
    ///
    /// `pointer` is where it belongs, for errors that are not grammatical.
    mutating func checkValue(in pointer: @autoclosure () -> String) throws(TensorJSONError) {
        let deepest = limits.deepest
        let first = token
        var depth = 0
        // Bit d - 1 says whether the d-th open bracket is an object's.
        var objects: UInt64 = 0

        while true {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                guard depth < deepest else {
                    throw tooDeep(deepest, pointer() + tokens.pointer(to: token, from: first))
                }
                let isObject = byte == UInt8(ascii: "{")
                let bit: UInt64 = 1 << UInt64(depth)
                objects = isObject ? objects | bit : objects & ~bit
                depth += 1
                token += 1
                if byte != UInt8(ascii: isObject ? "}" : "]") {
                    if isObject { _ = try checkName() }
                    continue
                }
            case UInt8(ascii: "\""):
                try checkString()
                scalars += 1
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                let isInArray = depth > 0 && objects & (1 << UInt64(depth - 1)) == 0
                passNumbers(limit: isInArray ? .max : 1)
            case UInt8(ascii: "t"): try checkLiteral("true")
            case UInt8(ascii: "f"): try checkLiteral("false")
            case UInt8(ascii: "n"): try checkLiteral("null")
            default: throw unexpected("a value")
            }
            guard scalars <= limits.elements else {
                throw TensorJSONError(
                    .elements, "A member may hold at most \(limits.elements) values.", pointer: pointer(),
                    offset: tokens.offset(first), limit: limits.elements)
            }
            // After a value: on to the next one, or out of the brackets that end here.
            while true {
                guard depth > 0 else { return }
                let isObject = objects & (1 << UInt64(depth - 1)) != 0
                if byte == UInt8(ascii: ",") {
                    token += 1
                    if isObject { _ = try checkName() }
                    break
                }
                guard byte == UInt8(ascii: isObject ? "}" : "]") else {
                    throw unexpected(isObject ? "\",\" or \"}\"" : "\",\" or \"]\"")
                }
                depth -= 1
                token += 1
            }
        }
    }

    /// Starts counting a member's values.
    mutating func resetScalars() {
        scalars = 0
    }

    /// The document must end here.
    func checkEnd() throws(TensorJSONError) {
        guard token >= tokens.count else { throw unexpected("the end") }
    }

    private mutating func passNumbers(limit: Int) {
        let count = tokens.countNumbers(token, limit: limit)
        scalars += count
        token += 2 * count - 1
    }

    /// Checks the text of all numbers before a token.
    ///
    /// - Throws: the error for the first one that is malformed.
    func checkNumbers(before end: Int) throws(TensorJSONError) {
        if let offset = tokens.firstMalformedNumber(before: end) {
            throw Self.syntaxError("a number is malformed", at: offset)
        }
    }

    private mutating func checkLiteral(_ literal: StaticString) throws(TensorJSONError) {
        let text = tokens.text(token)
        let matches = literal.withUTF8Buffer { text.count >= $0.count && text.prefix($0.count).elementsEqual($0) }
        guard matches else { throw unexpected("a value") }
        try checkWhiteSpace(text, from: literal.utf8CodeUnitCount)
        scalars += 1
        token += 1
    }

    private mutating func checkString() throws(TensorJSONError) {
        let text = tokens.text(token)
        let length: Int
        do throws(JSONEscapeError) {
            length = try checkQuoted(text)
        } catch {
            throw Self.syntaxError(error.reason, at: tokens.offset(token) + error.position)
        }
        try checkWhiteSpace(text, from: length)
        token += 1
    }

    /// Between a scalar and the next token there may be white space only.
    private func checkWhiteSpace(_ text: UnsafeBufferPointer<UInt8>, from start: Int) throws(TensorJSONError) {
        for position in start..<text.count where !isWhiteSpace(text[position]) {
            throw Self.syntaxError("an unexpected character", at: tokens.offset(token) + position)
        }
    }

    /// The error for a body that goes on differently than it must.
    func unexpected(_ expected: String) -> TensorJSONError {
        let found = token < tokens.count ? "expected \(expected)" : "it ends where \(expected) should follow"
        return Self.syntaxError(found, at: tokens.offset(token))
    }

    static func syntaxError(_ reason: String, at offset: Int) -> TensorJSONError {
        TensorJSONError(.syntax, "The body is not JSON: \(reason), at byte \(offset).", offset: offset)
    }

    private func tooDeep(_ limit: Int, _ pointer: String) -> TensorJSONError {
        TensorJSONError(
            .depth, "Arrays may be nested at most \(limit) deep.", pointer: pointer, offset: tokens.offset(token),
            limit: limit)
    }
}
