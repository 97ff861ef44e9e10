import HTTPServer
import SoftmaxCore

/// The handler of `/softmax`, `/jacobian`, `/vjp` or `/jvp`.
///
/// A class, so that to call it is to retain one reference.
final class ComputeRoute: Sendable {
    private let operation: SoftmaxOperation
    private let limits: ServiceLimits
    private let pool: ComputePool
    private let heap: HeapKeeping

    /// The largest cost (numbers in + out) that is answered on the event loop: some 100 µs.
    private static let inlineCost = 8192

    init(_ operation: SoftmaxOperation, limits: ServiceLimits, _ pool: ComputePool, _ heap: HeapKeeping) {
        self.operation = operation
        self.limits = limits
        self.pool = pool
        self.heap = heap
    }

    func respond(
        to request: inout HTTPRequest, _ reply: inout ReplyWriter, in workspace: inout Workspace
    ) -> HTTPReply {
        if Self.isForm(request) {
            return .ready(Self.unsupportedMediaType.response(requestID: request.idText))
        }
        guard request.bodyCount <= Workspace.smallBody else { return deferred(request.takeBody(), request.idText) }
        do throws(HTTPProblem) {
            switch try workspace.read(request.body, operation: operation, limits: limits) {
            case .float64: return try answer(&workspace.double, &workspace.scratch, request, &reply)
            case .float32: return try answer(&workspace.single, &workspace.scratch, request, &reply)
            }
        } catch {
            return .ready(error.response(requestID: request.idText))
        }
    }

    /// Answers on the event loop up to ``inlineCost``, on the pool above it.
    private func answer<Scalar>(
        _ calculation: inout Calculation<Scalar>, _ scratch: inout SoftmaxScratch, _ request: borrowing HTTPRequest,
        _ reply: inout ReplyWriter
    ) throws(HTTPProblem) -> HTTPReply {
        guard calculation.cost > Self.inlineCost else {
            do throws(ReplyFailure) {
                try calculation.print(to: &reply, &scratch)
            } catch {
                throw calculation.problem(error)
            }
            return .written
        }
        let cost = calculation.cost
        let box = TransferBox(calculation.take())
        return deferred(cost: cost, requestID: request.idText) { _, workers throws(HTTPProblem) in
            var calculation = box.take()
            return try calculation.response(workers)
        }
    }

    /// Has the pool read the body, compute and write the reply.
    private func deferred(_ body: [UInt8], _ requestID: String) -> HTTPReply {
        // The cost is not known before the body is read. Until then it is taken to be one per byte: a number in takes
        // two bytes or more, and most requests have no more numbers out than in. The job then raises its ticket.
        deferred(cost: body.count, requestID: requestID) { [operation, limits] ticket, workers throws(HTTPProblem) in
            var workspace = Workspace()
            switch try workspace.read(body, operation: operation, limits: limits, workers) {
            case .float64:
                guard ticket.raise(to: workspace.double.cost) else { return nil }
                return try workspace.double.response(workers)
            case .float32:
                guard ticket.raise(to: workspace.single.cost) else { return nil }
                return try workspace.single.response(workers)
            }
        }
    }

    /// Has the pool make the response; `make` returns `nil` if its ticket cannot be raised.
    private func deferred(
        cost: Int, requestID: String,
        _ make: @escaping @Sendable (HTTPWorkTicket, Workers) throws(HTTPProblem) -> HTTPResponse?
    ) -> HTTPReply {
        heap.noteLargeRequest()
        // 24 bytes a number. A streamed reply holds fewer numbers at a time than the largest buffered one.
        let replyBytes = 24 * min(cost, bufferedNumbers)
        return .deferred(cost: cost, replyBytes: replyBytes) { [pool] ticket in
            do throws(HTTPProblem) {
                return try make(ticket, Workers(pool, ticket))
            } catch {
                return error.response(requestID: requestID)
            }
        }
    }

    /// Moves a (noncopyable) calculation into the closure that the pool runs.
    ///
    /// `@unchecked Sendable`: the event loop fills it before the job is submitted, and only the job takes from it.
    private final class TransferBox<Scalar: ServiceScalar>: @unchecked Sendable {
        private var calculation: Calculation<Scalar>?

        init(_ calculation: consuming Calculation<Scalar>) { self.calculation = consume calculation }

        /// Moves the calculation out; may be called once.
        func take() -> Calculation<Scalar> {
            guard let calculation = calculation.take() else { preconditionFailure("deferred work runs once") }
            return calculation
        }
    }

    /// The problem with a request's header fields, if any.
    @inline(__always)
    static func refusal(of head: borrowing HTTPRequest) -> HTTPProblem? {
        guard head.accepts("application/json") else { return .notAcceptable(available: "application/json") }
        guard head.hasIdentityCoding else {
            return .unsupportedContentCoding("Content codings are not read here; send the body as it is.")
        }
        guard !head.hasContentType || head.contentTypeIs("application/json") else {
            let isJSON = head.contentTypeIsApplication(with: "+json") || head.contentTypeIs(form)
            return isJSON ? nil : unsupportedMediaType
        }
        return nil
    }

    /// What `curl -d` sends without a `Content-Type` of its own: taken for JSON where the body is an object.
    private static let form: StaticString = "application/x-www-form-urlencoded"

    private static var unsupportedMediaType: HTTPProblem {
        .unsupportedMediaType("Send Content-Type: application/json (curl does with --json).")
    }

    /// Whether the body is the form that its `Content-Type` claims, and no JSON object.
    private static func isForm(_ request: borrowing HTTPRequest) -> Bool {
        let body = request.body
        if body.count > 0, body[0] == UInt8(ascii: "{") { return false }
        guard request.contentTypeIs(form) else { return false }
        let start = Workspace.hasByteOrderMark(body) ? 3 : 0
        let first = (start..<body.count).first { ![0x20, 0x09, 0x0A, 0x0D].contains(body[$0]) }
        return first.map { body[$0] } != UInt8(ascii: "{")
    }
}

extension Calculation {
    /// Computes the reply and writes all of it, on the calling thread.
    mutating func print(to reply: inout ReplyWriter, _ scratch: inout SoftmaxScratch) throws(ReplyFailure) {
        try compute(&scratch)
        try reply.write(contentType: "application/json", atMost: textCapacity) { output throws(ReplyFailure) in
            try appendText(to: &output)
        }
    }

    /// Computes the reply on several threads: a buffered response, or a streamed one if it is large.
    mutating func response(_ workers: Workers) throws(HTTPProblem) -> HTTPResponse {
        do throws(ReplyFailure) {
            return .json(try largeReply(workers).body())
        } catch {
            throw problem(error)
        }
    }

    /// Computes the reply on several threads; its text is made as it is read.
    mutating func stream(_ workers: Workers) throws(HTTPProblem) -> any HTTPBodySource {
        do throws(ReplyFailure) {
            return try largeReply(workers)
        } catch {
            throw problem(error)
        }
    }

    /// Computes the results and moves the calculation into the reply, which leaves an empty one here.
    mutating func largeReply(_ workers: Workers) throws(ReplyFailure) -> LargeReply<Scalar> {
        try compute(workers)
        return LargeReply(take(), workers)
    }

    /// The problem to answer with after a failure.
    func problem(_ failure: ReplyFailure) -> HTTPProblem {
        HTTPProblem(failure) { arrangement.pointer(sample: $0) }
    }
}
