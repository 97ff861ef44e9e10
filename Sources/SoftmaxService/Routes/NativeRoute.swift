import HTTPServer
import SoftmaxCore

/// One of `/softmax`, `/jacobian`, `/vjp` and `/jvp`.
struct NativeRoute: Sendable {
    private let operation: NativeOperation
    private let limits: ServiceLimits
    private let pool: ComputePool
    private let heap: HeapKeeping
    private let workspaces: Workspaces

    /// A request up to this cost (numbers in + out) is answered on the event loop: half a millisecond.
    private static let inlineCost = 8192

    init(
        _ operation: NativeOperation, limits: ServiceLimits, _ pool: ComputePool, _ heap: HeapKeeping,
        _ workspaces: Workspaces
    ) {
        self.operation = operation
        self.limits = limits
        self.pool = pool
        self.heap = heap
        self.workspaces = workspaces
    }

    func respond(to request: HTTPRequest) -> HTTPReply {
        if let problem = refusal(of: request.fields) { return .ready(problem.response(requestID: request.id)) }
        guard request.body.count > Workspace.smallBody else {
            return workspaces.lend { answer(request.body, requestID: request.id, paid: Self.inlineCost, .one, &$0) }
        }
        heap.noteLargeRequest()
        // Until it is read only a bound is known, which most requests keep: two bytes a number, as many out as in.
        let bound = request.body.count
        return .deferred(cost: bound) { cancellation in
            var workspace = Workspace()
            return answer(request.body, requestID: request.id, paid: bound, workers(cancellation), &workspace)
        }
    }

    /// Reads a body, and answers it where that costs no more than is paid for.
    private func answer(
        _ body: [UInt8], requestID: String, paid: Int, _ workers: Workers, _ workspace: inout Workspace
    ) -> HTTPReply {
        do throws(HTTPProblem) {
            switch try workspace.read(body, operation: operation, limits: limits, workers) {
            case .float64:
                return try answer(&workspace.double, requestID: requestID, paid, workers, &workspace.scratch)
            case .float32:
                return try answer(&workspace.single, requestID: requestID, paid, workers, &workspace.scratch)
            }
        } catch {
            return .ready(error.response(requestID: requestID))
        }
    }

    private func answer<Scalar>(
        _ calculation: inout Calculation<Scalar>, requestID: String, _ paid: Int, _ workers: Workers,
        _ scratch: inout SoftmaxScratch
    ) throws(HTTPProblem) -> HTTPReply {
        if calculation.cost <= paid { return .ready(.json(try calculation.reply(workers, &scratch))) }
        heap.noteLargeRequest()
        let cost = calculation.cost
        let held = Held(calculation.taken())
        return .deferred(cost: cost) { cancellation in
            var calculation = held.take()
            var scratch = SoftmaxScratch()
            do throws(HTTPProblem) {
                return .ready(.json(try calculation.reply(self.workers(cancellation), &scratch)))
            } catch {
                return .ready(error.response(requestID: requestID))
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

    private func workers(_ cancellation: HTTPCancellation) -> Workers {
        Workers(pool, cancellation: cancellation)
    }

    /// What is wrong with a request before its body is looked at.
    func refusal(of fields: HTTPFields) -> HTTPProblem? {
        guard fields.accepts("application/json") else { return .notAcceptable(available: "application/json") }
        guard fields.hasOnlyToken("content-encoding", "identity") else {
            return .unsupportedContentCoding("Content codings are not read here; send the body as it is.")
        }
        guard fields.count(of: "content-type") == 0 || fields.contentTypeIs("application/json") else {
            return .unsupportedMediaType("Send Content-Type: application/json (curl does with --json).")
        }
        return nil
    }
}

extension Calculation {
    /// Computes and writes the reply: on this thread alone, or on several and streamed where it is large.
    mutating func reply(_ workers: Workers, _ scratch: inout SoftmaxScratch) throws(HTTPProblem) -> HTTPBody {
        try told { calculation throws(ReplyFailure) in
            guard workers.areOne else { return try calculation.large(workers).body() }
            try calculation.compute(&scratch)
            return .bytes(try calculation.text())
        }
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

/// Workspaces that event loops have in turn: as many as are in use at the same time, so one for each loop.
final class Workspaces: Sendable {
    /// Sendable although unchecked: a workspace is the list's or that of the thread that took it from there.
    private final class Box: @unchecked Sendable { var workspace = Workspace() }

    private let idle = Locked<[Box]>([])

    /// Lends one to the closure.
    func lend<Result>(_ body: (inout Workspace) -> Result) -> Result {
        let box = idle.withLock { $0.popLast() } ?? Box()
        defer { idle.withLock { $0.append(box) } }
        return body(&box.workspace)
    }
}
