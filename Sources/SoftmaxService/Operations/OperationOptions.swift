import HTTPServer
import SoftmaxCore
import TensorJSON

/// The options of a request, apart from its tensors.
struct OperationOptions {
    var operation: NativeOperation
    var softmax = SoftmaxOptions()
    var axis = -1
    var form = JacobianForm.dense
    var dataType = DataType.float64

    /// Whether the reply has C² numbers for each sample.
    var isDense: Bool { operation == .jacobian && form == .dense }
}

extension OperationOptions {
    /// Reads the members that are not tensors.
    init(_ request: borrowing JSONRequest, operation: NativeOperation) throws {
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
        guard let value = Choice(rawValue: name) else { throw .choice(member, among: Choice.allCases.map(\.rawValue)) }
        return value
    }

    /// Refuses `entries` without `"form": "entries"`, and that form without `entries`.
    func requireEntries(isPresent: Bool) throws(HTTPProblem) {
        if form == .entries, !isPresent { throw .missing("entries", why: "form is \"entries\"") }
        if form != .entries, isPresent {
            throw .meaningless("entries goes with \"form\": \"entries\" only", pointer: "/entries")
        }
    }
}
