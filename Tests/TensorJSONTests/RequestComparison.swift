import TensorJSON

/// A request with members of every kind, as either reader reads it.
struct ReadRequest: Equatable {
    var logits: Tensor<Double>?
    var singles: Tensor<Float>?
    var vector: Tensor<Double>?
    var axis: Int?
    var temperature: Double?
    var function: String?
    var mask: [Bool]?
    var maskLayout: TensorLayout?
    var entries: [[Int]]?

    /// The members that a body is read with.
    static let names: [StaticString] = [
        "logits", "singles", "vector", "axis", "temperature", "function", "mask", "entries",
    ]

    private init() {}

    /// Reads a body by its tokens; nil where anything is wrong.
    init?(byTokens body: [UInt8], limits: TensorLimits) {
        do {
            let request = try JSONRequest(body, members: Self.names, limits: limits)
            if request.contains("logits") {
                logits = try request.tensor("logits", as: Double.self, allowingNegativeInfinity: true)
            }
            if request.contains("singles") {
                singles = try request.tensor("singles", as: Float.self, allowingNegativeInfinity: true)
            }
            if request.contains("vector") {
                vector = try request.tensor("vector", as: Double.self, allowingNegativeInfinity: false)
            }
            axis = try request.integer("axis")
            temperature = try request.number("temperature")
            function = try request.string("function")
            if request.contains("mask") { (mask, maskLayout) = try request.booleans("mask") }
            if request.contains("entries") { entries = try request.indexPairs("entries").map { [$0.0, $0.1] } }
        } catch {
            return nil
        }
    }

    /// Reads a body in one pass; nil where the reader gives up.
    init?(once body: [UInt8], limits: TensorLimits) {
        guard let read = body.withUnsafeBufferPointer({ Self.read(SinglePassReader($0, limits: limits), of: $0) })
        else { return nil }
        self = read
    }

    private static func read(_ start: SinglePassReader, of body: UnsafeBufferPointer<UInt8>) -> ReadRequest? {
        var reader = start
        var read = ReadRequest()
        var rows = RowRecords()
        var names: Set<String> = []
        while let bytes = reader.nextName() {
            let name = String(decoding: bytes, as: UTF8.self)
            guard names.insert(name).inserted else { return nil }
            switch name {
            case "logits":
                var tensor = Tensor<Double>(values: [], layout: .emptyBatch)
                var cutting = reader
                let isRead = reader.read(&tensor, allowingNegativeInfinity: true, rows: &rows)
                // In pieces of some two numbers, as several threads would read it: the same, or not at all.
                if let cut = cutting.cut(rows: &rows, ofAbout: 2) {
                    let joined: Tensor<Double>? = cut.read(of: body, allowingNegativeInfinity: true) { count, piece in
                        for index in 0..<count { piece(index) }
                    }
                    guard joined == (isRead ? tensor : nil) else { preconditionFailure("pieces are read differently") }
                }
                guard isRead else { return nil }
                read.logits = tensor
            case "singles":
                // Read after another one, in its place: nothing of it may be left.
                var tensor = Tensor<Float>(values: [7, 7], layout: TensorLayout(shape: [1, 2]))
                let again = reader
                guard reader.read(&tensor, allowingNegativeInfinity: true, rows: &rows) else { return nil }
                reader = again
                guard reader.read(&tensor, allowingNegativeInfinity: true, rows: &rows) else { return nil }
                read.singles = tensor
            case "vector":
                var tensor = Tensor<Double>(values: [], layout: .emptyBatch)
                guard reader.read(&tensor, allowingNegativeInfinity: false, rows: &rows) else { return nil }
                read.vector = tensor
            case "axis": read.axis = reader.integer()
            case "temperature": read.temperature = reader.number()
            case "function": read.function = reader.string().map { String(decoding: $0, as: UTF8.self) }
            case "mask":
                var mask: [Bool] = []
                guard let layout = reader.readBooleans(&mask, rows: &rows) else { return nil }
                (read.mask, read.maskLayout) = (mask, layout)
            case "entries":
                var entries: [[Int]] = []
                guard reader.readIndexPairs({ entries.append([$0, $1]) }) else { return nil }
                read.entries = entries
            default: return nil
            }
        }
        return reader.isWhole ? read : nil
    }

    /// Why the readers disagree about a body; nil where they agree.
    ///
    /// What one pass reads, tokens say as well; and what is read by tokens is read in one pass, but for strings with escapes
    /// or with more than ASCII.
    static func disagreement(about body: [UInt8], limits: TensorLimits = TensorLimits()) -> String? {
        let (once, tokens) = (ReadRequest(once: body, limits: limits), ReadRequest(byTokens: body, limits: limits))
        if once == nil, tokens != nil, body.contains(where: { $0 >= 0x80 || $0 == UInt8(ascii: "\\") }) { return nil }
        let isSame = once == tokens && once?.bits == tokens?.bits
        return isSame ? nil : "\(String(decoding: body, as: UTF8.self)): \(once as Any), \(tokens as Any)"
    }

    /// All numbers to the bit: a zero has a sign.
    private var bits: [UInt64] {
        let singles = singles?.values.map { UInt64($0.bitPattern) } ?? []
        return singles + ((logits?.values ?? []) + (vector?.values ?? []) + [temperature ?? 0]).map(\.bitPattern)
    }
}
