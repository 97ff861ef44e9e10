import Glibc

/// The text of IP addresses.
enum IPAddress {
    /// The bytes of an address in network order, 4 for IPv4 and 16 for IPv6; `nil` for any other text.
    static func bytes(of text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }

    /// The one spelling (RFC 5952) of an address of 4 or 16 bytes in network order.
    static func text(of bytes: UnsafeRawBufferPointer) -> String {
        precondition(bytes.count == 4 || bytes.count == 16, "an IP address has 4 or 16 bytes")
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            let family = bytes.count == 4 ? AF_INET : AF_INET6
            // It fails only for want of room, or for another family.
            guard inet_ntop(family, bytes.baseAddress, text.baseAddress, socklen_t(text.count)) != nil else {
                preconditionFailure("an IP address has a text")
            }
            return text.withMemoryRebound(to: UInt8.self) { text in
                String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
    }
}
