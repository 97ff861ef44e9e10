// Runs SoftmaxCore on records from standard input; with --checksum prints a checksum of every kernel build on fixed
// inputs, with --speed the time that the public functions take.
//
// A record: Int64 function (0 softmax, 1 log-softmax), Int64 bits per number (32, 64), Int64 rows, Int64 classes,
// Int64 dense (0, 1), Double temperature, then rows × classes logits and as many vector components, all as Double.
// The answer, all as Double: value, diagonal, y, 1 - y, VJP, JVP (rows × classes each), and the dense Jacobian if
// asked for. A product that overflows is answered with NaN throughout; any other error ends the program with status 1.
// Golden/stress.py writes the records.
import Glibc
import SoftmaxCore

func readExactly(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
    var done = 0
    while done < buffer.count {
        let count = read(0, buffer.baseAddress.map { $0 + done }, buffer.count - done)
        guard count > 0 else { return false }
        done += count
    }
    return true
}

func readNumbers(_ count: Int) -> [Double]? {
    var numbers = [Double](repeating: 0, count: count)
    return numbers.withUnsafeMutableBytes(readExactly) ? numbers : nil
}

func writeNumbers(_ numbers: [Double]) {
    numbers.withUnsafeBytes { bytes in
        var done = 0
        while done < bytes.count {
            let count = write(1, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            guard count > 0 else { exit(1) }
            done += count
        }
    }
}

/// Every operation's results on one batch, one after the other.
func results<S: SoftmaxScalar>(
    _ logits: [S], _ vector: [S], classes: Int, options: SoftmaxOptions, dense: Bool, build: KernelBuild
) throws(SoftmaxError) -> [S] {
    var all: [S] = []
    var buffer = [S](repeating: 0, count: logits.count)
    var other = buffer
    var span = buffer.mutableSpan
    try Softmax.evaluate(logits.span, classes: classes, options: options, into: &span, build: build)
    all += buffer
    span = buffer.mutableSpan
    try Softmax.jacobianDiagonal(logits.span, classes: classes, options: options, into: &span, build: build)
    all += buffer
    span = buffer.mutableSpan
    var otherSpan = other.mutableSpan
    try Softmax.jacobianFactors(
        logits.span, classes: classes, options: options, probabilities: &span, complements: &otherSpan, build: build)
    all += buffer
    all += other
    do {
        span = buffer.mutableSpan
        try Softmax.vjp(
            logits.span, cotangents: vector.span, classes: classes, options: options, into: &span, build: build)
        all += buffer
    } catch .resultOverflows {
        all += [S](repeating: .nan, count: buffer.count)
    }
    do {
        span = buffer.mutableSpan
        try Softmax.jvp(
            logits.span, tangents: vector.span, classes: classes, options: options, into: &span, build: build)
        all += buffer
    } catch .resultOverflows {
        all += [S](repeating: .nan, count: buffer.count)
    }
    if dense {
        buffer = [S](repeating: 0, count: logits.count * classes)
        span = buffer.mutableSpan
        try Softmax.jacobian(logits.span, classes: classes, options: options, into: &span, build: build)
        all += buffer
    }
    return all
}

func answerRecords() throws(SoftmaxError) {
    while let header = readNumbers(6) {
        let integers = header.map { Int(Int64(bitPattern: $0.bitPattern)) }
        let count = integers[2] * integers[3]
        guard let logits = readNumbers(count), let vector = readNumbers(count) else { exit(1) }
        let options = SoftmaxOptions(
            function: integers[0] == 0 ? .softmax : .logSoftmax, temperature: header[5])
        if integers[1] == 64 {
            writeNumbers(
                try results(
                    logits, vector, classes: integers[3], options: options, dense: integers[4] != 0, build: .fastest))
        } else {
            let narrow = try results(
                logits.map { Float($0) }, vector.map { Float($0) }, classes: integers[3], options: options,
                dense: integers[4] != 0, build: .fastest)
            writeNumbers(narrow.map { Double($0) })
        }
    }
}

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in -1 ..< 1, 53 bits.
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-52 - 1 }
}

/// FNV-1a over every result's bits.
func checksum(_ build: KernelBuild) throws(SoftmaxError) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    var random = SplitMix64(state: 1)
    for classes in [1, 2, 3, 8, 9, 10, 64, 129, 1000] {
        for spread in [1.0, 30, 1000, 1e307] {
            for temperature in [1.0, 0.7, 1e-5, 1e300, 1e-200] {
                for function in SoftmaxFunction.allCases {
                    let options = SoftmaxOptions(function: function, temperature: temperature)
                    let count = classes * 11
                    let scale = spread < 1e30 && temperature < 1e-30 ? spread * temperature : spread
                    let logits = (0..<count).map { _ in random.uniform() * scale }
                    // Half of the vectors come from the whole exponent range, as far as no product overflows.
                    let reach = random.uniform() < 0 ? 0 : temperature < 1e-30 ? 300.0 : 1000
                    let vector = (0..<count).map { _ in
                        random.uniform()
                            * Double(sign: .plus, exponent: Int(random.uniform() * reach), significand: 1)
                    }
                    let wide = try results(
                        logits, vector, classes: classes, options: options, dense: classes < 20, build: build)
                    for number in wide { hash = (hash ^ number.bitPattern) &* 0x100_0000_01b3 }
                    // Spreads and temperatures that float32 can hold.
                    guard spread < 1e30, temperature < 1e30, temperature > 1e-30 else { continue }
                    let narrow = try results(
                        logits.map { Float($0) }, vector.map { Float(max(-1e30, min($0, 1e30))) }, classes: classes,
                        options: options, dense: classes < 20, build: build)
                    for number in narrow { hash = (hash ^ UInt64(number.bitPattern)) &* 0x100_0000_01b3 }
                }
            }
        }
    }
    return hash
}

func nanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// Prints the best of several runs of softmax, log-softmax and the VJP of softmax.
func measure<S: SoftmaxScalar>(_ name: String, rows: Int, classes: Int, as type: S.Type) throws(SoftmaxError) {
    var random = SplitMix64(state: 1)
    let logits = (0..<rows * classes).map { _ in S(random.uniform() * 3) }
    let vector = (0..<rows * classes).map { _ in S(random.uniform()) }
    var output = [S](repeating: 0, count: logits.count)
    let logarithm = SoftmaxOptions(function: .logSoftmax)
    var best = (value: Double.infinity, logarithm: Double.infinity, product: Double.infinity)
    let repetitions = 1_000_000 / logits.count + 1
    for _ in 0..<9 {
        var span = output.mutableSpan
        let start = nanoseconds()
        for _ in 0..<repetitions { try Softmax.evaluate(logits.span, classes: classes, into: &span) }
        let middle = nanoseconds()
        for _ in 0..<repetitions {
            try Softmax.vjp(logits.span, cotangents: vector.span, classes: classes, into: &span)
        }
        let late = nanoseconds()
        for _ in 0..<repetitions {
            try Softmax.evaluate(logits.span, classes: classes, options: logarithm, into: &span)
        }
        let end = nanoseconds()
        best.value = min(best.value, (middle - start) / Double(repetitions))
        best.product = min(best.product, (late - middle) / Double(repetitions))
        best.logarithm = min(best.logarithm, (end - late) / Double(repetitions))
    }
    let each = Double(logits.count)
    print(
        name, "\(rows)x\(classes): softmax", best.value / each, "ns/number,", best.value / Double(rows),
        "ns/row; log-softmax", best.logarithm / each, "ns/number; VJP", best.product / each, "ns/number")
}

do {
    if CommandLine.arguments.dropFirst().first == "--checksum" {
        for build in KernelBuild.supported {
            print(build.name, String(try checksum(build), radix: 16))
        }
    } else if CommandLine.arguments.dropFirst().first == "--speed" {
        for (rows, classes) in [(1, 10), (1000, 10), (1, 64), (100, 64), (1, 1000), (100, 1000), (1, 32000)] {
            try measure("float64", rows: rows, classes: classes, as: Double.self)
            try measure("float32", rows: rows, classes: classes, as: Float.self)
        }
    } else {
        try answerRecords()
    }
} catch {
    print("error:", error)
    exit(1)
}
