// Nanoseconds a number: reading and printing JSON numbers with TensorJSON, as the service does it, and with Swift's own
// conversions. The benchmarks run it beside other libraries.
//
// usage: number-speed FILE, which holds {"logits":[number,…]}
// Prints lines of "name, tab, read or print, tab, nanoseconds": the best of several passes.
import Glibc
import TensorJSON

func contents(of path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var all: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        let count = read(descriptor, &piece, piece.count)
        guard count > 0 else { return count == 0 ? all : nil }
        all += piece[..<count]
    }
}

func nanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// Prints the best of five passes; each returns how many numbers it did and something that depends on them all.
func measure(_ name: String, _ what: String, _ pass: () throws -> (numbers: Int, check: Double)) rethrows {
    var best = Double.infinity
    for _ in 0..<5 {
        let start = nanoseconds()
        let done = try pass()
        let end = nanoseconds()
        // A pass whose result nobody looks at need not be run by an optimiser.
        guard done.check.isFinite, done.numbers > 0 else { exit(1) }
        best = min(best, (end - start) / Double(done.numbers))
    }
    print(name, what, best, separator: "\t")
}

/// Reads the logits into a tensor whose memory is used again: what the kernel takes for giving it is not part of reading.
func read<Scalar: TensorScalar>(_ body: [UInt8], into tensor: inout Tensor<Scalar>) -> Bool {
    var limits = TensorLimits()
    limits.elements = .max
    var rows = RowRecords()
    return body.withUnsafeBufferPointer { bytes in
        var reader = SinglePassReader(bytes, limits: limits)
        guard reader.nextName() != nil, reader.read(&tensor, allowingNegativeInfinity: true, rows: &rows)
        else { return false }
        return reader.nextName() == nil && reader.isWhole
    }
}

func measureReading<Scalar: TensorScalar>(_ name: String, _ body: [UInt8], into tensor: inout Tensor<Scalar>) {
    measure(name, "read") {
        guard read(body, into: &tensor) else { exit(1) }
        return (tensor.values.count, Double(tensor.values[tensor.values.count - 1]))
    }
}

func measurePrinting<Scalar: TensorScalar>(_ name: String, _ values: [Scalar]) throws {
    // Into the same memory each time: what the kernel takes for giving it is not part of printing.
    var output: [UInt8] = []
    try measure(name, "print") {
        output.removeAll(keepingCapacity: true)
        try output.append(addingCapacity: values.count * TensorWriter.bytesPerNumber + TensorWriter.slack) {
            output throws(UnwritableNumber) in
            try TensorWriter.append(values.span, to: &output)
        }
        return (values.count, Double(output.count))
    }
}

guard CommandLine.arguments.count == 2, let body = contents(of: CommandLine.arguments[1]) else {
    print("usage: number-speed FILE")
    exit(64)
}
do {
    var doubles = Tensor<Double>(values: [], layout: TensorLayout.emptyBatch)
    measureReading("softmaxd", body, into: &doubles)
    let values = doubles.values
    try measurePrinting("softmaxd", values)
    var floats = Tensor<Float>(values: [], layout: TensorLayout.emptyBatch)
    measureReading("softmaxd, float32", body, into: &floats)
    try measurePrinting("softmaxd, float32", floats.values)

    let texts = values.map(\.description)
    measure("Swift's Double", "read") {
        (texts.count, texts.reduce(0) { $0 + (Double($1) ?? .nan) })
    }
    var output: [UInt8] = []
    measure("Swift's Double", "print") {
        output.removeAll(keepingCapacity: true)
        for value in values { output += value.description.utf8 }
        return (values.count, Double(output.count))
    }
} catch {
    print("error:", error)
    exit(1)
}
