/// Makes request ids: 16 lower-case hexadecimal digits, 64 random bits.
///
/// Each loop seeds its own once from the system's generator; after that an id costs a few nanoseconds and no system
/// call (SplitMix64, Steele, Lea and Flood 2014). They tell requests apart and are no secret.
package struct RequestIDs: Sendable {
    private var state: UInt64

    /// Ids from that seed.
    package init(seed: UInt64) { state = seed }

    /// The next id.
    package mutating func next() -> String {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
        return String(unsafeUninitializedCapacity: 16) { digits in
            for index in 0..<16 {
                let nibble = UInt8(truncatingIfNeeded: bits >> UInt64(60 - 4 * index)) & 15
                digits[index] = nibble < 10 ? 48 + nibble : 87 + nibble
            }
            return 16
        }
    }
}
