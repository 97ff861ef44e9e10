/// Preconditions of a request (RFC 9110 section 13).
extension HTTPRequest {
    /// Whether `If-None-Match` names that entity tag, quotes included, or is `*`; GET and HEAD are then answered with 304
    /// (RFC 9110 section 13.1.2).
    ///
    ///     If-None-Match = "*" / #entity-tag
    ///     entity-tag    = [ "W/" ] DQUOTE *etagc DQUOTE
    ///
    /// Tags are compared weakly: `W/` is ignored. The head keeps no slice of this field, which only pages read; it is
    /// found among the lines. A tag may hold commas, at which the list is split all the same: no part of such a tag has both
    /// quotes, so that none is taken for the one that is looked for.
    public func noneMatch(names tag: String) -> Bool {
        let tag = Array(tag.utf8)
        var isNamed = false
        head.forEachLine(in: bytes) { bytes, name, value in
            guard !isNamed, bytes.extracting(name).equals(ignoringCase: "if-none-match") else { return }
            if bytes.extracting(value).equals("*") {
                isNamed = true
                return
            }
            bytes.forEachListElement(hasQuotedStrings: false, in: value) { element in
                let isWeak = element.count > 2 && bytes.extracting(element.prefix(2)).equals("W/")
                isNamed = bytes.extracting(isWeak ? element.dropFirst(2) : element).equals(tag.span)
                return !isNamed
            }
        }
        return isNamed
    }
}
