extension Tokens {
    /// Whether a token is a number.
    func isNumber(_ token: Int) -> Bool {
        let byte = byte(token)
        return byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// A number's exact integer value, in a document whose grammar has been checked.
    func integer(_ token: Int, pointer: @autoclosure () -> String) throws(TensorJSONError) -> Int {
        guard isNumber(token) else { throw typeError(token, must: "be an integer", pointer: pointer()) }
        switch DecimalInteger(text(token)) {
        case .value(let value): return value
        case .tooLarge: throw rangeError(token, "64-bit integers", pointer: pointer())
        case .fraction:
            throw TensorJSONError(
                .type, "\"\(pointer())\" must be an integer, not a number with a fraction.", pointer: pointer(),
                offset: offset(token))
        }
    }

    /// What a value is, in an error's words.
    func description(_ token: Int) -> String {
        switch byte(token) {
        case UInt8(ascii: "{"): "an object"
        case UInt8(ascii: "["): "an array"
        case UInt8(ascii: "\""): "a string"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): "a boolean"
        case UInt8(ascii: "n"): "null"
        default: "a number"
        }
    }

    /// The error for a value of the wrong type.
    func typeError(_ token: Int, must be: String, pointer: String) -> TensorJSONError {
        TensorJSONError(
            .type, "\"\(pointer)\" must \(be), not \(description(token)).", pointer: pointer, offset: offset(token))
    }

    /// The error for a number that is too large.
    func rangeError(_ token: Int, _ type: String, pointer: String) -> TensorJSONError {
        TensorJSONError(
            .range, "The number at \"\(pointer)\" is outside the range of \(type).", pointer: pointer,
            offset: offset(token))
    }
}
