import Foundation
import TensorJSON
import Testing

@Suite("The grammar of RFC 8259")
struct GrammarTests {
    /// Documents with a value at every kind of place, also where nobody will ever read it.
    static let places: [(String, TensorJSONError.Kind?)] = [
        ("{\"logits\":@}", nil),
        ("{\"logits\":[@]}", nil),
        ("{\"logits\":[1,@,2]}", nil),
        ("{\"axis\":1,\"mask\":[[@],[]],\"dtype\":\"x\"}", nil),
        ("{\"mask\":{\"k\":@}}", nil),
        ("{\"mask\":{\"k\":[0,{\"l\":@,\"m\":1}]}}", nil),
        ("{\"unknown\":@,\"axis\":1}", .unknownMember),
        ("{\"unknown\":{\"k\":[@]}}", .unknownMember),
        ("[[@]]", .type),
        ("  @ ", .type),
    ]

    @Test("Every value is accepted at every place", arguments: GrammarCases.values)
    func acceptsValues(value: String) {
        for (place, kind) in Self.places where place != "  @ " || !value.hasPrefix("{") {
            let body = place.replacingOccurrences(of: "@", with: value)
            #expect(refusal(of: body)?.kind == kind, "\(body)")
        }
    }

    @Test("What is not a value is a syntax error at every place", arguments: GrammarCases.nonValues)
    func refusesNonValues(nonValue: String) {
        // Between brackets, nothing is something: an empty array.
        let isNothing = ["", " ", "\n"].contains(nonValue)
        for (place, _) in Self.places where !(place.contains("[@]") && isNothing) {
            let body = place.replacingOccurrences(of: "@", with: nonValue)
            let error = refusal(of: body)
            #expect(error?.kind == .syntax, "\(body): \(String(describing: error))")
            #expect((error?.offset ?? -1) >= 0 && (error?.offset ?? .max) <= body.utf8.count, "\(body)")
        }
    }

    @Test("Bytes that are not UTF-8 are refused wherever they stand", arguments: GrammarCases.invalidUTF8)
    func refusesInvalidUTF8(bytes: [UInt8]) {
        let places = [
            "{\"logits\":\"@\"}", "{\"@\":1}", "{\"logits\":@1}", "{\"logits\":1}@", "{\"unknown\":[\"x@y\"]}",
        ]
        for place in places {
            let parts = place.split(separator: "@", omittingEmptySubsequences: false).map { Array($0.utf8) }
            let error = refusal(of: parts[0] + bytes + parts[1])
            #expect(error?.kind == .syntax, "\(place)")
            #expect(error?.offset == parts[0].count, "\(place): \(String(describing: error))")
        }
    }

    @Test("Whatever is accepted, Foundation's reader accepts as well", arguments: GrammarCases.values)
    func agreesWithFoundation(value: String) throws {
        // Foundation's numbers end where Double's do.
        guard !["1e999", "-1e999"].contains(value) else { return }
        let body = "{\"logits\":[\(value)]}"
        #expect(refusal(of: body) == nil)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(body.utf8)) }
    }

    @Test("The tables are as large as they should be")
    func tablesAreLarge() {
        #expect(Set(GrammarCases.values).count + Set(GrammarCases.nonValues).count >= 250)
    }

    @Test(
        "Nothing but white space may follow the document",
        arguments: ["1", "}", "]", ",", "{}", "\"", "x", "\u{0}", "//"])
    func refusesTrailingContent(trailing: String) {
        #expect(refusal(of: "{} \n\t\r") == nil)
        let error = refusal(of: "{} \(trailing)")
        #expect(error?.kind == .syntax)
        #expect(error?.offset == 3)
    }

    @Test(
        "A syntax error names the byte where the offending token starts",
        arguments: [
            ("", 0), ("  ", 2), ("{", 1), ("x", 0), ("\u{FEFF}{}", 0), ("{\"axis\"}", 7), ("{\"axis\":}", 8),
            ("{\"axis\":1,}", 10), ("{\"axis\":1 2}", 10), ("{\"axis\":tru}", 8), ("{\"axis\":truee}", 12),
            ("{\"axis\":01}", 9), ("{\"axis\":+1}", 8), ("{\"axis\":1.}", 10), ("{\"axis\":1.x}", 10),
            ("{\"axis\":.5}", 8),
            ("{\"axis\":1e}", 10), ("{\"axis\":-}", 9), ("{\"axis\":NaN}", 8), ("{\"logits\":[1,2,]}", 15),
            ("{\"logits\":[1,,2]}", 13), ("{\"logits\":[1 2]}", 13), ("{\"logits\":[1,2}", 14),
            ("{\"logits\":[1,2", 14),
            ("{\"logits\":[1,2.]}", 15), ("{\"dtype\":\"a\\x\"}", 11), ("{\"dtype\":\"\\ud800\"}", 10),
            ("{\"dtype\":\"ab", 9), ("{\"dtype\":\"a\nb\"}", 11), ("{\"dtype\":'a'}", 9), ("{\"dtype\":'a\"}", 9),
            ("{\"dtype\":\"a\"\"b\"}", 12), ("{dtype:1}", 1), ("{\"dtype\":1}}", 11), ("{\\\"dtype\\\":1}", 1),
            ("{\"axis\":1,\"dtype\":\"é\\q\"}", 21), ("{\"axis\":tru,\"dtype\":\"x", 8), ("{\"axis\":1", 9),
            ("{\"axis\" :\n1,,}", 12),
        ])
    func namesOffset(body: String, offset: Int) {
        let error = refusal(of: body)
        #expect(error?.kind == .syntax)
        #expect(error?.offset == offset, "\(String(describing: error))")
    }

    @Test("A valid document cut anywhere is refused")
    func refusesTruncation() {
        let body = Array(#" {"dtype":"\u00e9x","logits":[[1.5e-3,-2],[true]],"a\/b~c":{"k":[null,{}]},"axis":-1}"#.utf8)
        #expect(refusal(of: body) == nil)
        for length in 0..<body.count {
            let error = refusal(of: Array(body[..<length]))
            #expect(error?.kind == .syntax)
            #expect((error?.offset ?? .max) <= length)
        }
    }

    @Test("A number of any length with any byte changed is read or refused as the grammar says", arguments: 1...32)
    func checksLongNumbers(digits: Int) throws {
        let number = try Regex(#"[ \t\n\r]*-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?[ \t\n\r]*"#)
        for prefix in ["0.", "-7.", "12.", "0"] {
            let text = Array((prefix + String("31415926535897932384626433832795".prefix(digits))).utf8)
            for position in text.indices {
                for byte in Array("09.-+eE /:]a\u{7F}".utf8) where byte != UInt8(ascii: "]") || position > 0 {
                    var changed = text
                    changed[position] = byte
                    let json = String(decoding: changed, as: UTF8.self)
                    let isNumber = json.wholeMatch(of: number) != nil
                    #expect((refusal(of: "{\"logits\":[\(json)]}")?.kind != .syntax) == isNumber, "\(json)")
                    #expect((refusal(of: "{\"logits\":[1,\(json),2]}")?.kind != .syntax) == isNumber, "\(json)")
                }
            }
        }
    }

    @Test("A document with any byte changed is read or refused, and what is accepted Foundation accepts")
    func survivesMutation() {
        let body = Array(#"{"dtype":"f\n","logits":[[1.5,-2e3],["-Infinity"]],"mask":[true],"entries":[[0,1]]}"#.utf8)
        let bytes: [UInt8] =
            Array(#"{}[],:"\0-+.eEtfn /a"#.utf8) + [0, 9, 10, 0x0C, 0x1A, 0x7F, 0x80, 0xC3, 0xE2, 0xF0, 0xFF]
        for position in body.indices {
            for byte in bytes {
                var changed = body
                changed[position] = byte
                if let error = refusal(of: changed) {
                    #expect((error.offset ?? -1) >= 0 && (error.offset ?? .max) <= changed.count)
                } else {
                    readEverything(changed)
                    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(changed)) }
                }
            }
        }
    }

    /// Reads all members in all ways; errors are welcome, crashes are not.
    private func readEverything(_ body: [UInt8]) {
        for name in knownMembers {
            guard let request = try? JSONRequest(body, members: knownMembers, limits: TensorLimits()) else { return }
            _ = try? request.string(name)
            _ = try? request.number(name)
            _ = try? request.integer(name)
            _ = try? request.tensor(name, as: Double.self, allowingNegativeInfinity: true)
            _ = try? request.tensor(name, as: Float.self, allowingNegativeInfinity: false)
            _ = try? request.booleans(name)
            _ = try? request.indexPairs(name)
        }
    }
}
