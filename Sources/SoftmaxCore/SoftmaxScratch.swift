import CSoftmaxKernels

/// Working memory of the kernels, kept from one call to the next by callers that make many small ones.
package struct SoftmaxScratch: ~Copyable {
    private var numbers = UnsafeMutableBufferPointer<Double>(start: nil, count: 0)

    /// A prepared sample's probabilities, between two samples.
    var probabilities: [Double] = []

    /// No memory yet.
    package init() {}

    deinit { numbers.deallocate() }

    /// What every operation on rows of so many classes needs; valid until the next call.
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
