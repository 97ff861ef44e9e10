// Prints arbitrary bit patterns by every build: all must print the same text, which reads back to the same numbers and,
// number by number, is no longer than the shortest that Swift's own printing finds.

import CNumberText

private func text<Scalar: BitwiseCopyable>(
    _ build: number_text_build, of numbers: [Scalar], _ format: number_text_format
) -> [UInt8]? {
    var text = [UInt8](repeating: 0, count: numbers.count * Int(number_text_size) + Int(number_text_slack))
    let size = build.print(numbers, numbers.count, format, &text)
    return size < 0 ? nil : Array(text.prefix(size))
}

private func check<Scalar: BinaryFloatingPoint & BitwiseCopyable & LosslessStringConvertible>(
    _ numbers: [Scalar], _ format: number_text_format
) {
    var first: [UInt8]?
    for build in supportedBuilds() {
        let text = text(build, of: numbers, format)
        precondition((text == nil) == numbers.contains { $0.isNaN || $0 == .infinity })
        guard let text else { continue }
        precondition(first == nil || first == text, "two builds print differently")
        first = text
        var read = [Scalar](repeating: 0, count: numbers.count)
        let list = text + [UInt8(ascii: "]")]
        let result = build.read(list, list.count, format, true, &read, read.count)
        precondition(result.numbers == numbers.count && result.bytes == text.count)
        precondition(zip(read, numbers).allSatisfy { $0 == $1 && $0.sign == $1.sign })
    }
    guard let first else { return }
    for (printed, number) in zip(first.split(separator: UInt8(ascii: ",")), numbers) where number.isFinite {
        let digits = { (text: String) in
            let all = text.prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }
            return all.count - all.reversed().prefix { $0 == "0" }.count
        }
        let printed = String(decoding: printed, as: UTF8.self)
        // A whole number is printed to its last digit.
        guard printed.contains(".") || printed.contains("e") else { continue }
        precondition(digits(printed) <= digits(number.description), "\(printed) is not the shortest of \(number)")
    }
}

/// The entry point libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    if count >= 8 {
        let doubles = (0..<count / 8).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
        check(doubles, number_text_binary64)
        check(doubles.filter { !$0.isNaN && $0 != .infinity } + [1], number_text_binary64)
    }
    if count >= 4 {
        let floats = (0..<count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        check(floats, number_text_binary32)
        check(floats.filter { !$0.isNaN && $0 != .infinity } + [1], number_text_binary32)
    }
    return 0
}
