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
    package static func isValid(_ value: some StringProtocol) -> Bool {
        let bytes = Array(value.utf8)
        guard bytes.count >= 55, bytes.count <= 256, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            areHex(bytes[0..<2]), areHex(bytes[3..<35]), areHex(bytes[36..<52]), areHex(bytes[53..<55])
        else { return false }
        if bytes[0] == zero, bytes[1] == zero {
            guard bytes.count == 55 else { return false }
        } else {
            guard bytes.count == 55 || bytes[55] == dash else { return false }
        }
        let isInvalidVersion = bytes[0] == UInt8(ascii: "f") && bytes[1] == UInt8(ascii: "f")
        return !isInvalidVersion && bytes[3..<35].contains { $0 != zero } && bytes[36..<52].contains { $0 != zero }
    }

    private static let dash = UInt8(ascii: "-")
    private static let zero = UInt8(ascii: "0")

    private static func areHex(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
