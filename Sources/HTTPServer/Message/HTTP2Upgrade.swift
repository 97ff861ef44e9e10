/// The upgrade of an HTTP/1.1 request to HTTP/2 over cleartext TCP, h2c (RFC 7540 section 3.2).
///
///     Connection: Upgrade, HTTP2-Settings
///     Upgrade: h2c
///     HTTP2-Settings: <base64url of a SETTINGS frame's payload>
///
/// RFC 9113 deprecates it, and clients still offer it. A request with a malformed offer is answered over HTTP/1.1: a
/// server may ignore `Upgrade` (RFC 9110 section 7.8).
package enum HTTP2Upgrade {
    /// The most settings in HTTP2-Settings.
    private static let settingsLimit = 16

    /// The decoded HTTP2-Settings of a request with a well-formed offer of h2c; else `nil`.
    static func settings(in head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>) -> [UInt8]? {
        guard head.version == .http1_1, head.framing == .empty, let line = head.only(.http2Settings),
            head.hasToken(.upgrade, "h2c", in: bytes), head.hasToken(.connection, "upgrade", in: bytes),
            head.hasToken(.connection, "http2-settings", in: bytes)
        else { return nil }
        let value = bytes.extracting(line.range)
        guard value.count <= settingsLimit * 8, let settings = decodeBase64URL(value), settings.count % 6 == 0 else {
            return nil
        }
        return settings
    }

    /// Decodes base64url without padding (RFC 4648 section 5); `nil` where it is malformed.
    package static func decodeBase64URL(_ text: borrowing Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        for index in text.indices {
            guard let value = sextet(text[index]) else { return nil }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
                bits &= (1 << bitCount) - 1
            }
        }
        return bits == 0 ? bytes : nil
    }

    private static func sextet(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
