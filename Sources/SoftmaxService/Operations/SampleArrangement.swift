import HTTPServer
import TensorJSON

/// How a tensor's samples lie in it: contiguous rows where the class axis is the last, strided where it is another.
///
/// A strided tensor of shape (outer…, C, inner…) is gathered into outer·inner contiguous samples of C classes, in the
/// order of the remaining axes, so that one kernel serves every axis.
struct SampleArrangement: Sendable {
    /// The request's own nesting.
    let layout: TensorLayout
    /// The nesting whose rows are the samples: the request's own, or with another axis the remaining axes, then C.
    private(set) var sampleLayout: TensorLayout
    /// The class axis where it is not the last, and the product of the lengths before it, its length, and the product of
    /// those behind it; nil where samples are contiguous.
    private var strides: Strides?

    private typealias Strides = (axis: Int, outer: Int, classes: Int, inner: Int)

    /// No samples.
    static let empty = SampleArrangement(rows: .emptyBatch)

    private init(rows layout: TensorLayout) {
        (self.layout, sampleLayout, strides) = (layout, layout, nil)
    }

    /// - Throws: 422 where the axis does not exist, or is not the last of a ragged tensor.
    init(_ layout: TensorLayout, axis: Int) throws(HTTPProblem) {
        self.init(rows: layout)
        if axis == -1 { return }
        guard let shape = layout.shape else {
            throw .meaningless("axis \(axis) needs a rectangular tensor, and logits is ragged", pointer: "/axis")
        }
        let rank = shape.count
        guard axis >= -rank, axis < rank else {
            throw .meaningless(
                "axis \(axis) is out of range: logits has \(rank) \(rank == 1 ? "axis" : "axes")", pointer: "/axis")
        }
        let classAxis = axis < 0 ? axis + rank : axis
        if classAxis == rank - 1 { return }
        let (before, behind) = (shape[..<classAxis], shape[(classAxis + 1)...])
        sampleLayout = TensorLayout(shape: before + behind + [shape[classAxis]])
        strides = (classAxis, before.reduce(1, *), shape[classAxis], behind.reduce(1, *))
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

    /// Moves the values so that every sample is contiguous; `spare` is memory to do it in.
    func gather<Scalar>(_ values: inout [Scalar], _ spare: inout [Scalar]) {
        guard let strides else { return }
        Self.move(&values, &spare) { target, source in
            Self.forEachPlace(strides) { target[$1] = source[$0] }
        }
    }

    /// The inverse of ``gather(_:_:)``, for each of the tensors that follow each other in the values.
    func scatter<Scalar>(_ values: inout [Scalar], _ spare: inout [Scalar]) {
        guard let strides, !values.isEmpty else { return }
        Self.move(&values, &spare) { target, source in
            for start in stride(from: 0, to: source.count, by: layout.scalars) {
                Self.forEachPlace(strides) { target[start + $0] = source[start + $1] }
            }
        }
    }

    private static func move<Scalar>(
        _ values: inout [Scalar], _ spare: inout [Scalar],
        _ fill: (UnsafeMutableBufferPointer<Scalar>, UnsafeBufferPointer<Scalar>) -> Void
    ) {
        spare.removeAll(keepingCapacity: true)
        // At least 1: for 0 the standard library writes the count of the empty array that all threads share.
        spare.append(addingCapacity: max(1, values.count)) { output in
            output.withUnsafeMutableBufferPointer { target, count in
                values.withUnsafeBufferPointer { fill(target, $0) }
                count = values.count
            }
        }
        swap(&values, &spare)
    }

    private static func forEachPlace(
        _ strides: Strides, _ body: (_ strided: Int, _ contiguous: Int) -> Void
    ) {
        for block in 0..<strides.outer {
            for offset in 0..<strides.inner {
                let sample = block * strides.inner + offset
                for index in 0..<strides.classes {
                    body((block * strides.classes + index) * strides.inner + offset, sample * strides.classes + index)
                }
            }
        }
    }

    /// A JSON Pointer below `/logits` to a sample; with another axis than the last, to the array that holds its axis.
    func pointer(sample: Int) -> String {
        guard let strides else { return sampleLayout.pointer(row: sample, column: nil) }
        var rest = sample / max(strides.inner, 1)
        var indices: [Int] = []
        for axis in (0..<strides.axis).reversed() {
            let extent = max(layout.length(axis), 1)
            indices.append(rest % extent)
            rest /= extent
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
