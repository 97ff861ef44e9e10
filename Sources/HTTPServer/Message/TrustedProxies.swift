/// A block of IP addresses in CIDR notation (RFC 4632), `10.0.0.0/8` or `fd00::/8`; a single address is a block of one.
public struct AddressBlock: Sendable, Equatable, CustomStringConvertible {
    /// 4 or 16 bytes, those behind the prefix 0.
    private let bytes: [UInt8]
    private let prefix: Int

    /// A block; `nil` for any other text, and where the address has bits behind the prefix.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = Self.bytes(of: parts[0]) else { return nil }
        var prefix = bytes.count * 8
        if parts.count == 2 {
            let isNumber = parts[1].utf8.allSatisfy { $0.decimalValue != nil }
            guard isNumber, let length = Int(parts[1]), length <= prefix else { return nil }
            prefix = length
        }
        for bit in prefix..<bytes.count * 8 where bytes[bit / 8] & (0x80 >> (bit % 8)) != 0 { return nil }
        self.bytes = bytes
        self.prefix = prefix
    }

    /// As it is written in a configuration.
    public var description: String {
        let address = Self.text(of: bytes)
        return prefix == bytes.count * 8 ? address : "\(address)/\(prefix)"
    }

    /// Whether it holds that address, of 4 or 16 bytes.
    fileprivate func contains(_ address: [UInt8]) -> Bool {
        guard address.count == bytes.count else { return false }
        for index in bytes.indices {
            let bits = min(8, max(0, prefix - 8 * index))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            if address[index] & mask != bytes[index] { return false }
        }
        return true
    }

    /// An address's bytes in network order; an IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`) has 4.
    fileprivate static func bytes(of text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count <= 45, let bytes = IPAddress.bytes(of: String(text)) else { return nil }
        guard bytes.count == 16 else { return bytes }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? Array(bytes[12...]) : bytes
    }

    /// The one spelling of an address (RFC 5952).
    fileprivate static func text(of bytes: [UInt8]) -> String { bytes.withUnsafeBytes { IPAddress.text(of: $0) } }
}

/// The proxies whose `X-Forwarded-For` or `Forwarded` is trusted for the client's address.
///
/// A client can send these fields too, so that only elements added by trusted proxies count. The list is read from its
/// right end: the element to the left of a trusted proxy's address is the peer that this proxy saw.
public struct TrustedProxies: Sendable, Equatable {
    /// Their addresses.
    public var blocks: [AddressBlock] = []
    /// Whether peers at a Unix domain socket are proxies.
    public var trustsUnixSockets = false

    /// None.
    public init() {}

    /// The client behind the peer: the right-most address that is no trusted proxy's, or the left-most where all are.
    ///
    /// `nil` where the peer is not trusted, says nothing, or what it says is no address (RFC 7239 allows `unknown` and
    /// names). `X-Forwarded-For` is read where there is one, else `Forwarded` (RFC 7239): a proxy that sends the latter has
    /// to drop the former, which it got from the client.
    ///
    /// - Parameter peer: `192.0.2.1:5000`, `[2001:db8::1]:5000` or `unix:`.
    package func client(peer: String, _ head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>) -> String? {
        guard isTrusted(peer: peer) else { return nil }
        var client: [UInt8]?
        for node in Self.nodes(in: head, bytes).reversed() {
            guard let address = Self.address(of: node) else { return nil }
            client = address
            if !isTrusted(address) { break }
        }
        return client.map(AddressBlock.text)
    }

    private func isTrusted(peer: String) -> Bool {
        if peer.hasPrefix("unix:") { return trustsUnixSockets }
        return !blocks.isEmpty && Self.address(of: peer).map(isTrusted) == true
    }

    private func isTrusted(_ address: [UInt8]) -> Bool { blocks.contains { $0.contains(address) } }

    /// The nodes that the request came through, the client first.
    private static func nodes(in head: borrowing RequestHead, _ bytes: borrowing Span<UInt8>) -> [String] {
        var nodes: [String] = []
        let bytes = copy bytes
        if head.has(.forwardedFor) {
            head.forEachValue(of: .forwardedFor, in: bytes) { value in
                // This field has no quoted strings: a quote that a client left open would hide what a proxy adds behind it.
                bytes.forEachListElement(hasQuotedStrings: false, in: value) { element in
                    nodes.append(bytes.extracting(element).text)
                    return true
                }
            }
        } else {
            head.forEachValue(of: .forwarded, in: bytes) { value in
                bytes.forEachListElement(in: value) { element in
                    nodes.append(node(in: bytes.extracting(element)))
                    return true
                }
            }
        }
        return nodes
    }

    /// The value of `for` in one element of `Forwarded` (RFC 7239 section 4), empty where it has none.
    ///
    ///     forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
    ///     forwarded-pair    = token "=" ( token / quoted-string )
    ///
    /// `for=192.0.2.43;proto=http` or `for="[2001:db8:cafe::17]:4711"`. A quoted pair is left as it is, and so makes no
    /// address: none needs one.
    private static func node(in element: Span<UInt8>) -> String {
        var node: String?
        element.forEachListElement(separator: UInt8(ascii: ";"), in: 0..<element.count) { range in
            let pair = element.extracting(range)
            guard pair.count >= 4, pair.extracting(0..<4).equals(ignoringCase: "for=") else { return true }
            var value = 4..<pair.count
            let quote = UInt8(ascii: "\"")
            if value.count >= 2, pair[4] == quote, pair[pair.count - 1] == quote { value = 5..<pair.count - 1 }
            node = pair.extracting(value).text
            return false
        }
        return node ?? ""
    }

    /// The address in a node's name, which may have a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
    private static func address(of node: String) -> [UInt8]? {
        if node.hasPrefix("[") {
            guard let end = node.firstIndex(of: "]") else { return nil }
            return AddressBlock.bytes(of: node[node.index(after: node.startIndex)..<end])
        }
        let colons = node.utf8.count { $0 == UInt8(ascii: ":") }
        return AddressBlock.bytes(of: colons == 1 ? node.prefix { $0 != ":" } : node[...])
    }
}
