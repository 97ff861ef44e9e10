/// The binary formats tensors are made of: ``Swift/Double`` and ``Swift/Float``.
public protocol TensorScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable {
    /// Which of the two it is.
    static var tensorFormat: TensorFormat { get }
}

/// An IEEE 754 format that JSON numbers are rounded to and printed from.
public enum TensorFormat: Sendable {
    /// Called float64 on the wire.
    case binary64
    /// Called float32 on the wire.
    case binary32
}

extension Double: TensorScalar {
    /// float64.
    public static var tensorFormat: TensorFormat { .binary64 }
}

extension Float: TensorScalar {
    /// float32.
    public static var tensorFormat: TensorFormat { .binary32 }
}
