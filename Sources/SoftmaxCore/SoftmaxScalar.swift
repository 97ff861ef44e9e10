/// The formats that logits and results come in.
public enum SoftmaxScalarFormat: Sendable {
    /// IEEE 754 binary32.
    case float32

    /// IEEE 754 binary64.
    case float64
}

/// A floating-point type that softmax is computed in.
///
/// `Float` and `Double` conform; the kernels read and write no other type's bytes, so do not add conformances.
public protocol SoftmaxScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable {
    /// How the type is stored.
    static var softmaxFormat: SoftmaxScalarFormat { get }
}

extension Double: SoftmaxScalar {
    /// IEEE 754 binary64.
    public static var softmaxFormat: SoftmaxScalarFormat { .float64 }
}

extension Float: SoftmaxScalar {
    /// IEEE 754 binary32.
    public static var softmaxFormat: SoftmaxScalarFormat { .float32 }
}
