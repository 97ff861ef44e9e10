/// What names a request in its reply and in the logs: `X-Request-Id` as the client sent it, or one made here.
///
/// A client's own is used where it is one line of 1…128 visible ASCII bytes without quotes and backslash: it goes into a
/// response field, a JSON string and log lines, and is to need no escaping in any of them. Anything else is as if it were
/// not sent. One made here is 16 lower-case hexadecimal digits.
package struct RequestID: BitwiseCopyable, Sendable, Equatable {
    /// Where the client's own is in the head; empty for one made here.
    private var sent = HeadSlice()
    /// What one made here is made of.
    private var bits: UInt64 = 0

    /// The client's own, where the head has a usable one.
    @inline(__always)
    package init?(sentIn head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>) {
        guard let slice = head.only(.requestID), Self.isUsable(bytes.extracting(slice.range)) else { return nil }
        sent = slice
    }

    /// One made here of 64 random bits.
    package init(bits: UInt64) { self.bits = bits }

    /// The longest there is, bytes.
    package static let longest = 128

    /// Appends it; `bytes` are those of its request's head.
    package func append(to text: inout ByteWriter, _ bytes: borrowing Span<UInt8>) {
        if sent.isEmpty { text.appendHexadecimal(bits, digits: 16) } else { text.append(bytes.extracting(sent.range)) }
    }

    /// The same as text.
    package func text(_ bytes: borrowing Span<UInt8>) -> String {
        var text: [UInt8] = []
        let bytes = copy bytes
        text.write(atMost: Self.longest) { append(to: &$0, bytes) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether those bytes may name a request.
    static func isUsable(_ bytes: borrowing Span<UInt8>) -> Bool {
        guard (1...longest).contains(bytes.count) else { return false }
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"): return false
            case 0x21...0x7E: continue
            default: return false
            }
        }
        return true
    }
}

/// Makes the bits of request ids.
///
/// Each loop seeds its own once from the system's generator; after that an id costs a few nanoseconds and no system
/// call (SplitMix64, Steele, Lea and Flood 2014). They tell requests apart and are no secret.
package struct RequestIDs: Sendable {
    private var state: UInt64

    /// Ids from that seed.
    package init(seed: UInt64) { state = seed }

    /// The next id.
    package mutating func next() -> RequestID {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return RequestID(bits: bits ^ (bits >> 31))
    }
}
