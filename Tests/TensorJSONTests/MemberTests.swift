import TensorJSON
import Testing

@Suite("Members of a request")
struct MemberTests {
    @Test("Members are read in any order, spelled in any way")
    func readsMembers() throws {
        let body = Array(
            #"{"logits":[1],"\u0061xis":-1,"temperature":2.5e0,"dtype":"fl\u006fat32\n\ud83d\ude00","a\/b~c":0}"#.utf8)
        let request = try JSONRequest(body, members: knownMembers, limits: TensorLimits())
        #expect(try request.integer("axis") == -1)
        #expect(try request.number("axis") == -1)
        #expect(try request.number("temperature") == 2.5)
        #expect(try request.string("dtype") == "float32\n😀")
        #expect(try request.integer("a/b~c") == 0)
        #expect(try request.string("function") == nil)
        #expect(try request.number("mask") == nil)
        #expect(try request.integer("nonsense") == nil)
        let contained = knownMembers.map { request.contains($0) }
        #expect(contained == [true, true, true, false, false, true, false, true])
    }

    @Test(
        "A member that occurs twice is refused at its second name",
        arguments: [
            (#"{"axis":1,"axis":1}"#, "/axis", 10), (#"{"axis":1,"\u0061xis":2}"#, "/axis", 10),
            (#"{"\u0061xis":1,"ax\u0069s":2}"#, "/axis", 15), (#"{"a/b~c":1,"a\/b~c":2}"#, "/a~1b~0c", 11),
            (#"{"x":1,"axis":1,"axis":[}"#, "/axis", 16),
        ])
    func refusesDuplicates(body: String, pointer: String, offset: Int) {
        let error = refusal(of: body)
        #expect(error?.kind == .duplicateMember)
        #expect(error?.pointer == pointer)
        #expect(error?.offset == offset)
    }

    @Test(
        "An unknown member is refused, and the known one that is close is named, if any",
        arguments: [
            (#"{"logit":1}"#, "logits", "/logit", 1), (#"{"axis":1,"Dtype":1}"#, "dtype", "/Dtype", 10),
            (#"{"temprature":1}"#, "temperature", "/temprature", 1), (#"{"":1}"#, nil, "/", 1),
            (#"{"~/":1,"axs":2}"#, nil, "/~0~1", 1), (#"{"mas\u006b1":1}"#, "mask", "/mask1", 1),
            (#"{"instances":1}"#, nil, "/instances", 1), (#"{"axs":1}"#, "axis", "/axs", 1),
        ])
    func refusesUnknown(body: String, closest: String?, pointer: String, offset: Int) {
        let error = refusal(of: body)
        #expect(error?.kind == .unknownMember)
        let hint = closest.map { "; the closest known one is \"\($0)\"." } ?? "\"."
        #expect(error?.detail.hasSuffix(hint) == true, "\(String(describing: error))")
        #expect(error?.detail.contains("closest") == (closest != nil))
        #expect(error?.pointer == pointer)
        #expect(error?.offset == offset)
    }

    @Test("A body that is no object is of the wrong type", arguments: ["1", "[]", " null", "\"{}\"", "[{}]"])
    func refusesOtherThanObject(body: String) {
        let error = refusal(of: body)
        #expect(error?.kind == .type)
        #expect(error?.pointer == "")
    }

    @Test(
        "Integers are read exactly in any spelling",
        arguments: [
            ("0", 0), ("-0", 0), ("0.000", 0), ("0e99999999999999999999", 0), ("1", 1), ("1.0", 1), ("1.000e3", 1000),
            ("10e-1", 1), ("1000e-3", 1), ("0.001e3", 1), ("120e-1", 12), ("12.50e1", 125), ("-1e2", -100),
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("922337203685477580700e-2", .max),
            ("9007199254740993", 9_007_199_254_740_993), ("100000000000000000000000000000e-29", 1),
        ] as [(String, Int)])
    func readsIntegers(json: String, value: Int) throws {
        let request = try JSONRequest(Array("{\"axis\":\(json) }".utf8), members: knownMembers, limits: TensorLimits())
        #expect(try request.integer("axis") == value)
    }

    @Test(
        "What is no integer, or too large a one, is refused",
        arguments: [
            ("0.5", .type), ("1.00000000000000000000000001", .type), ("1e-1", .type), ("15e-1", .type),
            ("1e-999999", .type),
            ("\"1\"", .type), ("true", .type), ("[1]", .type), ("9223372036854775808", .range),
            ("-9223372036854775809", .range), ("1e19", .range), ("1e99999999999999999999", .range),
            ("99999999999999999999", .range), ("100000000000000000001e-20", .type),
        ] as [(String, TensorJSONError.Kind)])
    func refusesOtherThanIntegers(json: String, kind: TensorJSONError.Kind) throws {
        let request = try JSONRequest(Array("{\"axis\":\(json)}".utf8), members: knownMembers, limits: TensorLimits())
        do throws(TensorJSONError) {
            _ = try request.integer("axis")
            Issue.record("\(json) is no integer of 64 bits")
        } catch {
            #expect(error.kind == kind)
            #expect(error.pointer == "/axis" && error.offset == 8)
        }
    }

    @Test("A scalar of another type is refused with its place")
    func refusesOtherTypes() throws {
        let request = try JSONRequest(
            Array(#"{"dtype":1,"temperature":"1","axis":1e400,"mask":null}"#.utf8), members: knownMembers,
            limits: TensorLimits())
        do throws(TensorJSONError) {
            _ = try request.string("dtype")
            Issue.record("a number is no string")
        } catch {
            #expect(
                error
                    == TensorJSONError(
                        .type, "\"/dtype\" must be a string, not a number.", pointer: "/dtype", offset: 9))
        }
        do throws(TensorJSONError) {
            _ = try request.number("temperature")
            Issue.record("a string is no number")
        } catch {
            #expect(error.kind == .type && error.pointer == "/temperature" && error.offset == 25)
        }
        do throws(TensorJSONError) {
            _ = try request.number("axis")
            Issue.record("1e400 is no float64")
        } catch {
            #expect(error.kind == .range && error.pointer == "/axis")
        }
        do throws(TensorJSONError) {
            _ = try request.number("mask")
            Issue.record("null is not absent")
        } catch {
            #expect(error.kind == .type && error.detail.contains("null"))
        }
        do throws(TensorJSONError) {
            _ = try request.tensor("logits", as: Double.self, allowingNegativeInfinity: true)
            Issue.record("there are no logits")
        } catch {
            #expect(error == .missingMember("logits"))
        }
    }
}
