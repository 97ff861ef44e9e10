/// Content negotiation: `Content-Type`, `Content-Encoding` and `Accept` (RFC 9110 sections 8.3, 8.4 and 12.5.1).
extension HTTPRequest {
    /// Whether there is a `Content-Type`.
    public var hasContentType: Bool { head.has(.contentType) }

    /// Whether the only `Content-Type` is that media type; parameters such as `charset` are ignored.
    ///
    /// - Parameter essence: `type/subtype` in lower case, as `application/json`.
    public func contentTypeIs(_ essence: StaticString) -> Bool {
        guard let value = only(.contentType) else { return false }
        return value.equals(ignoringCase: essence) || value.withoutParameters.equals(ignoringCase: essence)
    }

    /// Whether the only `Content-Type` is of the type `application` with that structured syntax suffix (RFC 6838 section
    /// 4.2.8); parameters are ignored.
    ///
    /// - Parameter suffix: in lower case, as `+json`.
    public func contentTypeIsApplication(with suffix: StaticString) -> Bool {
        guard let essence = only(.contentType)?.withoutParameters else { return false }
        let type: StaticString = "application/"
        let (start, length) = (type.utf8CodeUnitCount, suffix.utf8CodeUnitCount)
        guard essence.count > start + length else { return false }
        return essence.extracting(0..<start).equals(ignoringCase: type)
            && essence.extracting(essence.count - length..<essence.count).equals(ignoringCase: suffix)
    }

    /// Whether the body has no content coding, but for `identity` (RFC 9110 section 8.4).
    public var hasIdentityCoding: Bool { hasOnlyToken(.contentEncoding, "identity") }

    /// Whether that media type is acceptable to the client: its weight is above 0.
    ///
    /// - Parameter essence: `type/subtype` in lower case, as `application/json`.
    public func accepts(_ essence: StaticString) -> Bool { weight(of: essence) > 0 }

    /// How much the client wants that media type (RFC 9110 section 12.5.1), in thousandths.
    ///
    /// 0 is not at all; without `Accept` any type has 1000. The most specific matching range decides, `type/subtype` before
    /// `type/*` before `*/*`; of equal ones, the one of the greatest weight. Parameters other than `q` and list elements that
    /// are no media range are ignored.
    ///
    /// - Parameter essence: `type/subtype` in lower case, as `text/html`.
    public func weight(of essence: StaticString) -> Int {
        guard head.has(.accept) else { return 1000 }
        let bytes = bytes
        var sent = false
        var best = 0
        var weight = 0
        head.forEachValue(of: .accept, in: bytes) { value in
            bytes.forEachListElement(in: value) { element in
                sent = true
                let specificity = bytes.specificity(ofRange: element, for: essence)
                if specificity > best {
                    best = specificity
                    weight = bytes.weight(ofRange: element)
                } else if specificity == best, best > 0 {
                    weight = max(weight, bytes.weight(ofRange: element))
                }
                return true
            }
        }
        return sent ? weight : 1000
    }
}

extension Span where Element == UInt8 {
    /// What stands before the parameters of a media type or range.
    fileprivate var withoutParameters: Span<UInt8> {
        @_lifetime(copy self) get { extracting(trimmed(0..<(firstIndex(of: UInt8(ascii: ";"), from: 0) ?? count))) }
    }

    /// 3 where the media range at `element` names the type, 2 for `type/*`, 1 for `*/*`, else 0.
    fileprivate func specificity(ofRange element: Range<Int>, for essence: StaticString) -> Int {
        let range = extracting(element).withoutParameters
        if range.equals(ignoringCase: essence) { return 3 }
        if range.equals("*/*") { return 1 }
        guard range.count > 2, range[range.count - 1] == UInt8(ascii: "*"), range[range.count - 2] == UInt8(ascii: "/")
        else { return 0 }
        let prefix = range.count - 1
        guard prefix <= essence.utf8CodeUnitCount else { return 0 }
        for index in 0..<prefix where range[index].lowercased != essence.utf8Start[index] { return 0 }
        return 2
    }

    /// The weight of the list member at `element` in thousandths, 1000 where it has none.
    ///
    ///     weight = OWS ";" OWS "q=" qvalue
    ///     qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
    ///
    /// (RFC 9110 section 12.4.2.) Of other text the digits are read in the same way; what is above 1 is 1, and a digit above
    /// 0 in a later place makes the weight positive.
    fileprivate func weight(ofRange element: Range<Int>) -> Int {
        var weight = 1000
        forEachListElement(separator: UInt8(ascii: ";"), in: element) { parameter in
            let bytes = extracting(parameter)
            if bytes.count >= 2, bytes[0].lowercased == UInt8(ascii: "q"), bytes[1] == UInt8(ascii: "=") {
                weight = 0
                var place = 1000
                for index in 2..<bytes.count {
                    guard let digit = bytes[index].decimalValue else { continue }
                    weight = Swift.min(1000, weight + (place > 0 ? Int(digit) * place : Swift.min(1, Int(digit))))
                    place /= 10
                }
            }
            return true
        }
        return weight
    }
}
