import HTTPServer

/// What a native route computes.
///
/// Its raw value is the route without the slash and the offline command's name.
package enum NativeOperation: String, Sendable, CaseIterable {
    /// y = softmax(z/τ) or its logarithm.
    case softmax
    /// J_ji = ∂y_j/∂z_i, in one of four forms.
    case jacobian
    /// Jᵀg.
    case vjp
    /// Jv.
    case jvp

    /// The members a request of this operation may have, in the order of the API reference.
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

    /// The member that holds the vector the Jacobian is applied to, where there is one.
    var vectorMember: StaticString? {
        switch self {
        case .vjp: "cotangents"
        case .jvp: "tangents"
        case .softmax, .jacobian: nil
        }
    }

    /// Refuses a request without the tensors that this operation takes.
    func requireTensors(logits: Bool, vector: Bool) throws(HTTPProblem) {
        guard logits else { throw .missing("logits", why: "every request needs it") }
        guard let vectorMember, !vector else { return }
        throw .missing(vectorMember, why: "/\(rawValue) needs it")
    }
}

/// How a Jacobian is written down.
enum JacobianForm: String, CaseIterable {
    /// C×C numbers a sample.
    case dense
    /// The C numbers ∂y_j/∂z_j.
    case diagonal
    /// y, 1 − y and 1/τ, from which every entry follows by one product.
    case factored
    /// Only the pairs asked for.
    case entries
}

/// The binary floating-point format a request is computed in.
enum DataType: String, CaseIterable {
    /// IEEE 754 binary64.
    case float64
    /// IEEE 754 binary32.
    case float32
}
