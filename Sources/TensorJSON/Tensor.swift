/// Numbers that were nested arrays: one flat buffer, and how it was nested.
public struct Tensor<Scalar: TensorScalar>: Equatable, Sendable {
    /// All numbers in the order they were written, ``TensorLayout/scalars`` of them.
    public var values: [Scalar]

    /// Which of them form rows, and how the rows are nested.
    public var layout: TensorLayout

    /// A tensor of these values; there must be as many as the layout says.
    public init(values: [Scalar], layout: TensorLayout) {
        precondition(values.count == layout.scalars, "a tensor's values fill its layout")
        self.values = values
        self.layout = layout
    }
}
