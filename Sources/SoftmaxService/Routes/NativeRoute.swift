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
        // Until it is read only a bound is known, which most requests keep: two bytes a number, as many out as in.
        let bound = request.bodyCount
        let body = request.takeBody()
        guard bound > Self.inlineBytes else { return answer(body, requestID: requestID, paid: Self.inlineCost, .one) }
        heap.noteLargeRequest()
        return .deferred(cost: bound) { cancellation in
            answer(body, requestID: requestID, paid: bound, workers(cancellation))
        }
    }

    /// Reads a body, and answers it where that costs no more than is paid for.
    private func answer(_ body: [UInt8], requestID: String, paid: Int, _ workers: Workers) -> HTTPReply {
        Self.reply(requestID: requestID) { () throws(HTTPProblem) in
            let decoded = try DecodedOperation(body, operation: operation, limits: limits, workers)
            guard decoded.cost > paid else { return .ready(try decoded.response(workers)) }
            heap.noteLargeRequest()
            return .deferred(cost: decoded.cost) { cancellation in
                Self.reply(requestID: requestID) { () throws(HTTPProblem) in
                    .ready(try decoded.response(self.workers(cancellation)))
                }
            }
        }
    }

    private func workers(_ cancellation: HTTPCancellation) -> Workers {
        Workers(pool, cancellation: cancellation)
    }

    private static func reply(requestID: String, _ make: () throws(HTTPProblem) -> HTTPReply) -> HTTPReply {
        do throws(HTTPProblem) {
            return try make()
        } catch {
            return .ready(error.response(requestID: requestID))
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
