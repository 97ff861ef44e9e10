import HTTPServer
import SoftmaxCore
import TensorJSON

/// The buffers in which one thread reads and answers requests: they grow to the largest request and are then reused.
struct Workspace: ~Copyable {
    /// The request, if its dtype is float64.
    var double = Calculation<Double>()
    /// The request, if its dtype is float32.
    var single = Calculation<Float>()
    /// The kernels' working memory.
    var scratch = SoftmaxScratch()
    private var mask: [Bool] = []
    private var rows = RowRecords()

    /// The largest body that an event loop reads itself, in bytes: some 4800 numbers, which take 50 µs.
    static let smallBody = 96 * 1024

    /// Reads and checks a request, so that computing it can only fail by overflow.
    ///
    /// - Returns: whether the request is in ``double`` or in ``single``.
    /// - Throws: the ``HTTPProblem`` to answer with; see the error table of the API reference.
    mutating func read(
        _ body: [UInt8], operation: SoftmaxOperation, limits: ServiceLimits, _ workers: Workers = .one
    ) throws(HTTPProblem) -> DataType {
        if let type = try readInOnePass(body.span, operation: operation, limits: limits, workers) { return type }
        return try readTokens(body, operation: operation, limits: limits, workers)
    }

    /// Reads and checks a request in the buffer it was received in, on this thread alone.
    mutating func read(
        _ body: borrowing Span<UInt8>, operation: SoftmaxOperation, limits: ServiceLimits
    ) throws(HTTPProblem) -> DataType {
        if let type = try readInOnePass(body, operation: operation, limits: limits, .one) { return type }
        return try readTokens(body.withUnsafeBufferPointer { Array($0) }, operation: operation, limits: limits, .one)
    }

    /// Whether a body begins with the byte order mark of UTF-8, which Windows' tools write before a JSON text.
    static func hasByteOrderMark(_ body: borrowing Span<UInt8>) -> Bool {
        body.count >= 3 && body[0] == 0xEF && body[1] == 0xBB && body[2] == 0xBF
    }

    /// The body with white space in place of its byte order mark (RFC 8259 section 8.1 lets a parser ignore it), so that
    /// offsets in errors still count from its first byte.
    private static func withoutByteOrderMark(_ body: [UInt8]) -> [UInt8] {
        var body = body
        for index in 0..<3 { body[index] = UInt8(ascii: " ") }
        return body
    }

    private mutating func readTokens(
        _ body: [UInt8], operation: SoftmaxOperation, limits: ServiceLimits, _ workers: Workers
    ) throws(HTTPProblem) -> DataType {
        if Self.hasByteOrderMark(body.span) {
            return try read(Self.withoutByteOrderMark(body), operation: operation, limits: limits, workers)
        }
        do {
            let request = try JSONRequest(body, members: operation.members, limits: limits.tensor)
            try workers.checkCancellation()
            let options = try RequestOptions(request, operation: operation)
            switch options.dataType {
            case .float64: try double.read(request, options, limits, workers)
            case .float32: try single.read(request, options, limits, workers)
            }
            return options.dataType
        } catch let error as TensorJSONError {
            throw HTTPProblem(error)
        } catch let error as HTTPProblem {
            throw error
        } catch let error as ReplyFailure {
            throw HTTPProblem(error) { _ in "" }
        } catch {
            throw .internalError()
        }
    }
}

extension Calculation {
    /// Reads the tensors from their tokens, and checks them.
    fileprivate mutating func read(
        _ request: borrowing JSONRequest, _ options: RequestOptions, _ limits: ServiceLimits, _ workers: Workers
    ) throws {
        reset(for: options.operation)
        self.options = options
        let vectorMember = options.operation.vectorMember
        try options.operation.requireTensors(
            logits: request.contains("logits"), vector: vectorMember.map { request.contains($0) } ?? true)
        logits = try request.tensor("logits", as: Scalar.self, allowingNegativeInfinity: true)
        try workers.checkCancellation()
        try arrange()
        if request.contains("mask") {
            let mask = try request.booleans("mask")
            try apply(mask: mask.values.span, nested: mask.layout)
        }
        if let vectorMember {
            vector = try request.tensor(vectorMember, as: Scalar.self, allowingNegativeInfinity: false)
            try workers.checkCancellation()
            try arrangeVector(vectorMember)
        }
        if options.form == .entries {
            pairs = try request.indexPairs("entries").map { JacobianEntry(output: $0.0, input: $0.1) }
        }
        try finish(limits)
    }
}

extension Workspace {
    /// Reads and checks a request with ``SinglePassReader``, which accepts valid bodies of the usual form only.
    ///
    /// - Returns: `nil` for any other body: the token reader either reads it or finds the error to answer with.
    private mutating func readInOnePass(
        _ body: borrowing Span<UInt8>, operation: SoftmaxOperation, limits: ServiceLimits, _ workers: Workers
    ) throws(HTTPProblem) -> DataType? {
        var options = RequestOptions(operation: operation)
        var maskLayout = TensorLayout.emptyBatch
        double.reset(for: operation)
        single.reset(for: operation)
        let members = body.withUnsafeBufferPointer { body in
            readMembers(SinglePassReader(body, limits: limits.tensor), of: body, &options, &maskLayout, workers)
        }
        guard let members else { return nil }
        do throws(ReplyFailure) {
            try workers.checkCancellation()
        } catch {
            throw HTTPProblem(error) { _ in "" }
        }
        if operation == .jacobian { try options.requireEntries(isPresent: members.contains(.entries)) }
        try operation.requireTensors(logits: members.contains(.logits), vector: members.contains(.vector))
        let mask = members.contains(.mask) ? (mask, maskLayout) : nil
        switch options.dataType {
        case .float64: try double.check(options, mask: mask, limits)
        case .float32:
            swap(&single.pairs, &double.pairs)
            try single.check(options, mask: mask, limits)
        }
        return options.dataType
    }

    /// Reads all members; `nil` if the reader does not accept the body.
    ///
    /// Tensors that are large enough for several threads are passed at first and read once all options are known.
    private mutating func readMembers(
        _ start: SinglePassReader, of body: UnsafeBufferPointer<UInt8>, _ options: inout RequestOptions,
        _ maskLayout: inout TensorLayout, _ workers: Workers
    ) -> Members? {
        var reader = start
        var members: Members = []
        // Readers at the tensors that were read as float64, in case a later "dtype" says float32.
        var float64Tensors: (logits: SinglePassReader?, vector: SinglePassReader?)
        var cuts: (logits: TensorCut?, vector: TensorCut?)
        // The results of reads are ignored: after a failed one, the reader has no next name and is not whole.
        while let name = reader.nextName() {
            let member = Members(named: name, of: options.operation)
            guard !member.isEmpty, members.isDisjoint(with: member) else { return nil }
            members.formUnion(member)
            if workers.threads > 1, member == .logits || member == .vector, let cut = reader.cut(rows: &rows) {
                if member == .logits { cuts.logits = cut } else { cuts.vector = cut }
                continue
            }
            switch member {
            case .logits where options.dataType == .float64:
                float64Tensors.logits = reader
                _ = reader.read(&double.logits, allowingNegativeInfinity: true, rows: &rows)
            case .logits:
                _ = reader.read(&single.logits, allowingNegativeInfinity: true, rows: &rows)
            case .vector where options.dataType == .float64:
                float64Tensors.vector = reader
                _ = reader.read(&double.vector, allowingNegativeInfinity: false, rows: &rows)
            case .vector:
                _ = reader.read(&single.vector, allowingNegativeInfinity: false, rows: &rows)
            case .mask:
                if let layout = reader.readBooleans(&mask, rows: &rows) { maskLayout = layout }
            case .entries:
                _ = reader.readIndexPairs { double.pairs.append(JacobianEntry(output: $0, input: $1)) }
            case .temperature: options.softmax.temperature = reader.number() ?? 0
            case .axis: options.axis = reader.integer() ?? 0
            default:
                guard let text = reader.string(), options.choose(member, text) else { return nil }
            }
        }
        guard reader.isWhole else { return nil }
        if options.dataType == .float32 {
            if var reader = float64Tensors.logits {
                guard reader.read(&single.logits, allowingNegativeInfinity: true, rows: &rows) else { return nil }
            }
            if var reader = float64Tensors.vector {
                guard reader.read(&single.vector, allowingNegativeInfinity: false, rows: &rows) else { return nil }
            }
        }
        // Without cuts there is no need of the closure below, which has to be allocated.
        if cuts.logits == nil, cuts.vector == nil { return members }
        let loop: ConcurrentLoop = { workers.perform($0, $1) }
        switch options.dataType {
        case .float64: return double.read(cuts, of: body, loop) ? members : nil
        case .float32: return single.read(cuts, of: body, loop) ? members : nil
        }
    }
}

extension Calculation {
    /// Reads the tensors that were cut; false where one is not well-formed.
    fileprivate mutating func read(
        _ cuts: (logits: TensorCut?, vector: TensorCut?), of body: UnsafeBufferPointer<UInt8>, _ loop: ConcurrentLoop
    ) -> Bool {
        if let cut = cuts.logits {
            guard let tensor: Tensor<Scalar> = cut.read(of: body, allowingNegativeInfinity: true, loop) else {
                return false
            }
            logits = tensor
        }
        if let cut = cuts.vector {
            guard let tensor: Tensor<Scalar> = cut.read(of: body, allowingNegativeInfinity: false, loop) else {
                return false
            }
            vector = tensor
        }
        return true
    }
}

extension RequestOptions {
    /// Sets the option that a member names by one of a few words; false for any other word.
    fileprivate mutating func choose(_ member: Members, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        func choice<Choice: RawRepresentable<String>>(_ option: inout Choice) -> Bool {
            // Strings of up to 15 bytes are stored inline: none is allocated for what a client sends.
            guard text.count < 16, let value = Choice(rawValue: String(decoding: text, as: UTF8.self)) else {
                return false
            }
            option = value
            return true
        }
        switch member {
        case .function: return choice(&softmax.function)
        case .dtype: return choice(&dataType)
        case .form: return choice(&form)
        default: return false
        }
    }
}

extension Calculation {
    /// Checks the tensors that were read in one pass.
    fileprivate mutating func check(
        _ options: RequestOptions, mask: (values: [Bool], layout: TensorLayout)?, _ limits: ServiceLimits
    ) throws(HTTPProblem) {
        self.options = options
        try arrange()
        if let mask { try apply(mask: mask.values.span, nested: mask.layout) }
        if let member = options.operation.vectorMember { try arrangeVector(member) }
        try finish(limits)
    }
}

/// A set of members of a request.
private struct Members: OptionSet {
    let rawValue: UInt16
    static let logits = Members(rawValue: 1)
    static let axis = Members(rawValue: 2)
    static let temperature = Members(rawValue: 4)
    static let function = Members(rawValue: 8)
    static let mask = Members(rawValue: 16)
    static let dtype = Members(rawValue: 32)
    static let form = Members(rawValue: 64)
    static let entries = Members(rawValue: 128)
    static let vector = Members(rawValue: 256)

    /// The member of that name; empty if a request of this operation may not have it.
    init(named name: UnsafeBufferPointer<UInt8>, of operation: SoftmaxOperation) {
        switch name {
        case "logits": self = .logits
        case "axis": self = .axis
        case "temperature": self = .temperature
        case "function": self = .function
        case "mask": self = .mask
        case "dtype": self = .dtype
        case "form" where operation == .jacobian: self = .form
        case "entries" where operation == .jacobian: self = .entries
        case "cotangents" where operation == .vjp, "tangents" where operation == .jvp: self = .vector
        default: self = []
        }
    }

    init(rawValue: UInt16) { self.rawValue = rawValue }
}

/// Matches bytes against a name in a `switch`.
private func ~= (name: StaticString, bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard bytes.count == name.utf8CodeUnitCount else { return false }
    for index in bytes.indices where bytes[index] != name.utf8Start[index] { return false }
    return true
}
