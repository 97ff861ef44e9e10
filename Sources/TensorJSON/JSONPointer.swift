/// A member's name as a step of a JSON Pointer, slash included (RFC 6901 section 3: "~" is ~0, "/" is ~1).
func pointerStep(_ name: String) -> String {
    var step = "/"
    for scalar in name.unicodeScalars {
        switch scalar {
        case "~": step += "~0"
        case "/": step += "~1"
        default: step.unicodeScalars.append(scalar)
        }
    }
    return step
}

/// The same for a name of this program's own.
func pointerStep(_ name: StaticString) -> String { pointerStep(name.description) }

extension Tokens {
    /// The JSON Pointer of the value that starts at a token, below the value that starts at `first`.
    ///
    /// For errors: walks all that lies between, whose grammar has been checked.
    func pointer(to target: Int, from first: Int) -> String {
        /// An array, by the index of its current element, or an object, by the token of its current name.
        enum Step {
            case element(Int)
            case member(Int)
        }
        var path: [Step] = []
        var token = first
        while token < target {
            switch byte(token) {
            case UInt8(ascii: "["): path.append(.element(0))
            case UInt8(ascii: "{"): path.append(.member(token + 1))
            case UInt8(ascii: "]"), UInt8(ascii: "}"): _ = path.popLast()
            case UInt8(ascii: ","):
                switch path.popLast() {
                case .element(let index): path.append(.element(index + 1))
                case .member: path.append(.member(token + 1))
                case nil: break
                }
            default: break
            }
            token += 1
        }
        var pointer = ""
        for step in path {
            switch step {
            case .element(let index): pointer += "/\(index)"
            case .member(let name): pointer += pointerStep(decodeQuoted(quoted(name)))
            }
        }
        return pointer
    }
}
