import HTTPServer

/// The explanation of a kind of problem as a page: a template, problem.html, whose slots `{{name}}` are filled.
extension Page {
    /// The page that explains a kind of problem.
    ///
    /// - Parameters:
    ///   - kind: the kind.
    ///   - root: the relative address of the service's root from the page, which ends in `/`.
    static func explanation(of kind: HTTPProblemKind, root: String) -> Page {
        var page: [UInt8] = []
        for piece in pieces {
            page += piece.text
            let value =
                switch piece.slot {
                case "root": root
                case "status": String(kind.status)
                case "slug": kind.slug
                case "title": kind.title
                case "explanation": kind.explanation
                default: ""
                }
            page += escaped(value)
        }
        return Page(page)
    }

    /// Text as the content of an HTML element or attribute.
    static func escaped(_ text: String) -> [UInt8] {
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): escaped += "&amp;".utf8
            case UInt8(ascii: "<"): escaped += "&lt;".utf8
            case UInt8(ascii: ">"): escaped += "&gt;".utf8
            case UInt8(ascii: "\""): escaped += "&quot;".utf8
            case UInt8(ascii: "'"): escaped += "&#39;".utf8
            default: escaped.append(byte)
            }
        }
        return escaped
    }

    /// The template in pieces, each with the name of the slot behind it; the last one has none.
    private static let pieces: [(text: ArraySlice<UInt8>, slot: String)] = {
        let template = PackageResources.problem_html
        var pieces: [(text: ArraySlice<UInt8>, slot: String)] = []
        var start = template.startIndex
        for index in template.indices where template[index...].starts(with: "{{".utf8) {
            let end = template[index...].firstIndex(of: UInt8(ascii: "}")) ?? template.endIndex
            pieces.append((template[start..<index], String(decoding: template[index + 2..<end], as: UTF8.self)))
            start = min(end + 2, template.endIndex)
        }
        return pieces + [(template[start...], "")]
    }()
}
