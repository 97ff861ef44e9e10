// error: type 'Float16' does not conform to protocol 'SoftmaxScalar'
import SoftmaxCore

extension Float16: SoftmaxScalar {
    /// What an outsider might try.
    public static var softmaxFormat: SoftmaxFormat<Double> { Double.softmaxFormat }
}
