@testable import HTTPServer
import Testing

@Suite("Sets of bytes")
struct ByteSetTests {
    private static let alphanumerics = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

    @Test(
        "a set holds letters, digits and its other bytes, and no byte else",
        arguments: [
            (ByteSet.token, "!#$%&'*+-.^_`|~"), (.path, "-._~!$&'()*+,;=:@/[]|^"),
            (.query, "-._~!$&'()*+,;=:@/[]|^?{}`\\"), (.unreserved, "-._~"),
        ])
    func members(_ set: ByteSet, _ others: String) {
        let expected = Set((Self.alphanumerics + others).utf8)
        #expect((UInt8.min...UInt8.max).allSatisfy { set.contains($0) == expected.contains($0) })
    }

    @Test("The first byte that is not in a set is found wherever it stands, whatever it is, and whatever follows")
    func firstIndexNotInSet() {
        for set in [ByteSet.token, .path, .query, .unreserved] {
            for place in 0..<20 {
                for byte in UInt8.min ... .max {
                    var bytes = Array("azAZ09-.Content-Type:/".utf8)
                    bytes[place] = byte
                    for end in [place, place + 1, bytes.count] {
                        let expected = bytes[..<end].firstIndex { !set.contains($0) } ?? end
                        #expect(bytes.span.firstIndex(notIn: set, from: 0, before: end) == expected)
                    }
                }
            }
        }
    }
}
