// error: cannot convert return expression of type 'SoftmaxFormat<Double>' to return type 'SoftmaxFormat<Float16>'
import SoftmaxCore

extension Float16: SoftmaxScalar {
    public static var softmaxFormat: SoftmaxFormat<Float16> { Double.softmaxFormat }
}
