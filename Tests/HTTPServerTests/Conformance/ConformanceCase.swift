import Foundation
import Testing

/// One byte sequence with what a server must do about it: a line of `http1-cases.tsv`.
package struct ConformanceCase: Sendable, CustomTestStringConvertible {
    /// The case's name.
    package let id: String
    /// The RFC's number and section.
    package let source: String
    /// The outcomes of which one is right.
    package let accepted: [ConformanceOutcome]
    /// What the client sends.
    package let bytes: [UInt8]

    package var testDescription: String { "\(id) (RFC \(source))" }

    /// Whether the client's first request is HEAD, whose reply has no body.
    package var beginsWithHead: Bool { bytes.starts(with: Array("HEAD ".utf8)) }

    /// What a server did, read from the bytes it sent and whether it closed; `nil` where those are no responses.
    package func outcome(replies: [UInt8], isClosed: Bool) -> ConformanceOutcome? {
        guard let replies = Reply.readAll(replies, firstIsForHead: beginsWithHead, isClosed: isClosed) else {
            return nil
        }
        return ConformanceOutcome(statuses: replies.map(\.status), isClosed: isClosed)
    }

    /// All cases of the file beside this one.
    package static let all: [ConformanceCase] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "http1-cases.tsv")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { ConformanceCase(line: $0) }
    }()

    init?(line: Substring) {
        let columns = line.split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false)
        guard columns.count == 4, let bytes = Self.decode(Array(columns[3].utf8)) else { return nil }
        id = String(columns[0])
        source = String(columns[1])
        accepted = columns[2].split(separator: "|").compactMap { ConformanceOutcome(text: $0) }
        self.bytes = id == "h-many" ? Self.manyFields : bytes
    }

    private static var manyFields: [UInt8] {
        let fields = (0..<2000).map { "X-\($0): y\r\n" }.joined()
        return Array("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
    }

    /// Undoes `\r`, `\n`, `\t`, `\xHH` and `\rep(N,c)`.
    private static func decode(_ text: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            if rest.starts(with: Array("rep(".utf8)) {
                guard let comma = rest.firstIndex(of: UInt8(ascii: ",")),
                    let count = Int(String(decoding: rest[(rest.startIndex + 4)..<comma], as: UTF8.self)),
                    comma + 2 < rest.endIndex, rest[comma + 2] == UInt8(ascii: ")")
                else { return nil }
                bytes.append(contentsOf: repeatElement(rest[comma + 1], count: count))
                rest = rest[(comma + 3)...]
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "x"):
                guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            default: return nil
            }
        }
        return bytes
    }
}

/// The statuses that a client saw, and whether the connection was then closed.
package struct ConformanceOutcome: Sendable, Equatable, CustomStringConvertible {
    package var statuses: [Int]
    package var isClosed: Bool

    package init(statuses: [Int], isClosed: Bool) {
        self.statuses = statuses
        self.isClosed = isClosed
    }

    /// `200,200`, `400!` (then closed) or `x` (closed without a reply).
    init?(text: Substring) {
        isClosed = text.hasSuffix("!") || text == "x"
        let numbers = text == "x" ? "" : text.filter { $0 != "!" }
        statuses = numbers.split(separator: ",").compactMap { Int($0) }
        if statuses.isEmpty, text != "x" { return nil }
    }

    package var description: String {
        statuses.isEmpty && isClosed ? "x" : statuses.map(String.init).joined(separator: ",") + (isClosed ? "!" : "")
    }
}
