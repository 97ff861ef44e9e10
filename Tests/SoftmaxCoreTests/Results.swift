import SoftmaxCore

/// The span functions with arrays as results.
struct Results<S: SoftmaxScalar> {
    var logits: [S]
    var classes: Int
    var options = SoftmaxOptions()
    var build = KernelBuild.fastest

    var rows: Int { classes == 0 ? 0 : logits.count / classes }

    func value() throws -> [S] {
        var output = [S](repeating: .nan, count: logits.count)
        var span = output.mutableSpan
        try Softmax.evaluate(logits.span, classes: classes, options: options, into: &span, build: build)
        return output
    }

    func vjp(_ vector: [S]) throws -> [S] {
        var output = [S](repeating: .nan, count: logits.count)
        var span = output.mutableSpan
        try Softmax.vjp(
            logits.span, cotangents: vector.span, classes: classes, options: options, into: &span, build: build)
        return output
    }

    func jvp(_ vector: [S]) throws -> [S] {
        var output = [S](repeating: .nan, count: logits.count)
        var span = output.mutableSpan
        try Softmax.jvp(
            logits.span, tangents: vector.span, classes: classes, options: options, into: &span, build: build)
        return output
    }

    func diagonal() throws -> [S] {
        var output = [S](repeating: .nan, count: logits.count)
        var span = output.mutableSpan
        try Softmax.jacobianDiagonal(logits.span, classes: classes, options: options, into: &span, build: build)
        return output
    }

    func factors() throws -> (probabilities: [S], complements: [S]) {
        var probabilities = [S](repeating: .nan, count: logits.count)
        var complements = probabilities
        var probabilitySpan = probabilities.mutableSpan
        var complementSpan = complements.mutableSpan
        try Softmax.jacobianFactors(
            logits.span, classes: classes, options: options, probabilities: &probabilitySpan,
            complements: &complementSpan, build: build)
        return (probabilities, complements)
    }

    func jacobian() throws -> [S] {
        var output = [S](repeating: .nan, count: logits.count * classes)
        var span = output.mutableSpan
        try Softmax.jacobian(logits.span, classes: classes, options: options, into: &span, build: build)
        return output
    }

    func entries(_ pairs: [JacobianEntry]) throws -> [S] {
        var output = [S](repeating: .nan, count: rows * pairs.count)
        var span = output.mutableSpan
        try Softmax.jacobianEntries(
            logits.span, classes: classes, options: options, pairs: pairs.span, into: &span, build: build)
        return output
    }

    /// The concatenated results of every operation except the dense Jacobian.
    func everything(_ vector: [S]) throws -> [S] {
        let factors = try factors()
        let last = classes - 1
        return try value() + diagonal() + factors.probabilities + factors.complements + vjp(vector) + jvp(vector)
            + entries([JacobianEntry(output: 0, input: last), JacobianEntry(output: last, input: last)])
    }
}

extension Array where Element: SoftmaxScalar {
    /// The bits of the numbers, to compare with NaN equal to itself and -0 different from 0.
    var bitPatterns: [UInt64] { map { Double($0).bitPattern } }
}
