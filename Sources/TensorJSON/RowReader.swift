import CNumberText

/// Reads a nested array of a checked document row by row.
struct RowReader {
    private let tokens: Tokens
    private let first: Int
    private let name: StaticString

    /// The next token.
    private(set) var token: Int

    /// A reader of the value that starts at a token and belongs to the member of that name.
    init(_ tokens: Tokens, member first: Int, name: StaticString) {
        self.tokens = tokens
        self.first = first
        self.name = name
        token = first
    }

    private var byte: UInt8 { tokens.byte(token) }

    /// Reads all rows; the closure reads one row's values, from the token after its bracket up to the bracket that
    /// closes it, and returns how many there are.
    ///
    /// The closure also gets the index of the row's first value in the whole.
    mutating func readRows(
        _ readRow: (inout RowReader, Int) throws(TensorJSONError) -> Int
    ) throws(TensorJSONError) -> TensorLayout {
        if byte == UInt8(ascii: "["), tokens.byte(token + 1) == UInt8(ascii: "]") { return .emptyBatch }

        var rows: [TensorLayout.Row] = []
        var end = 0
        var depth = 0
        repeat {
            if !rows.isEmpty { token += 1 }
            var brackets = TensorLayout.Brackets(opens: 0, closes: 0)
            try expectArray()
            while tokens.byte(token + 1) == UInt8(ascii: "[") {
                token += 1
                brackets.opens += 1
            }
            depth += Int(brackets.opens)
            guard tokens.byte(token + 1) != UInt8(ascii: "]") else {
                throw error(.noClasses, "is a sample with no classes")
            }
            token += 1
            end += try readRow(&self, end)
            token += 1
            while depth > 0, byte == UInt8(ascii: "]") {
                token += 1
                depth -= 1
                brackets.closes += 1
            }
            rows.append(TensorLayout.Row(end: end, brackets: brackets))
        } while depth > 0
        return TensorLayout(rows)
    }

    /// Reads numbers up to the bracket that closes their row; the buffer has room for all.
    mutating func readNumbers<Scalar: TensorScalar>(
        into buffer: UnsafeMutableBufferPointer<Scalar>, allowingNegativeInfinity: Bool
    ) throws(TensorJSONError) -> Int {
        var count = 0
        while true {
            if tokens.isNumber(token) {
                let room = UnsafeMutableBufferPointer(rebasing: buffer[count...])
                let run = tokens.parseNumbers(token, into: room)
                count += run.numbers
                token += 2 * run.numbers
                guard !run.failed else {
                    throw tokens.rangeError(token, Scalar.tensorFormat.name, pointer: pointerToToken)
                }
                guard run.numbers > 0 else { preconditionFailure("a member holds as many values as were counted") }
                token -= 1
            } else {
                guard allowingNegativeInfinity, tokens.isNegativeInfinity(token) else {
                    let infinity = allowingNegativeInfinity ? " or \"-Infinity\"" : ""
                    throw tokens.typeError(token, must: "be a number\(infinity)", pointer: pointerToToken)
                }
                precondition(count < buffer.count, "a member holds as many values as were counted")
                buffer[count] = -.infinity
                count += 1
                token += 1
            }
            guard byte == UInt8(ascii: ",") else { return count }
            token += 1
        }
    }

    /// Reads booleans up to the bracket that closes their row; the buffer has room for all.
    mutating func readBooleans(into buffer: UnsafeMutableBufferPointer<Bool>) throws(TensorJSONError) -> Int {
        var count = 0
        while true {
            guard byte == UInt8(ascii: "t") || byte == UInt8(ascii: "f") else {
                throw tokens.typeError(token, must: "be true or false", pointer: pointerToToken)
            }
            precondition(count < buffer.count, "a member holds as many values as were counted")
            buffer[count] = byte == UInt8(ascii: "t")
            count += 1
            token += 1
            guard byte == UInt8(ascii: ",") else { return count }
            token += 1
        }
    }

    /// Reads a list of pairs of integers not less than 0.
    mutating func readPairs(atMost limit: Int) throws(TensorJSONError) -> [(Int, Int)] {
        try expectArray()
        token += 1
        var pairs: [(Int, Int)] = []
        pairs.reserveCapacity(limit)
        while byte != UInt8(ascii: "]") {
            if !pairs.isEmpty { token += 1 }
            try expectArray()
            let start = token
            token += 1
            let output = try readIndex(in: start)
            guard byte == UInt8(ascii: ",") else { throw pairError(start) }
            token += 1
            let input = try readIndex(in: start)
            guard byte == UInt8(ascii: "]") else { throw pairError(start) }
            token += 1
            pairs.append((output, input))
        }
        return pairs
    }

    private mutating func readIndex(in start: Int) throws(TensorJSONError) -> Int {
        guard byte != UInt8(ascii: "]") else { throw pairError(start) }
        let index = try tokens.integer(token, pointer: pointerToToken)
        guard index >= 0 else { throw error(.range, "must not be negative") }
        token += 1
        return index
    }

    private func expectArray() throws(TensorJSONError) {
        guard byte == UInt8(ascii: "[") else {
            throw tokens.typeError(token, must: "be an array", pointer: pointerToToken)
        }
    }

    private var pointerToToken: String { pointerStep(name) + tokens.pointer(to: token, from: first) }

    private func error(_ kind: TensorJSONError.Kind, _ predicate: String) -> TensorJSONError {
        let pointer = pointerToToken
        return TensorJSONError(kind, "\"\(pointer)\" \(predicate).", pointer: pointer, offset: tokens.offset(token))
    }

    private func pairError(_ start: Int) -> TensorJSONError {
        let pointer = pointerStep(name) + tokens.pointer(to: start, from: first)
        return TensorJSONError(
            .type, "\"\(pointer)\" must be a pair of integers.", pointer: pointer, offset: tokens.offset(start))
    }
}

extension TensorFormat {
    /// Its name on the wire.
    var name: String {
        switch self {
        case .binary64: "float64"
        case .binary32: "float32"
        }
    }
}
