// error: type 'Float16' does not conform to protocol 'SoftmaxScalar'
import SoftmaxCore

extension Float16: SoftmaxScalar {}
