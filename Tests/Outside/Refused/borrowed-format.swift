// error: cannot convert return expression of type 'SoftmaxFormat<Double>' to return type 'SoftmaxFormat<Float16>'
import SoftmaxCore

extension Float16: SoftmaxScalar {
    /// What an outsider might try.
    public static var softmaxFormat: SoftmaxFormat<Float16> { Double.softmaxFormat }
}
