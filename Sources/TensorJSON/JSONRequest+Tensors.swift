extension JSONRequest {
    /// The numbers of a member that is a nested array, each rounded once from its text to the format asked for.
    ///
    /// Innermost arrays are rows and hold at least one number; arrays hold numbers or arrays, never both; `[]` alone is
    /// the empty batch. Numbers too small for the format become subnormal or zero.
    ///
    /// - Parameters:
    ///   - name: the member.
    ///   - type: `Double` or `Float`.
    ///   - allowingNegativeInfinity: whether the string "-Infinity" counts as a number.
    /// - Throws: an error of kind `missingMember`, `type`, `range` or `noClasses`.
    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    public func tensor<Scalar: TensorScalar>(
        _ name: StaticString, as type: Scalar.Type, allowingNegativeInfinity: Bool
    ) throws(TensorJSONError) -> Tensor<Scalar> {
        let (values, layout) = try values(of: name) {
            (reader, buffer: UnsafeMutableBufferPointer<Scalar>) throws(TensorJSONError) in
            try reader.readNumbers(into: buffer, allowingNegativeInfinity: allowingNegativeInfinity)
        }
        return Tensor(values: values, layout: layout)
    }

    /// The booleans of a member that is a nested array, by the same rules as a tensor of numbers.
    ///
    /// - Throws: an error of kind `missingMember`, `type` or `noClasses`.
    public func booleans(_ name: StaticString) throws(TensorJSONError) -> (values: [Bool], layout: TensorLayout) {
        try values(of: name) { reader, buffer throws(TensorJSONError) in
            try reader.readBooleans(into: buffer)
        }
    }

    /// The pairs of a member that is a list of `[j, i]`, integers not less than 0.
    ///
    /// - Throws: an error of kind `missingMember`, `type` or `range`.
    public func indexPairs(_ name: StaticString) throws(TensorJSONError) -> [(Int, Int)] {
        guard let member = member(name) else { throw .missingMember(name) }
        return try index.withTokens(in: body) { tokens throws(TensorJSONError) in
            var reader = RowReader(tokens, member: member.token, name: name)
            return try reader.readPairs(atMost: member.scalars / 2)
        }
    }

    /// Reads a nested array, its rows through a closure that appends a row's values to the buffer and counts them.
    private func values<Value>(
        of name: StaticString,
        readRow: (inout RowReader, UnsafeMutableBufferPointer<Value>) throws(TensorJSONError) -> Int
    ) throws(TensorJSONError) -> ([Value], TensorLayout) {
        guard let member = member(name) else { throw .missingMember(name) }
        return try index.withTokens(in: body) { tokens throws(TensorJSONError) in
            var reader = RowReader(tokens, member: member.token, name: name)
            var layout = TensorLayout.emptyBatch
            var failure: TensorJSONError?
            var values: [Value] = []
            // At least 1: for 0 the standard library writes the count of the empty array that all threads share.
            values.append(addingCapacity: max(1, member.scalars)) { output in
                output.withUnsafeMutableBufferPointer { buffer, count in
                    do throws(TensorJSONError) {
                        layout = try reader.readRows { reader, start throws(TensorJSONError) in
                            try readRow(&reader, UnsafeMutableBufferPointer(rebasing: buffer[start...]))
                        }
                        count = layout.scalars
                    } catch {
                        failure = error
                    }
                }
            }
            if let failure { throw failure }
            return (values, layout)
        }
    }
}
