import Synchronization

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
        if let tensor: Tensor<Scalar> = tensorAtOnce(name, allowingNegativeInfinity) { return tensor }
        let (values, layout) = try values(of: name) {
            (reader, buffer: UnsafeMutableBufferPointer<Scalar>) throws(TensorJSONError) in
            try reader.readNumbers(into: buffer, allowingNegativeInfinity: allowingNegativeInfinity)
        }
        return Tensor(values: values, layout: layout)
    }

    /// Values from which on the conversion is shared out, and the size of its pieces: some 200 µs of work.
    private static var valuesPerPiece: Int { 8192 }

    /// The same, converted piece by piece on several threads; nil where that is not worth while, and where anything is
    /// wrong: what that is and where the reader below says, which goes from the first value to the last.
    @specialized(where Scalar == Double)
    @specialized(where Scalar == Float)
    private func tensorAtOnce<Scalar: TensorScalar>(
        _ name: StaticString, _ allowingNegativeInfinity: Bool
    ) -> Tensor<Scalar>? {
        guard let loop, let member = member(name), member.scalars >= 2 * Self.valuesPerPiece else { return nil }
        return index.withTokens(in: body) { tokens in
            var reader = RowReader(tokens, member: member.token, name: name)
            var starts: [Int] = []
            let layout = try? reader.readRows { reader, _ throws(TensorJSONError) in
                starts.append(reader.token)
                return try reader.skipScalars()
            }
            guard let layout, layout.scalars <= member.scalars else { return nil }
            let pieces = (layout.scalars + Self.valuesPerPiece - 1) / Self.valuesPerPiece
            let hasFailed = Atomic<Bool>(false)
            var values: [Scalar] = []
            values.append(addingCapacity: layout.scalars) { output in
                output.withUnsafeMutableBufferPointer { buffer, count in
                    // Each call writes the values of its own piece.
                    nonisolated(unsafe) let buffer = buffer
                    let starts = starts
                    loop(pieces) { piece in
                        let first = piece * Self.valuesPerPiece
                        let range = first..<min(first + Self.valuesPerPiece, layout.scalars)
                        let isConverted = layout.forEachRow(in: range) { row, columns in
                            let start = layout.rowStart(row)
                            return tokens.convert(
                                starts[row] + 2 * columns.lowerBound,
                                into: UnsafeMutableBufferPointer(
                                    rebasing: buffer[start + columns.lowerBound..<start + columns.upperBound]),
                                allowingNegativeInfinity: allowingNegativeInfinity)
                        }
                        if !isConverted { hasFailed.store(true, ordering: .relaxed) }
                    }
                    count = hasFailed.load(ordering: .relaxed) ? 0 : layout.scalars
                }
            }
            return values.count == layout.scalars ? Tensor(values: values, layout: layout) : nil
        }
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
