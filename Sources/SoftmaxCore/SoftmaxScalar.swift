/// The storage format of a scalar type, as the kernels read and write it.
///
/// It seals ``SoftmaxScalar``: only this library can make a value, and it makes none for types other than `Float` and
/// `Double`.
public struct SoftmaxFormat<Scalar>: Sendable {
    /// IEEE 754 binary32 instead of binary64.
    let isSingle: Bool
}

/// A floating-point type that softmax is computed in: `Float` or `Double`.
///
/// The kernels read and write the bytes of these two formats only. No other type can conform, because it would need a
/// ``SoftmaxFormat``.
public protocol SoftmaxScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable {
    /// The storage format.
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
