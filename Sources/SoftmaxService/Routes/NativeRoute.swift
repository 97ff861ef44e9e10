import HTTPServer
import SoftmaxCore

/// One of `/softmax`, `/jacobian`, `/vjp` and `/jvp`.
struct NativeRoute: Sendable {
    private let operation: NativeOperation
    private let limits: ServiceLimits
    private let pool: ComputePool
    private let heap: HeapKeeping

    /// A request up to this cost (numbers in + out) is answered on the event loop: half a millisecond.
    private static let inlineCost = 8192

    init(_ operation: NativeOperation, limits: ServiceLimits, _ pool: ComputePool, _ heap: HeapKeeping) {
        self.operation = operation
        self.limits = limits
        self.pool = pool
        self.heap = heap
    }

    func respond(
        to request: inout HTTPRequest, _ reply: inout ReplyWriter, in workspace: inout Workspace
    ) -> HTTPReply {
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

    /// Answers at once where that is little work.
    private func answer<Scalar>(
        _ calculation: inout Calculation<Scalar>, _ scratch: inout SoftmaxScratch, _ request: borrowing HTTPRequest,
        _ reply: inout ReplyWriter
    ) throws(HTTPProblem) -> HTTPReply {
        guard calculation.cost > Self.inlineCost else {
            try calculation.compute(&scratch)
            try reply.write(contentType: "application/json", atMost: calculation.textRoom) { output throws(HTTPProblem) in
                try calculation.appendText(to: &output)
            }
            return .written
        }
        let taken = calculation.taken()
        return deferred(cost: taken.cost, requestID: request.idText) { _, workers throws(HTTPProblem) in
            var calculation = taken
            return try Self.response(&calculation, workers)
        }
    }

    /// A request whose body the pool reads.
    private func deferred(_ body: [UInt8], _ requestID: String) -> HTTPReply {
        // Until it is read only a bound is known, which most requests keep: two bytes a number, as many out as in.
        deferred(cost: body.count, requestID: requestID) { [operation, limits] ticket, workers throws(HTTPProblem) in
            var workspace = Workspace()
            switch try workspace.read(body, operation: operation, limits: limits, workers) {
            case .float64:
                guard ticket.raise(to: workspace.double.cost) else { return nil }
                return try Self.response(&workspace.double, workers)
            case .float32:
                guard ticket.raise(to: workspace.single.cost) else { return nil }
                return try Self.response(&workspace.single, workers)
            }
        }
    }

    private static func response<Scalar>(
        _ calculation: inout Calculation<Scalar>, _ workers: Workers
    ) throws(HTTPProblem) -> HTTPResponse {
        .json(try calculation.stream(workers).body())
    }

    /// A reply that the pool makes.
    private func deferred(
        cost: Int, requestID: String,
        _ make: @escaping @Sendable (HTTPWorkTicket, Workers) throws(HTTPProblem) -> HTTPResponse?
    ) -> HTTPReply {
        heap.noteLargeRequest()
        // 24 bytes a number. What is streamed is made in pieces of fewer numbers than are ever made at once.
        let replyBytes = 24 * min(cost, bufferedNumbers)
        return .deferred(cost: cost, replyBytes: replyBytes) { [pool] ticket in
            do throws(HTTPProblem) {
                return try make(ticket, Workers(pool, ticket))
            } catch {
                return error.response(requestID: requestID)
            }
        }
    }

    /// What is wrong with a request before its body is looked at.
    static func refusal(of head: borrowing HTTPRequest) -> HTTPProblem? {
        guard head.accepts("application/json") else { return .notAcceptable(available: "application/json") }
        guard head.hasIdentityCoding else {
            return .unsupportedContentCoding("Content codings are not read here; send the body as it is.")
        }
        guard !head.hasContentType || head.contentTypeIs("application/json") else {
            return .unsupportedMediaType("Send Content-Type: application/json (curl does with --json).")
        }
        return nil
    }
}

extension Calculation {
    /// Computes the reply, to be written piece by piece; leaves an empty calculation behind.
    mutating func stream(_ workers: Workers) throws(HTTPProblem) -> LargeReply<Scalar> {
        try compute(workers)
        return LargeReply(taken(), workers)
    }
}
