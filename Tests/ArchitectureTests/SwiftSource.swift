/// What the rules of the architecture look at in a Swift file: which modules it imports, which types others can name
/// that it declares, and which names it mentions.
///
/// Comments and the text of string literals do not count; what is interpolated does. Members do not count either, names
/// behind a dot: the type they belong to is named before it. Nor does a name that the file itself gives to a type, at
/// any depth. What is not seen at all is a member that another file adds to a type of the library, such as `[UInt8]`.
struct SwiftSource {
    /// From `Sources/` on, as `HTTPServer/Time/HTTPDate.swift`.
    let path: String
    /// Modules and the line of each import.
    private(set) var imports: [(module: String, line: Int)] = []
    /// Types at the top level that are not private to the file.
    private(set) var types: Set<String> = []
    /// Names, each with the line of its first mention.
    private(set) var mentions: [String: Int] = [:]

    init(path: String, text: String) {
        self.path = path
        var scanner = SwiftScanner(text)
        read(scanner.tokens())
    }

    private static let declarations: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]
    private static let importable = declarations.union(["func", "let", "var"])
    private static let modifiers: Set = [
        "public", "package", "internal", "open", "final", "indirect", "nonisolated", "private", "fileprivate",
    ]

    private mutating func read(_ tokens: [SwiftScanner.Token]) {
        var depth = 0
        var own: Set<String> = []
        for (index, token) in tokens.enumerated() {
            func next(_ distance: Int = 1) -> String {
                index + distance < tokens.count ? tokens[index + distance].text : ""
            }
            let previous = index > 0 ? tokens[index - 1].text : ""
            switch token.text {
            case "{": depth += 1
            case "}": depth -= 1
            case "import" where depth == 0:
                imports.append((Self.importable.contains(next()) ? next(2) : next(), token.line))
            case let word where Self.declarations.contains(word) && previous != "import" && previous != ".":
                own.insert(next())
                let modifiers = tokens[..<index].reversed().prefix { Self.modifiers.contains($0.text) }.map(\.text)
                let isPrivate = modifiers.contains("private") || modifiers.contains("fileprivate")
                if depth == 0, !isPrivate { types.insert(next()) }
            default: break
            }
            if token.isName, previous != ".", previous != "import", mentions[token.text] == nil {
                mentions[token.text] = token.line
            }
        }
        for name in own { mentions[name] = nil }
    }
}

/// Takes Swift apart as far as ``SwiftSource`` needs it.
struct SwiftScanner {
    struct Token: Equatable {
        var text: String
        var line: Int
        /// Whether it is a word, not a sign.
        var isName: Bool
    }

    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    private var found: [Token] = []

    init(_ text: String) { bytes = Array(text.utf8) }

    /// All words and signs outside of comments and literals' text, in order.
    mutating func tokens() -> [Token] {
        scanCode(isInterpolated: false)
        return found
    }

    /// - Parameter isInterpolated: ends behind the parenthesis that ends an interpolation.
    private mutating func scanCode(isInterpolated: Bool) {
        var parentheses = 0
        while index < bytes.count {
            if starts("//") {
                while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
            } else if starts("/*") {
                skipComment()
            } else if let hashes = openingHashes() {
                skipString(hashes: hashes)
            } else if Self.isWordByte(bytes[index]) {
                let start = index
                while index < bytes.count, Self.isWordByte(bytes[index]) { index += 1 }
                let word = String(decoding: bytes[start..<index], as: UTF8.self)
                found.append(Token(text: word, line: line, isName: !Self.isDigit(bytes[start])))
            } else {
                let byte = bytes[index]
                if byte == UInt8(ascii: "(") { parentheses += 1 }
                if byte == UInt8(ascii: ")") { parentheses -= 1 }
                advance()
                if isInterpolated, parentheses < 0 { return }
                if byte > UInt8(ascii: " "), byte != UInt8(ascii: "`") {
                    found.append(Token(text: String(UnicodeScalar(byte)), line: line, isName: false))
                }
            }
        }
    }

    /// Comments nest.
    private mutating func skipComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                index += 2
            } else if starts("*/") {
                depth -= 1
                index += 2
            } else {
                advance()
            }
        } while depth > 0 && index < bytes.count
    }

    /// How many `#` stand before the quote of a literal that begins here; `nil` where none does.
    private func openingHashes() -> Int? {
        let hashes = bytes[index...].prefix { $0 == UInt8(ascii: "#") }.count
        let quote = index + hashes
        return quote < bytes.count && bytes[quote] == UInt8(ascii: "\"") ? hashes : nil
    }

    private mutating func skipString(hashes: Int) {
        index += hashes
        let quotes = starts("\"\"\"") ? 3 : 1
        index += quotes
        let raw = String(repeating: "#", count: hashes)
        let end = String(repeating: "\"", count: quotes) + raw
        let escape = "\\" + raw
        while index < bytes.count {
            if starts(end) {
                index += end.utf8.count
                return
            }
            if starts(escape + "(") {
                index += escape.utf8.count + 1
                scanCode(isInterpolated: true)
            } else if starts(escape) {
                index += escape.utf8.count
                if index < bytes.count { advance() }
            } else {
                advance()
            }
        }
    }

    private mutating func advance() {
        if bytes[index] == UInt8(ascii: "\n") { line += 1 }
        index += 1
    }

    private func starts(_ text: String) -> Bool { bytes[index...].starts(with: text.utf8) }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_") || byte >= 0x80
    }
}
