import HTTPServer
import SoftmaxCore
import TensorJSON

/// Maps every failure of a POST route to the problem that the client gets; no other file does.
extension HTTPProblem {
    /// Valid JSON that is no valid request.
    static func invalidRequest(_ detail: String, pointer: String?, limit: Int? = nil) -> HTTPProblem {
        HTTPProblem(.invalidRequest, detail, pointer: pointer, limit: limit)
    }

    /// A required member that is missing.
    static func missing(_ member: StaticString, why: String) -> HTTPProblem {
        .invalidRequest("member \"\(member)\" is missing: \(why)", pointer: "")
    }

    /// A string that is not one of the allowed names.
    static func unknownChoice(_ member: String, among names: [String]) -> HTTPProblem {
        let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
        return .invalidRequest("\(member) must be one of \(list)", pointer: "/\(member)")
    }

    /// A reply that would hold more numbers than the limit.
    static func replyTooLarge(numbers: Int?, limit: Int, dense: Bool) -> HTTPProblem {
        let size = numbers.map { "\($0) numbers" } ?? "more numbers than fit 63 bits"
        let hint =
            dense
            ? "; \"form\": \"factored\" carries the same Jacobian in 2 numbers a class, and /vjp applies it without forming it"
            : "; send fewer samples or pairs"
        return HTTPProblem(
            .replyTooLarge, "The reply would hold \(size), the limit is \(limit)\(hint).", pointer: "/logits",
            limit: limit)
    }

    /// Maps a failure to read the body.
    init(_ error: TensorJSONError) {
        let kind: HTTPProblemKind =
            switch error.kind {
            case .syntax: .notJSON
            case .duplicateMember: .duplicateMember
            case .depth: .nestingTooDeep
            case .elements: .tooManyNumbers
            case .unknownMember, .missingMember, .type, .range, .noClasses, .shape: .invalidRequest
            }
        self.init(kind, error.detail, pointer: error.pointer, limit: error.limit)
    }

    /// Maps an error of `SoftmaxCore`; `sample` returns the JSON Pointer below `/logits` to a sample by its number.
    init(_ error: SoftmaxError, sample: (Int) -> String) {
        switch error {
        case .noClasses:
            self = .invalidRequest("a sample has no classes", pointer: "/logits")
        case .allClassesMasked(let row):
            self = .invalidRequest("every class of this sample is masked", pointer: "/logits" + sample(row))
        case .notANumberOrInfinite(let row, _):
            self = .invalidRequest("NaN and +Infinity have no softmax", pointer: "/logits" + sample(row))
        case .resultOverflows(let row, _):
            self = .invalidRequest("the product for this sample overflows the dtype", pointer: "/logits" + sample(row))
        case .temperatureNotPositive:
            self = .invalidRequest("temperature must be greater than 0", pointer: "/temperature")
        case .temperatureTooSmall:
            self = .invalidRequest(
                "1/temperature overflows the dtype, and the derivatives with it", pointer: "/temperature")
        case .shapeMismatch, .notFiniteVector, .indexOutOfRange:
            // The request's own checks refuse these first, with a more exact pointer.
            self = .internalError()
        }
    }

    /// Maps a failure to compute or write a reply; `sample` is as above.
    init(_ failure: ReplyFailure, sample: (Int) -> String) {
        switch failure {
        case .overflow(let number): self.init(.resultOverflows(row: number, column: 0), sample: sample)
        case .unwritable: self = .internalError()
        // The client has left: nobody receives this.
        case .cancelled: self = .serviceUnavailable("The request was given up.", retryAfter: 1)
        }
    }
}
