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
            do throws(ReplyFailure) {
                try calculation.print(to: &reply, &scratch)
            } catch {
                throw HTTPProblem(error) { calculation.arrangement.pointer(sample: $0) }
            }
            return .written
        }
        let cost = calculation.cost
        let held = Held(calculation.taken())
        return deferred(cost: cost, requestID: request.idText) { _, workers throws(HTTPProblem) in
            var calculation = held.take()
            return try calculation.response(workers)
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
                return try workspace.double.response(workers)
            case .float32:
                guard ticket.raise(to: workspace.single.cost) else { return nil }
                return try workspace.single.response(workers)
            }
        }
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

    /// A calculation that waits for its turn.
    ///
    /// Sendable although unchecked: it is handed from the thread that read it to the one that computes it.
    private final class Held<Scalar: ServiceScalar>: @unchecked Sendable {
        private var calculation: Calculation<Scalar>?

        init(_ calculation: consuming Calculation<Scalar>) { self.calculation = consume calculation }

        /// Hands it over, once.
        func take() -> Calculation<Scalar> {
            guard let calculation = calculation.take() else { preconditionFailure("deferred work is done once") }
            return calculation
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
    /// Computes the reply and prints it, all of it, on this thread.
    mutating func print(to reply: inout ReplyWriter, _ scratch: inout SoftmaxScratch) throws(ReplyFailure) {
        try compute(&scratch)
        try reply.write(contentType: "application/json", atMost: textRoom) { output throws(ReplyFailure) in
            try appendText(to: &output)
        }
    }

    /// Computes the reply on several threads: as a response in one piece, or streamed where it is large.
    mutating func response(_ workers: Workers) throws(HTTPProblem) -> HTTPResponse {
        try told { calculation throws(ReplyFailure) in .json(try calculation.large(workers).body()) }
    }

    /// Computes the reply, which is then written while it is taken.
    mutating func stream(_ workers: Workers) throws(HTTPProblem) -> any HTTPBodySource {
        try told { calculation throws(ReplyFailure) in try calculation.large(workers) }
    }

    /// Computes the reply, to be written piece by piece; leaves an empty calculation behind.
    mutating func large(_ workers: Workers) throws(ReplyFailure) -> LargeReply<Scalar> {
        try compute(workers)
        return LargeReply(taken(), workers)
    }

    /// Tells a client of a failure.
    private mutating func told<Result>(
        _ make: (inout Calculation) throws(ReplyFailure) -> Result
    ) throws(HTTPProblem) -> Result {
        do throws(ReplyFailure) {
            return try make(&self)
        } catch {
            throw HTTPProblem(error) { arrangement.pointer(sample: $0) }
        }
    }
}
