import CSoftmaxKernels

/// The kernels' working memory, which callers reuse from one call to the next.
package struct SoftmaxScratch: ~Copyable {
    private var numbers = UnsafeMutableBufferPointer<Double>(start: nil, count: 0)

    /// The storage of a ``PreparedSample`` while none uses it.
    var probabilities: [Double] = []

    /// Allocates nothing until it is first used.
    package init() {}

    deinit { numbers.deallocate() }

    /// Memory for any operation on rows of that many classes; valid until the next call of this function.
    mutating func pointer(classes: Int) -> UnsafeMutablePointer<Double> {
        let count = Int(softmax_scratch_count(Int64(classes)))
        if numbers.count < count {
            numbers.deallocate()
            numbers = .allocate(capacity: count)
        }
        guard let base = numbers.baseAddress else { preconditionFailure("a row has classes") }
        return base
    }
}
