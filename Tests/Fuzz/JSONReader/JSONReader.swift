// Reads arbitrary bytes as a request, in all ways, and checks what must hold of anything that is accepted; the reader of
// one pass and that of tokens must agree.

import TensorJSON

private let names: [StaticString] = ["logits", "axis", "temperature", "function", "mask", "dtype", "entries"]

private func reading<Value>(_ read: () throws(TensorJSONError) -> Value, of body: [UInt8]) -> Value? {
    do throws(TensorJSONError) {
        return try read()
    } catch {
        precondition(error.kind != .syntax, "grammar is checked before members are read")
        precondition(error.offset.map { $0 >= 0 && $0 <= body.count } ?? true, "offsets lie in the body")
        precondition(!error.detail.isEmpty)
        return nil
    }
}

/// What is read can be written, and is then read as the same.
private func checkRoundTrip<Scalar: TensorScalar>(_ tensor: Tensor<Scalar>, split: Int) {
    let layout = tensor.layout
    precondition(layout.scalars == tensor.values.count)
    let values = tensor.values.span
    var body = Array("{\"logits\":".utf8)
    if layout.rows == 0 { body += Array("[]".utf8) }
    for row in 0..<layout.rows {
        let (start, count) = (layout.rowStart(row), layout.rowLength(row))
        do throws(UnwritableNumber) {
            let room = 2 * layout.rank + 2 + count * TensorWriter.bytesPerNumber + TensorWriter.slack
            try body.append(addingCapacity: room) { output throws(UnwritableNumber) in
                layout.appendOpening(row, to: &output)
                output.append(UInt8(ascii: "["))
                try TensorWriter.append(values.extracting(start..<start + count), to: &output)
                output.append(UInt8(ascii: "]"))
                layout.appendClosing(row, to: &output)
            }
        } catch {
            preconditionFailure("a number that was read cannot be written")
        }
    }
    body.append(UInt8(ascii: "}"))
    guard let request = try? JSONRequest(body, members: names, limits: TensorLimits()),
        let again = try? request.tensor("logits", as: Scalar.self, allowingNegativeInfinity: true)
    else { preconditionFailure("what was written is refused") }
    precondition(again.layout == layout && layout.firstDifference(from: again.layout) == nil)
    for (one, other) in zip(again.values, tensor.values) {
        precondition(one == other && one.sign == other.sign, "a number changed")
    }
    if layout.rows > 0 { _ = layout.pointer(row: split % layout.rows, column: 0) }
}

/// The entry point libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let body = Array(UnsafeBufferPointer(start: data, count: count))
    if let disagreement = ReadRequest.disagreement(about: body) { preconditionFailure(disagreement) }
    var limits = TensorLimits()
    limits.elements = 1 << 16
    do throws(TensorJSONError) {
        let request = try JSONRequest(body, members: names, limits: limits)
        var layouts: [TensorLayout] = []
        for name in names {
            let text = reading({ () throws(TensorJSONError) in try request.string(name) }, of: body)
            precondition(request.contains(name) || text == .some(nil), "an absent member is nil")
            _ = reading({ () throws(TensorJSONError) in try request.number(name) }, of: body)
            _ = reading({ () throws(TensorJSONError) in try request.integer(name) }, of: body)
            _ = reading({ () throws(TensorJSONError) in try request.indexPairs(name) }, of: body)
            if let booleans = reading({ () throws(TensorJSONError) in try request.booleans(name) }, of: body) {
                precondition(booleans.values.count == booleans.layout.scalars)
                layouts.append(booleans.layout)
            }
            let doubles = reading(
                { () throws(TensorJSONError) in
                    try request.tensor(name, as: Double.self, allowingNegativeInfinity: true)
                }, of: body)
            if let tensor = doubles {
                checkRoundTrip(tensor, split: count)
                layouts.append(tensor.layout)
            }
            let floats = reading(
                { () throws(TensorJSONError) in
                    try request.tensor(name, as: Float.self, allowingNegativeInfinity: true)
                }, of: body)
            if let tensor = floats {
                checkRoundTrip(tensor, split: count)
            }
        }
        for one in layouts {
            for other in layouts {
                precondition((one.firstDifference(from: other) == nil) == (one == other))
            }
        }
    } catch {
        precondition(error.offset.map { $0 >= 0 && $0 <= count } ?? (error.kind != .syntax), "offsets lie in the body")
    }
    return 0
}
