/// How the kernels read and write one scalar type; only this library can make one.
///
/// It is what seals ``SoftmaxScalar``: for a type other than `Float` and `Double` there is no such value.
public struct SoftmaxFormat<Scalar>: Sendable {
    /// IEEE 754 binary32 instead of binary64.
    let isSingle: Bool
}

/// A floating-point type that softmax is computed in: `Float` or `Double`.
///
/// No other type can conform, because the kernels read and write these two formats' bytes: the requirement has a type
/// that only this library can make a value of.
public protocol SoftmaxScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable {
    /// How the type is stored.
    static var softmaxFormat: SoftmaxFormat<Self> { get }
}

extension Double: SoftmaxScalar {
    /// IEEE 754 binary64.
    public static var softmaxFormat: SoftmaxFormat<Double> { SoftmaxFormat(isSingle: false) }
}

extension Float: SoftmaxScalar {
    /// IEEE 754 binary32.
    public static var softmaxFormat: SoftmaxFormat<Float> { SoftmaxFormat(isSingle: true) }
}
