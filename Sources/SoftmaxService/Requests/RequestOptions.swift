import HTTPServer
import SoftmaxCore
import TensorJSON

/// The options of a request, apart from its tensors.
struct RequestOptions {
    var operation: SoftmaxOperation
    var softmax = SoftmaxOptions()
    var axis = -1
    var form = JacobianForm.dense
    var dataType = DataType.float64

    /// Whether the reply has C² numbers for each sample.
    var isDense: Bool { operation == .jacobian && form == .dense }
}

extension RequestOptions {
    /// Reads the members that are not tensors.
    init(_ request: borrowing JSONRequest, operation: SoftmaxOperation) throws {
        self.operation = operation
        if let name = try request.string("function") { softmax.function = try Self.choice("function", name) }
        if let name = try request.string("dtype") { dataType = try Self.choice("dtype", name) }
        if let temperature = try request.number("temperature") { softmax.temperature = temperature }
        if let value = try request.integer("axis") { axis = value }
        guard operation == .jacobian else { return }
        if let name = try request.string("form") { form = try Self.choice("form", name) }
        try requireEntries(isPresent: request.contains("entries"))
    }

    private static func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ member: String, _ name: String
    ) throws(HTTPProblem) -> Choice {
        if let value = Choice(rawValue: name) { return value }
        throw .unknownChoice(member, among: Choice.allCases.map(\.rawValue))
    }

    /// Refuses `entries` without `"form": "entries"`, and that form without `entries`.
    func requireEntries(isPresent: Bool) throws(HTTPProblem) {
        if form == .entries, !isPresent { throw .missing("entries", why: "form is \"entries\"") }
        if form != .entries, isPresent {
            throw .invalidRequest("entries goes with \"form\": \"entries\" only", pointer: "/entries")
        }
    }
}
