import HTTPServer

/// One of `/softmax`, `/jacobian`, `/vjp` and `/jvp`.
struct NativeRoute: Sendable {
    private let operation: NativeOperation
    private let limits: ServiceLimits
    private let pool: ComputePool
    private let heap: HeapKeeping

    /// A body up to this size is read on the event loop: a fraction of a millisecond.
    private static let inlineBytes = 32 * 1024
    /// A request up to this cost (numbers in + out) is answered on the event loop: half a millisecond.
    private static let inlineCost = 8192

    init(_ operation: NativeOperation, limits: ServiceLimits, _ pool: ComputePool, _ heap: HeapKeeping) {
        self.operation = operation
        self.limits = limits
        self.pool = pool
        self.heap = heap
    }

    func respond(to request: inout HTTPRequest, _ reply: inout ReplyWriter) -> HTTPReply {
        let requestID = request.idText
        let body = request.takeBody()
        guard body.count > Self.inlineBytes else {
            do throws(HTTPProblem) {
                let decoded = try DecodedOperation(body, operation: operation, limits: limits)
                guard decoded.cost > Self.inlineCost else { return .ready(try decoded.response(.one)) }
                return deferred(cost: decoded.cost, requestID: requestID) { _, workers throws(HTTPProblem) in
                    try decoded.response(workers)
                }
            } catch {
                return .ready(error.response(requestID: requestID))
            }
        }
        // Until it is read only a bound is known, which most requests keep: two bytes a number, as many out as in.
        return deferred(cost: body.count, requestID: requestID) { ticket, workers throws(HTTPProblem) in
            let decoded = try DecodedOperation(body, operation: operation, limits: limits, workers)
            return ticket.raise(to: decoded.cost) ? try decoded.response(workers) : nil
        }
    }

    /// A reply that the pool makes.
    private func deferred(
        cost: Int, requestID: String,
        _ make: @escaping @Sendable (HTTPWorkTicket, Workers) throws(HTTPProblem) -> HTTPResponse?
    ) -> HTTPReply {
        heap.noteLargeRequest()
        // 24 bytes a number. What is streamed is made in pieces of fewer numbers than are ever made at once.
        let replyBytes = 24 * min(cost, Reply.bufferedNumbers)
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

extension DecodedOperation {
    /// The reply as a response: in one piece, or streamed where it is large.
    func response(_ workers: Workers) throws(HTTPProblem) -> HTTPResponse {
        try reply(workers).response(workers)
    }
}
