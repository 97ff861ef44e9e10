/// A request body: one JSON object with known members, to be read in any order.
///
/// Making one checks the whole body, so that the functions that read members find grammar nowhere at fault: after
/// `init` an error is always about meaning. Every byte is checked, also of members that are never read. Members are
/// converted when they are asked for, since how (`dtype`) may stand after what (`logits`).
///
/// Takes memory of 4 bytes per byte of the body, beside it, at most while the request lives.
public struct JSONRequest: ~Copyable {
    /// A member that is there.
    struct Member {
        /// The first token of its value.
        var token: Int
        /// The numbers, strings and literals in it.
        var scalars: Int
    }

    let body: [UInt8]
    let index: TokenIndex
    private let names: [StaticString]

    /// One per name; nil where the body does not have it.
    private let members: [Member?]

    /// Checks a body and finds its members.
    ///
    /// - Parameters:
    ///   - body: the JSON text, UTF-8 without a byte order mark. No bytes beyond its count are read.
    ///   - names: the names of the members it may have.
    ///   - limits: how much it may hold.
    /// - Throws: an error of kind `syntax`, `duplicateMember`, `depth`, `elements`, `unknownMember`, or `type` if the
    ///   body is not an object. If there are several the first counts, but all others before an unknown member.
    public init(
        _ body: [UInt8], members names: [StaticString], limits: TensorLimits
    ) throws(TensorJSONError) {
        let index = try Self.index(body, names: names, limits: limits)
        members = try index.withTokens(in: body) { tokens throws(TensorJSONError) in
            try Self.outline(tokens, names: names, limits: limits)
        }
        self.index = index
        self.body = body
        self.names = names
    }

    /// Whether the body has the member.
    public func contains(_ name: StaticString) -> Bool {
        member(name) != nil
    }

    /// The member, if the body has it.
    func member(_ name: StaticString) -> Member? {
        guard let position = names.firstIndex(where: { $0.isEqual(to: name) }) else { return nil }
        return members[position]
    }

    /// Finds the document's tokens, or says why it cannot be divided into tokens.
    private static func index(
        _ body: [UInt8], names: [StaticString], limits: TensorLimits
    ) throws(TensorJSONError) -> TokenIndex {
        do throws(TokenIndex.Failure) {
            return try TokenIndex(body)
        } catch {
            throw explain(error, body, names: names, limits: limits)
        }
    }

    /// Checks the document and lists its members in the order of the names.
    private static func outline(
        _ tokens: Tokens, names: [StaticString], limits: TensorLimits
    ) throws(TensorJSONError) -> [Member?] {
        var members: [Member?] = []
        members.reserveCapacity(names.count)
        for _ in names { members.append(nil) }
        var unknown: TensorJSONError?
        var check = GrammarCheck(tokens, limits: limits)
        do throws(TensorJSONError) {
            unknown = try readMembers(&check, into: &members, names: names)
        } catch {
            // A malformed number before it counts first.
            try check.checkNumbers(before: check.token)
            throw error
        }
        try check.checkNumbers(before: tokens.count)
        if let unknown { throw unknown }
        return members
    }

    /// Passes the whole document and notes its members; returns the error for the first that is unknown.
    private static func readMembers(
        _ check: inout GrammarCheck, into members: inout [Member?], names: [StaticString]
    ) throws(TensorJSONError) -> TensorJSONError? {
        let tokens = check.tokens
        var unknown: TensorJSONError?
        guard check.byte == UInt8(ascii: "{") else {
            try check.checkValue(in: "")
            try check.checkEnd()
            throw TensorJSONError(
                .type, "The body must be an object, not \(tokens.description(0)).", pointer: "",
                offset: tokens.offset(0))
        }
        try check.expect("{", "an object")
        if check.byte != UInt8(ascii: "}") {
            while true {
                let nameToken = try check.checkName()
                let position = position(of: tokens.quoted(nameToken), in: names)
                if let position, members[position] != nil {
                    throw TensorJSONError(
                        .duplicateMember, "The member \"\(names[position])\" occurs twice.",
                        pointer: pointerStep(names[position]), offset: tokens.offset(nameToken))
                }
                if position == nil, unknown == nil { unknown = unknownMember(nameToken, tokens, names: names) }

                let value = check.token
                check.resetScalars()
                try check.checkValue(in: pointerStep(shortened(decodeQuoted(tokens.quoted(nameToken)))))
                if let position { members[position] = Member(token: value, scalars: check.scalars) }

                if check.byte == UInt8(ascii: "}") { break }
                try check.expect(",", "\",\" or \"}\"")
            }
        }
        try check.expect("}", "\",\" or \"}\"")
        try check.checkEnd()
        return unknown
    }

    /// Which of the names a member has, by its bytes between the quotes.
    private static func position(of quoted: UnsafeBufferPointer<UInt8>, in names: [StaticString]) -> Int? {
        if let position = names.firstIndex(where: { $0.isEqual(to: quoted) }) { return position }
        guard quoted.contains(UInt8(ascii: "\\")) else { return nil }
        var name = decodeQuoted(quoted)
        return name.withUTF8 { name in names.firstIndex { $0.isEqual(to: name) } }
    }

    private static func unknownMember(_ token: Int, _ tokens: Tokens, names: [StaticString]) -> TensorJSONError {
        let name = shortened(decodeQuoted(tokens.quoted(token)))
        let closest = closestName(to: name, among: names.map(\.description))
        let hint = closest.map { "; the closest known one is \"\($0)\"" } ?? ""
        return TensorJSONError(
            .unknownMember, "There is no member \"\(name)\"\(hint).", pointer: pointerStep(name),
            offset: tokens.offset(token))
    }

    /// A name a client made up, short enough to be compared and repeated in an error.
    private static func shortened(_ name: String) -> String {
        name.utf8.count <= 64 ? name : String(name.unicodeScalars.prefix(64)) + "…"
    }

    /// The error for a body without an index: whatever is wrong first, tokens or grammar.
    private static func explain(
        _ failure: TokenIndex.Failure, _ body: [UInt8], names: [StaticString], limits: TensorLimits
    ) -> TensorJSONError {
        switch failure {
        case .empty: return GrammarCheck.syntaxError("it is empty", at: body.count)
        case .tooLarge: return TensorJSONError(.elements, "The body is too large to be read.", pointer: "", offset: 0)
        case .malformed: break
        }
        let lexical = body.withUnsafeBufferPointer { LexicalError(in: $0) }
        let whole = Array(body[..<lexical.tokenStart])
        if let index = try? TokenIndex(whole) {
            do throws(TensorJSONError) {
                _ = try index.withTokens(in: whole) { tokens throws(TensorJSONError) in
                    try outline(tokens, names: names, limits: limits)
                }
            } catch {
                // What comes after the prefix is not missing, it is what is wrong.
                let isBefore = (error.offset ?? 0) < whole.count
                if isBefore, error.kind != .unknownMember, error.kind != .type { return error }
            }
        }
        return GrammarCheck.syntaxError(lexical.reason, at: lexical.offset)
    }
}

extension StaticString {
    /// Whether two names are the same: for two literals of one module a look at their addresses.
    func isEqual(to other: StaticString) -> Bool {
        utf8Start == other.utf8Start && utf8CodeUnitCount == other.utf8CodeUnitCount
            || isEqual(to: UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount))
    }

    /// Whether those bytes are the name's.
    func isEqual(to bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count == utf8CodeUnitCount else { return false }
        for index in bytes.indices where bytes[index] != utf8Start[index] { return false }
        return true
    }
}
