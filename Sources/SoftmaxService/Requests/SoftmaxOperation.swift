import HTTPServer

/// What one of the POST routes computes.
///
/// The raw value is the route's path without its slash, and the name of the offline command.
package enum SoftmaxOperation: String, Sendable, CaseIterable {
    /// y = softmax(z/τ) or its logarithm.
    case softmax
    /// J_ji = ∂y_j/∂z_i, in one of four forms.
    case jacobian
    /// Jᵀg.
    case vjp
    /// Jv.
    case jvp

    /// The members that a request of this operation may have, in the order of the API reference.
    var members: [StaticString] {
        switch self {
        case .softmax: Self.softmaxMembers
        case .jacobian: Self.jacobianMembers
        case .vjp: Self.vjpMembers
        case .jvp: Self.jvpMembers
        }
    }

    private static let softmaxMembers: [StaticString] = ["logits", "axis", "temperature", "function", "mask", "dtype"]
    private static let jacobianMembers = softmaxMembers + ["form", "entries"]
    private static let vjpMembers = softmaxMembers + ["cotangents"]
    private static let jvpMembers = softmaxMembers + ["tangents"]

    /// The member with the vector that the Jacobian is applied to; `nil` for an operation without one.
    var vectorMember: StaticString? {
        switch self {
        case .vjp: "cotangents"
        case .jvp: "tangents"
        case .softmax, .jacobian: nil
        }
    }

    /// Refuses a request that lacks a tensor of this operation.
    func requireTensors(logits: Bool, vector: Bool) throws(HTTPProblem) {
        guard logits else { throw .missing("logits", why: "every request needs it") }
        guard let vectorMember, !vector else { return }
        throw .missing(vectorMember, why: "/\(rawValue) needs it")
    }
}

/// How a Jacobian is represented in the reply.
enum JacobianForm: String, CaseIterable {
    /// C×C numbers for each sample.
    case dense
    /// The C numbers ∂y_j/∂z_j.
    case diagonal
    /// y, 1 − y and 1/τ, of which every entry is a product.
    case factored
    /// The entries at the requested index pairs.
    case entries
}

/// The binary floating-point format a request is computed in.
enum DataType: String, CaseIterable {
    /// IEEE 754 binary64.
    case float64
    /// IEEE 754 binary32.
    case float32
}
