import HTTPServer
import TensorJSON

/// How a tensor's samples lie in it: contiguous rows where the class axis is the last, strided where it is another.
///
/// A strided tensor of shape (outer…, C, inner…) is gathered into outer·inner contiguous samples of C classes, in the
/// order of the remaining axes, so that one kernel serves every axis.
struct SampleArrangement: Sendable {
    /// The nesting whose rows are the samples: the request's own, or with another axis the remaining axes, then C.
    let sampleLayout: TensorLayout
    /// Product of the axes before the class axis; 0 where samples are contiguous.
    private let outer: Int
    private let classes: Int
    private let inner: Int
    private let leadingShape: [Int]
    private let isStrided: Bool

    /// - Throws: 422 where the axis does not exist, or is not the last of a ragged tensor.
    init(_ layout: TensorLayout, axis: Int) throws(HTTPProblem) {
        guard let shape = layout.shape else {
            guard axis == -1 else {
                throw .meaningless(
                    "axis \(axis) needs a rectangular tensor, and logits is ragged", pointer: "/axis")
            }
            (sampleLayout, outer, classes, inner, leadingShape, isStrided) = (layout, 0, 0, 1, [], false)
            return
        }
        let rank = shape.count
        guard axis >= -rank, axis < rank else {
            throw .meaningless(
                "axis \(axis) is out of range: logits has \(rank) \(rank == 1 ? "axis" : "axes")", pointer: "/axis")
        }
        let classAxis = axis < 0 ? axis + rank : axis
        leadingShape = Array(shape[..<classAxis])
        classes = shape[classAxis]
        isStrided = classAxis != rank - 1
        outer = leadingShape.reduce(1, *)
        inner = shape[(classAxis + 1)...].reduce(1, *)
        sampleLayout =
            isStrided
            ? TensorLayout(shape: leadingShape + Array(shape[(classAxis + 1)...]) + [classes]) : layout
    }

    /// The number of samples.
    var samples: Int { sampleLayout.rows }

    /// The smallest number of classes of any sample; `Int.max` where there is no sample.
    var smallestSample: Int {
        if sampleLayout.isRectangular { return samples == 0 ? Int.max : sampleLayout.rowLength(0) }
        return (0..<samples).lazy.map(sampleLayout.rowLength).min() ?? Int.max
    }

    /// Where the values of those samples lie.
    func values(of samples: Range<Int>) -> Range<Int> {
        guard !samples.isEmpty else { return 0..<0 }
        let last = samples.upperBound - 1
        return sampleLayout.rowStart(samples.lowerBound)..<sampleLayout.rowStart(last) + sampleLayout.rowLength(last)
    }

    /// Calls `body` for each run of equally long samples: its values, its number of classes, its first sample.
    func forEachRun<E>(
        in range: Range<Int>? = nil, _ body: (_ values: Range<Int>, _ classes: Int, _ first: Int) throws(E) -> Void
    ) throws(E) {
        let range = range ?? 0..<samples
        var first = range.lowerBound
        while first < range.upperBound {
            let classes = sampleLayout.rowLength(first)
            var end = first + 1
            if sampleLayout.isRectangular {
                end = range.upperBound
            } else {
                while end < range.upperBound, sampleLayout.rowLength(end) == classes { end += 1 }
            }
            try body(values(of: first..<end), classes, first)
            first = end
        }
    }

    /// Cuts the samples into ranges of about `numbers` numbers where a sample counts `weight` of its classes.
    func ranges(ofAbout numbers: Int, weight: (_ classes: Int) -> Int) -> [Range<Int>] {
        if sampleLayout.isRectangular, samples > 0 {
            // Equal samples: a size that needs no walk over them. (No overflow: the reply's size was checked before.)
            let step = max(1, numbers / max(1, weight(sampleLayout.rowLength(0))))
            if step >= samples { return [0..<samples] }
            return stride(from: 0, to: samples, by: step).map { $0..<min($0 + step, samples) }
        }
        var ranges: [Range<Int>] = []
        var first = 0
        var collected = 0
        for sample in 0..<samples {
            collected += weight(sampleLayout.rowLength(sample))
            if collected >= numbers || sample == samples - 1 {
                ranges.append(first..<sample + 1)
                first = sample + 1
                collected = 0
            }
        }
        return ranges
    }

    /// The values with every sample contiguous.
    func gathered<Scalar>(_ values: [Scalar]) -> [Scalar] {
        guard isStrided else { return values }
        // At least 1: for 0 the standard library writes the count of the empty array that all threads share.
        return [Scalar](unsafeUninitializedCapacity: max(1, values.count)) { target, count in
            forEachPlace { strided, contiguous in
                target.initializeElement(at: contiguous, to: values[strided])
            }
            count = values.count
        }
    }

    /// The inverse of ``gathered(_:)``.
    func scattered<Scalar>(_ values: [Scalar]) -> [Scalar] {
        guard isStrided else { return values }
        return [Scalar](unsafeUninitializedCapacity: max(1, values.count)) { target, count in
            forEachPlace { strided, contiguous in
                target.initializeElement(at: strided, to: values[contiguous])
            }
            count = values.count
        }
    }

    private func forEachPlace(_ body: (_ strided: Int, _ contiguous: Int) -> Void) {
        for block in 0..<outer {
            for offset in 0..<inner {
                let sample = block * inner + offset
                for index in 0..<classes {
                    body((block * classes + index) * inner + offset, sample * classes + index)
                }
            }
        }
    }

    /// A JSON Pointer below `/logits` to a sample; with another axis than the last, to the array that holds its axis.
    func pointer(sample: Int) -> String {
        guard isStrided else { return sampleLayout.pointer(row: sample, column: nil) }
        var rest = sample / max(inner, 1)
        var indices: [Int] = []
        for extent in leadingShape.reversed() {
            indices.append(rest % max(extent, 1))
            rest /= max(extent, 1)
        }
        return indices.reversed().map { "/\($0)" }.joined()
    }

    /// How many numbers the reply holds; `nil` where that overflows.
    func replyNumbers(_ operation: NativeOperation, _ form: JacobianForm, pairs: Int) -> Int? {
        var total = 0
        let isRectangular = sampleLayout.isRectangular
        let distinct = isRectangular ? min(samples, 1) : samples
        for sample in 0..<distinct {
            let classes = sampleLayout.rowLength(sample)
            let (count, overflowed) =
                switch (operation, form) {
                case (.jacobian, .dense): classes.multipliedReportingOverflow(by: classes)
                case (.jacobian, .factored): classes.multipliedReportingOverflow(by: 2)
                case (.jacobian, .entries): (pairs, false)
                default: (classes, false)
                }
            let (sum, overflowedSum) = total.addingReportingOverflow(count)
            guard !overflowed, !overflowedSum else { return nil }
            total = sum
        }
        guard isRectangular else { return total }
        let (product, overflowed) = total.multipliedReportingOverflow(by: samples)
        return overflowed ? nil : product
    }
}
