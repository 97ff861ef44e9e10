/// Where and why a document cannot be divided into tokens: the slow look, after the index has said that it cannot.
struct LexicalError: Error {
    let reason: String
    /// The offending byte.
    let offset: Int
    /// Where its token starts: everything before is whole tokens.
    let tokenStart: Int

    /// The first thing in the document that is not UTF-8, not closed, or a control character in a string.
    init(in bytes: UnsafeBufferPointer<UInt8>) {
        Work.count(bytes.count)
        let strings = Self.firstBadString(in: bytes)
        do {
            _ = try UTF8Span(validating: bytes.span)
            self = strings
        } catch {
            let offset = error.byteOffsets.lowerBound
            guard offset < strings.offset else {
                self = strings
                return
            }
            let start = Self.stringStart(around: offset, in: bytes) ?? offset
            self.init(reason: "bytes that are not UTF-8", offset: offset, tokenStart: start)
        }
    }

    private init(reason: String, offset: Int, tokenStart: Int) {
        self.reason = reason
        self.offset = offset
        self.tokenStart = tokenStart
    }

    private static func firstBadString(in bytes: UnsafeBufferPointer<UInt8>) -> LexicalError {
        var start: Int?
        var at = 0
        while at < bytes.count {
            switch (bytes[at], start) {
            case (UInt8(ascii: "\""), nil): start = at
            case (UInt8(ascii: "\""), _): start = nil
            case (UInt8(ascii: "\\"), nil):
                return LexicalError(reason: "an unexpected character", offset: at, tokenStart: at)
            case (UInt8(ascii: "\\"), _) where at + 1 < bytes.count && bytes[at + 1] >= 0x20: at += 1
            case (0..<0x20, let start?):
                return LexicalError(reason: "a control character in a string", offset: at, tokenStart: start)
            default: break
            }
            at += 1
        }
        return LexicalError(
            reason: start == nil ? "it cannot be read" : "a string without an end", offset: start ?? bytes.count,
            tokenStart: start ?? bytes.count)
    }

    /// The opening quote of the string that a byte is in; nil outside strings.
    private static func stringStart(around offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var start: Int?
        var at = 0
        while at < offset {
            if bytes[at] == UInt8(ascii: "\"") {
                start = start == nil ? at : nil
            } else if bytes[at] == UInt8(ascii: "\\"), start != nil {
                at += 1
            }
            at += 1
        }
        return start
    }
}
