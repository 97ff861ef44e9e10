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
}

extension OperationOptions {
    /// Reads the members that are not tensors.
    init(_ request: borrowing JSONRequest, operation: NativeOperation) throws {
        self.operation = operation
        if let name = try request.string("function") {
            guard let function = SoftmaxFunction(rawValue: name) else {
                throw HTTPProblem.choice("function", among: SoftmaxFunction.allCases.map(\.rawValue))
            }
            softmax.function = function
        }
        if let name = try request.string("dtype") {
            guard let value = DataType(rawValue: name) else {
                throw HTTPProblem.choice("dtype", among: DataType.allCases.map(\.rawValue))
            }
            dataType = value
        }
        if let temperature = try request.number("temperature") {
            softmax.temperature = temperature
        }
        if let value = try request.integer("axis") { axis = value }
        guard operation == .jacobian else { return }
        if let name = try request.string("form") {
            guard let value = JacobianForm(rawValue: name) else {
                throw HTTPProblem.choice("form", among: JacobianForm.allCases.map(\.rawValue))
            }
            form = value
        }
        if form == .entries, !request.contains("entries") {
            throw HTTPProblem.missing("entries", why: "form is \"entries\"")
        }
        if form != .entries, request.contains("entries") {
            throw HTTPProblem.meaningless("entries goes with \"form\": \"entries\" only", pointer: "/entries")
        }
    }
}
