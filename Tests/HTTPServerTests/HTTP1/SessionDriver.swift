import HTTPServer
import Testing

/// Drives a session as the transport does, answering at once and writing everything.
///
/// A class, with what tests look at passed through: `#expect` cannot look into a session, which is never copied.
final class SessionDriver {
    var session: HTTP1Session
    let router: Router
    /// All bytes that went to the peer.
    var sent: [UInt8] = []
    /// What happened, in words that can be compared.
    var log: [String] = []
    /// The requests that came.
    var requests: [HTTPRequest] = []
    /// Those that were refused.
    var refused: [HTTPRefusedRequest] = []

    static let date = Array("Sun, 06 Nov 1994 08:49:37 GMT".utf8)

    /// Answers GET and POST on `/`, as the conformance cases want it.
    static let rootRouter: Router = {
        var router = Router()
        let answer: Router.Respond = { request in
            var response = HTTPResponse(status: 200, body: .bytes(Array("ok \(request.body.count)\n".utf8)))
            response.fields.append("content-type", "text/plain")
            return .ready(response)
        }
        router.on(.get, "/", answer)
        router.on(.post, "/", answer)
        return router
    }()

    init(
        limits: HTTPLimits = HTTPLimits(), router: Router = SessionDriver.rootRouter,
        takesBody: @escaping @Sendable (HTTPRequest) -> Bool = { _ in true }
    ) {
        session = HTTP1Session(limits: limits, takesBody: takesBody)
        self.router = router
    }

    var phase: HTTPSessionPhase { session.phase }
    var isFinished: Bool { session.isFinished }
    var wantsInput: Bool { session.wantsInput }
    var bodyCapacity: Int { session.bodyCapacity }
    var output: HTTPOutput { session.output }
    func wantsBody(of stream: Int) -> Bool { session.wantsBody(of: stream) }

    /// Hands bytes to the session without looking at what comes of it.
    func receiveOnly(_ bytes: some Sequence<UInt8>) {
        Array(bytes).withUnsafeBytes { session.receive($0) }
    }

    /// Hands bytes to the session and answers what it says.
    func receive(_ bytes: some Sequence<UInt8>) {
        receiveOnly(bytes)
        pump()
    }

    func receive(_ text: String) { receive(text.utf8) }

    /// Takes and answers events until there are none.
    func pump() {
        while let event = session.nextEvent() {
            switch event {
            case .request(let request, let stream):
                log.append("request \(stream): \(Self.describe(request))")
                requests.append(request)
                guard case .ready(let response) = router.respond(to: request) else { continue }
                session.respond(response, to: stream, date: Self.date, requestID: "id-\(stream)")
            case .refused(let problem, let stream, let request):
                log.append("refused \(stream): \(problem.status) \(problem.detail) \(request.head.fields.count)")
                refused.append(request)
                session.respond(
                    problem.response(requestID: "id-\(stream)", types: ""), to: stream, date: Self.date,
                    requestID: "id-\(stream)")
            case .cancelled(let stream):
                log.append("cancelled \(stream)")
            }
            flush()
        }
        flush()
    }

    /// Takes the next event without answering it.
    func nextRequest() throws -> (request: HTTPRequest, stream: Int) {
        let event = session.nextEvent()
        guard case .request(let request, let stream)? = event else { throw NoRequest(event: event) }
        return (request, stream)
    }

    struct NoRequest: Error {
        var event: HTTPSessionEvent?
    }

    /// Nothing is to happen before the session has bytes or a response.
    func expectNoEvent(sourceLocation: SourceLocation = #_sourceLocation) {
        let event = session.nextEvent()
        #expect(event == nil, sourceLocation: sourceLocation)
    }

    /// Answers with that response.
    func respond(_ response: HTTPResponse, to stream: Int, requestID: String = "r") {
        session.respond(response, to: stream, date: Self.date, requestID: requestID)
    }

    /// Writes all output to the peer.
    func flush() {
        while !session.output.isEmpty {
            var piece: [UInt8] = []
            session.output.withFirstSegments { segments in for segment in segments { piece += segment } }
            sent += piece
            session.didWrite(piece.count)
        }
    }

    /// What was sent, as responses; `nil` where it is malformed.
    func replies(firstIsForHead: Bool = false) -> [Reply]? {
        Reply.readAll(sent, firstIsForHead: firstIsForHead, isClosed: session.isFinished)
    }

    static func describe(_ request: HTTPRequest) -> String {
        let fields = request.fields.map { "\(Array($0.name)):\(Array($0.value))" }.joined(separator: ";")
        return "\(request.method.rawValue) \(request.path) \(request.query ?? "-") \(request.version) \(request.id) "
            + "\(fields) \(request.body)"
    }
}
