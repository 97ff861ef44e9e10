// error: 'SoftmaxFormat<Scalar>' initializer is inaccessible due to 'internal' protection level
import SoftmaxCore

extension Float16: SoftmaxScalar {
    /// What an outsider might try.
    public static var softmaxFormat: SoftmaxFormat<Float16> { SoftmaxFormat(isSingle: true) }
}
