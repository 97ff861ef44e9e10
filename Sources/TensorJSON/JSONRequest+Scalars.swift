import CNumberText

extension JSONRequest {
    /// The text of a string member; nil if it is absent.
    ///
    /// - Throws: an error of kind `type` if it is anything but a string.
    public func string(_ name: StaticString) throws(TensorJSONError) -> String? {
        try withValue(name) { token, tokens throws(TensorJSONError) in
            guard tokens.byte(token) == UInt8(ascii: "\"") else {
                throw tokens.typeError(token, must: "be a string", pointer: pointerStep(name))
            }
            return decodeQuoted(tokens.quoted(token))
        }
    }

    /// The value of a number member, rounded to float64; nil if it is absent.
    ///
    /// - Throws: an error of kind `type` if it is anything but a number, `range` if float64 does not reach to it.
    public func number(_ name: StaticString) throws(TensorJSONError) -> Double? {
        try withValue(name) { token, tokens throws(TensorJSONError) in
            guard tokens.isNumber(token) else {
                throw tokens.typeError(token, must: "be a number", pointer: pointerStep(name))
            }
            var value = 0.0
            let run = withUnsafeMutablePointer(to: &value) {
                tokens.parseNumbers(token, into: UnsafeMutableBufferPointer(start: $0, count: 1))
            }
            guard !run.failed else { throw tokens.rangeError(token, "float64", pointer: pointerStep(name)) }
            return value
        }
    }

    /// The value of an integer member, exact; nil if it is absent.
    ///
    /// Any spelling of an integer will do: 1, 1.0, 10e-1.
    ///
    /// - Throws: an error of kind `type` if it is anything but a number, or a number with a fraction; `range` if it
    ///   does not fit in 64 bits.
    public func integer(_ name: StaticString) throws(TensorJSONError) -> Int? {
        try withValue(name) { token, tokens throws(TensorJSONError) in
            try tokens.integer(token, pointer: pointerStep(name))
        }
    }

    /// Hands a member's first token to a closure; nil if the member is absent.
    private func withValue<Value>(
        _ name: StaticString, _ read: (Int, Tokens) throws(TensorJSONError) -> Value
    ) throws(TensorJSONError) -> Value? {
        guard let member = member(name) else { return nil }
        return try index.withTokens(in: body) { tokens throws(TensorJSONError) in
            try read(member.token, tokens)
        }
    }
}
