import HTTPServer
import TensorJSON

/// Where a tensor's samples are: contiguous rows if the class axis is the last one, strided otherwise.
///
/// A strided tensor of shape (outer…, C, inner…) is gathered into outer·inner contiguous samples of C classes, in the
/// order of the remaining axes, so that the kernels only ever see contiguous samples.
struct SampleArrangement: Sendable {
    /// The nesting of the request.
    private(set) var layout: TensorLayout
    /// The nesting whose rows are the samples: that of the request, or for a strided tensor its other axes, then C.
    private(set) var sampleLayout: TensorLayout
    /// The class axis, the product of the extents before it, its own extent, and the product of those after it; `nil`
    /// if the samples are contiguous.
    private var strides: Strides?

    private typealias Strides = (axis: Int, outer: Int, classes: Int, inner: Int)

    /// No samples.
    static let empty = SampleArrangement(rows: .emptyBatch)

    private init(rows layout: TensorLayout) {
        (self.layout, sampleLayout, strides) = (layout, layout, nil)
    }

    /// Finds the samples of another tensor along an axis.
    ///
    /// Sets each part in place: a new arrangement would be copied over this one.
    ///
    /// - Throws: 422 if the axis does not exist, or if the tensor is ragged and the axis is not −1.
    mutating func arrange(_ layout: TensorLayout, axis: Int) throws(HTTPProblem) {
        self.layout = layout
        if axis != -1, let (samples, strides) = try Self.strided(layout, axis: axis) {
            sampleLayout = samples
            self.strides = strides
        } else {
            sampleLayout = layout
            strides = nil
        }
    }

    /// The samples of a tensor along an axis and where they are; `nil` for the last one.
    private static func strided(
        _ layout: TensorLayout, axis: Int
    ) throws(HTTPProblem) -> (TensorLayout, Strides)? {
        guard let shape = layout.shape else {
            throw .invalidRequest("axis \(axis) needs a rectangular tensor, and logits is ragged", pointer: "/axis")
        }
        let rank = shape.count
        guard axis >= -rank, axis < rank else {
            throw .invalidRequest(
                "axis \(axis) is out of range: logits has \(rank) \(rank == 1 ? "axis" : "axes")", pointer: "/axis")
        }
        let classAxis = axis < 0 ? axis + rank : axis
        if classAxis == rank - 1 { return nil }
        let (before, behind) = (shape[..<classAxis], shape[(classAxis + 1)...])
        return (
            TensorLayout(shape: before + behind + [shape[classAxis]]),
            (classAxis, before.reduce(1, *), shape[classAxis], behind.reduce(1, *))
        )
    }

    /// Whether the samples follow each other in the request's own order.
    var isContiguous: Bool { strides == nil }

    /// The number of samples.
    var samples: Int { sampleLayout.rows }

    /// The smallest number of classes of any sample; `Int.max` for an empty batch.
    var smallestSample: Int {
        if sampleLayout.isRectangular { return samples == 0 ? Int.max : sampleLayout.rowLength(0) }
        return (0..<samples).lazy.map(sampleLayout.rowLength).min() ?? Int.max
    }

    /// The indices of those samples' values.
    func values(of samples: Range<Int>) -> Range<Int> {
        guard !samples.isEmpty else { return 0..<0 }
        let last = samples.upperBound - 1
        return sampleLayout.rowStart(samples.lowerBound)..<sampleLayout.rowStart(last) + sampleLayout.rowLength(last)
    }

    /// Calls `body` for each run of samples of the same length: the indices of its values, its number of classes and
    /// its first sample.
    @inline(__always)
    func forEachRun<E>(
        in range: Range<Int>? = nil, _ body: (_ values: Range<Int>, _ classes: Int, _ first: Int) throws(E) -> Void
    ) throws(E) {
        let range = range ?? 0..<samples
        guard !range.isEmpty else { return }
        var first = range.lowerBound
        var start = sampleLayout.rowStart(first)
        while first < range.upperBound {
            let classes = sampleLayout.rowLength(first)
            var end = first + 1
            if sampleLayout.isRectangular {
                end = range.upperBound
            } else {
                while end < range.upperBound, sampleLayout.rowLength(end) == classes { end += 1 }
            }
            let next = start + (end - first) * classes
            try body(start..<next, classes, first)
            (first, start) = (end, next)
        }
    }

    /// Splits the samples into ranges whose weights, `weight` of each sample's classes, add up to about `numbers`.
    func ranges(ofAbout numbers: Int, weight: (_ classes: Int) -> Int) -> [Range<Int>] {
        if sampleLayout.isRectangular, samples > 0 {
            // All samples have the same weight. It does not overflow: the size of the reply has been checked.
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

    /// Moves the values so that every sample is contiguous; `spare` is the buffer they are moved to, then swapped with.
    func gather<Scalar>(_ values: inout [Scalar], _ spare: inout [Scalar]) {
        guard let strides else { return }
        Self.move(&values, &spare) { target, source in
            Self.forEachElement(strides) { target[$1] = source[$0] }
        }
    }

    /// The inverse of ``gather(_:_:)``, applied to each of the consecutive tensors in `values` (a factored Jacobian has
    /// two).
    func scatter<Scalar>(_ values: inout [Scalar], _ spare: inout [Scalar]) {
        guard let strides, !values.isEmpty else { return }
        Self.move(&values, &spare) { target, source in
            for start in stride(from: 0, to: source.count, by: layout.scalars) {
                Self.forEachElement(strides) { target[start + $0] = source[start + $1] }
            }
        }
    }

    private static func move<Scalar>(
        _ values: inout [Scalar], _ spare: inout [Scalar],
        _ fill: (UnsafeMutableBufferPointer<Scalar>, UnsafeBufferPointer<Scalar>) -> Void
    ) {
        spare.removeAll(keepingCapacity: true)
        spare.append(count: values.count) { target in values.withUnsafeBufferPointer { fill(target, $0) } }
        swap(&values, &spare)
    }

    private static func forEachElement(
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

    /// A JSON Pointer below `/logits` to a sample; for a strided tensor, to the array along its class axis.
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

    /// The number of numbers in the reply, without the scale of a factored Jacobian; `nil` on overflow.
    func replyNumbers(_ operation: SoftmaxOperation, _ form: JacobianForm, pairs: Int) -> Int? {
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
