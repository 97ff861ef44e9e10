// Reads arbitrary bytes as a list of numbers by every build: all must agree, and with the C library where it is a number.

import CNumberText
import Glibc

private struct Reading<Scalar: BitwiseCopyable> {
    var result: number_text_result
    var numbers: [Scalar]
}

private func read<Scalar: BinaryFloatingPoint & BitwiseCopyable>(
    _ build: number_text_build, _ text: UnsafeBufferPointer<UInt8>, _ format: number_text_format, infinities: Bool
) -> Reading<Scalar> {
    var numbers = [Scalar](repeating: 0, count: text.count / 2 + 1)
    guard let start = text.baseAddress else { preconditionFailure("there is a text") }
    let result = build.read(start, text.count, format, infinities, &numbers, numbers.count)
    precondition(result.numbers <= numbers.count && result.bytes <= text.count)
    precondition(
        result.numbers == 0 || result.bytes == text.count || text[result.bytes] == UInt8(ascii: "]"),
        "reading stops at the bracket or at the end")
    return Reading(result: result, numbers: Array(numbers.prefix(result.numbers)))
}

private func compare<Scalar: BinaryFloatingPoint & BitwiseCopyable>(
    _ text: UnsafeBufferPointer<UInt8>, _ format: number_text_format, _ definition: (String) -> Scalar
) {
    for infinities in [false, true] {
        var first: Reading<Scalar>?
        for build in supportedBuilds() {
            let reading: Reading<Scalar> = read(build, text, format, infinities: infinities)
            if let first {
                precondition(first.result.numbers == reading.result.numbers)
                precondition(first.result.bytes == reading.result.bytes)
                precondition(zip(first.numbers, reading.numbers).allSatisfy { $0 == $1 && $0.sign == $1.sign })
                continue
            }
            first = reading
            let list = String(decoding: text.prefix(reading.result.bytes), as: UTF8.self)
            for (one, number) in zip(list.split(separator: ","), reading.numbers) where !one.contains("\"") {
                let wanted = definition(one.filter { !" \t\n\r".contains($0) })
                precondition(number == wanted && number.sign == wanted.sign, "\(one) was read as \(number)")
            }
        }
    }
}

/// The entry point libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let text = UnsafeBufferPointer(start: data, count: count)
    compare(text, number_text_binary64) { strtod($0, nil) }
    compare(text, number_text_binary32) { strtof($0, nil) }
    var sizes: Set<Int> = []
    for build in supportedBuilds() {
        var number = 0.0
        sizes.insert(build.read_one(data, count, &number))
    }
    precondition(sizes.count == 1 && sizes.allSatisfy { $0 <= count })
    return 0
}
