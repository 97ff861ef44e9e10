import TensorJSON

/// The members that the tests' requests may have.
let knownMembers: [StaticString] = ["logits", "axis", "temperature", "function", "mask", "dtype", "entries", "a/b~c"]

/// What reading a body as a request came to: nil, or the error.
func refusal(of body: [UInt8], limits: TensorLimits = TensorLimits()) -> TensorJSONError? {
    do throws(TensorJSONError) {
        _ = try JSONRequest(body, members: knownMembers, limits: limits)
        return nil
    } catch {
        return error
    }
}

func refusal(of body: String, limits: TensorLimits = TensorLimits()) -> TensorJSONError? {
    refusal(of: Array(body.utf8), limits: limits)
}

/// A nested array, read as the member "logits".
func tensor<Scalar: TensorScalar>(
    _ json: String, as type: Scalar.Type = Double.self, allowingNegativeInfinity: Bool = true
) throws(TensorJSONError) -> Tensor<Scalar> {
    let request = try JSONRequest(
        Array("{\"logits\":\(json)}".utf8), members: knownMembers, limits: TensorLimits())
    return try request.tensor("logits", as: type, allowingNegativeInfinity: allowingNegativeInfinity)
}

/// The error of reading a nested array as the member "logits"; nil if there is none.
func tensorRefusal<Scalar: TensorScalar>(
    _ json: String, as type: Scalar.Type = Double.self, allowingNegativeInfinity: Bool = true
) -> TensorJSONError? {
    do throws(TensorJSONError) {
        _ = try tensor(json, as: type, allowingNegativeInfinity: allowingNegativeInfinity)
        return nil
    } catch {
        return error
    }
}

/// What a closure writes into so much room.
func output<Failure: Error>(
    room: Int, _ write: (inout OutputSpan<UInt8>) throws(Failure) -> Void
) throws(Failure) -> [UInt8] {
    var text: [UInt8] = []
    try text.append(addingCapacity: room, initializingWith: write)
    return text
}

/// Numbers as JSON, with commas between them.
func written<Scalar: TensorScalar>(_ values: Span<Scalar>) throws(UnwritableNumber) -> [UInt8] {
    var text: [UInt8] = []
    try text.append(addingCapacity: values.count * TensorWriter.bytesPerNumber + TensorWriter.slack) {
        output throws(UnwritableNumber) in
        try TensorWriter.append(values, to: &output)
    }
    return text
}

/// A tensor as JSON, a range of its rows or all of them.
func written<Scalar: TensorScalar>(_ tensor: Tensor<Scalar>, _ range: Range<Int>? = nil) throws -> [UInt8] {
    let layout = tensor.layout
    if layout.rows == 0 { return Array("[]".utf8) }
    var text: [UInt8] = []
    for row in range ?? 0..<layout.rows {
        let start = layout.rowStart(row)
        let values = try written(tensor.values.span.extracting(start..<start + layout.rowLength(row)))
        text += output(room: layout.rank) { layout.appendOpening(row, to: &$0) } + [UInt8(ascii: "[")] + values
        text += [UInt8(ascii: "]")] + output(room: layout.rank) { layout.appendClosing(row, to: &$0) }
    }
    return text
}

/// A small generator with a seed, so that a failure can be repeated (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
