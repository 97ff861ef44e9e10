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

    /// Whether C² numbers a sample are asked for.
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
        try requireEntries(areThere: request.contains("entries"))
    }

    private static func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ member: String, _ name: String
    ) throws(HTTPProblem) -> Choice {
        guard let value = Choice(rawValue: name) else { throw .choice(member, among: Choice.allCases.map(\.rawValue)) }
        return value
    }

    /// Entries go with the form that lists them, and it with them.
    func requireEntries(areThere: Bool) throws(HTTPProblem) {
        if form == .entries, !areThere { throw .missing("entries", why: "form is \"entries\"") }
        if form != .entries, areThere {
            throw .meaningless("entries goes with \"form\": \"entries\" only", pointer: "/entries")
        }
    }
}
