import HTTPServer
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
}
