/// Recognises a W3C Trace Context `traceparent` value.
///
///     version-format = trace-id "-" parent-id "-" trace-flags
///     trace-id       = 32HEXDIGLC   ; not all zero
///     parent-id      = 16HEXDIGLC   ; not all zero
///     trace-flags    = 2HEXDIGLC
///
/// We implement this check directly. Version `ff` is invalid; a version above `00` may be longer, after a `-`
/// (W3C Trace Context section 3.2.2 and 4.3).
package enum Traceparent {
    /// Whether the value may be passed on and logged.
    package static func isValid(_ bytes: borrowing Span<UInt8>) -> Bool {
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes.count <= 256, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            areHex(bytes.extracting(0..<2)), areHex(bytes.extracting(3..<35)), areHex(bytes.extracting(36..<52)),
            areHex(bytes.extracting(53..<55))
        else { return false }
        let version = bytes.extracting(0..<2)
        guard bytes.count == 55 || (bytes[55] == dash && !version.equals("00")) else { return false }
        return !version.equals("ff") && !isZero(bytes.extracting(3..<35)) && !isZero(bytes.extracting(36..<52))
    }

    private static func areHex(_ bytes: borrowing Span<UInt8>) -> Bool {
        for index in bytes.indices where !(48...57).contains(bytes[index]) && !(97...102).contains(bytes[index]) {
            return false
        }
        return true
    }

    private static func isZero(_ bytes: borrowing Span<UInt8>) -> Bool {
        for index in bytes.indices where bytes[index] != UInt8(ascii: "0") { return false }
        return true
    }
}
