// Every public function of SoftmaxCore, in both formats, as a dependent package calls it.
import SoftmaxCore

/// Prints each result of one sample on a line.
func show<S: SoftmaxScalar>(_ logits: [S], _ vector: [S], _ options: SoftmaxOptions) throws {
    let classes = logits.count
    var output = [S](repeating: 0, count: classes)
    var complements = output
    var square = [S](repeating: 0, count: classes * classes)

    var span = output.mutableSpan
    try Softmax.validate(logits.span, vector: vector.span, classes: classes)
    try Softmax.evaluate(logits.span, classes: classes, options: options, into: &span)
    print(options.function.rawValue, output)
    span = output.mutableSpan
    try Softmax.vjp(logits.span, cotangents: vector.span, classes: classes, options: options, into: &span)
    print("vjp", output)
    span = output.mutableSpan
    try Softmax.jvp(logits.span, tangents: vector.span, classes: classes, options: options, into: &span)
    print("jvp", output)
    span = output.mutableSpan
    try Softmax.jacobianDiagonal(logits.span, classes: classes, options: options, into: &span)
    print("diagonal", output)
    span = output.mutableSpan
    var complementSpan = complements.mutableSpan
    try Softmax.jacobianFactors(
        logits.span, classes: classes, options: options, probabilities: &span, complements: &complementSpan)
    print("factors", output, complements)
    var squareSpan = square.mutableSpan
    try Softmax.jacobian(logits.span, classes: classes, options: options, into: &squareSpan)
    print("jacobian", square)
    squareSpan = square.mutableSpan
    let prepared = try JacobianRows(logits.span, options: options)
    try prepared.rows(0..<classes, into: &squareSpan)
    print("rows", square)
    let pairs = [JacobianEntry(output: 0, input: 1), JacobianEntry(output: 1, input: 1)]
    span = output.mutableSpan
    try Softmax.jacobianEntries(logits.span, classes: classes, options: options, pairs: pairs.span, into: &span)
    print("entries", output)
}

try show([0, 0] as [Double], [1, 0], SoftmaxOptions())
try show([0, 0] as [Float], [1, 0], SoftmaxOptions(function: .logSoftmax, temperature: 0.5))
