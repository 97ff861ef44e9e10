/// The session of a connection whose first bytes choose its protocol, on one port.
///
/// HTTP/2's preface (RFC 9113 section 3.4) selects HTTP/2; anything else is HTTP/1.1, whose first request may ask for
/// HTTP/2 yet (``HTTP2Upgrade``). Part of a preface counts as part of a head: it is held to that deadline, and is
/// given to HTTP/1.1 when more of it does not come.
///
/// Concrete, because through `any HTTPSession` every look at a session copies all of it.
package struct ConnectionSession: HTTPSession, ~Copyable {
    private let deadlines: DeadlineLimits
    private let limits: HTTPLimits
    private let takesBody: @Sendable (HTTPRequest) -> Bool
    private var http1: HTTP1Session
    private var http2: HTTP2Session?
    /// How much of the preface came; `nil` once the protocol is chosen.
    private var matched: Int? = 0
    private var isDraining = false
    private var now: UInt64 = 0

    /// What an HTTP/2 client sends first.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// The session of a new connection.
    ///
    /// - Parameter takesBody: as ``HTTPHandler/takesBody(of:)``.
    package init(
        limits: HTTPLimits, deadlines: DeadlineLimits,
        takesBody: @escaping @Sendable (HTTPRequest) -> Bool = { _ in true }
    ) {
        self.limits = limits
        self.deadlines = deadlines
        self.takesBody = takesBody
        http1 = HTTP1Session(limits: limits, offersHTTP2: true, takesBody: takesBody)
    }

    package var version: HTTPVersion { if let http2 { http2.version } else { http1.version } }

    package mutating func tick(_ now: UInt64) {
        self.now = now
        http2?.tick(now)
        // What may yet be HTTP/2's preface is given to HTTP/1.1 as of when it came.
        if matched ?? 0 == 0 { http1.tick(now) }
    }

    package mutating func receive(_ bytes: UnsafeRawBufferPointer) {
        if let http2 {
            http2.receive(bytes)
        } else if let matched {
            choose(bytes, matched)
        } else {
            http1.receive(bytes)
        }
    }

    private mutating func choose(_ bytes: UnsafeRawBufferPointer, _ matched: Int) {
        var count = 0
        while matched + count < Self.preface.count, count < bytes.count {
            guard bytes[count] == Self.preface[matched + count] else {
                chooseHTTP1()
                http1.receive(bytes)
                return
            }
            count += 1
        }
        self.matched = matched + count
        guard matched + count == Self.preface.count else { return }
        self.matched = nil
        let session = HTTP2Session(limits: limits, deadlines: deadlines, now: now, takesBody: takesBody)
        Self.preface.withUnsafeBytes { session.receive($0) }
        session.receive(UnsafeRawBufferPointer(rebasing: bytes[count...]))
        begin(session)
    }

    /// What came is not, or will not be, HTTP/2's preface.
    private mutating func chooseHTTP1() {
        guard let matched else { return }
        self.matched = nil
        if matched > 0 { Self.preface[..<matched].withUnsafeBytes { http1.receive($0) } }
        if isDraining { http1.drain() }
    }

    private mutating func begin(_ session: HTTP2Session) {
        if isDraining { session.drain() }
        http2 = session
    }

    package mutating func receiveEnd() {
        if let http2 {
            http2.receiveEnd()
        } else {
            chooseHTTP1()
            http1.receiveEnd()
        }
    }

    package mutating func nextEvent() -> HTTPSessionEvent? {
        if let http2 { return http2.nextEvent() }
        if let event = http1.nextEvent() { return event }
        guard let upgrade = http1.takeUpgrade() else { return nil }
        let session = HTTP2Session(
            limits: limits, deadlines: deadlines, now: now, takesBody: takesBody, upgrading: upgrade.request,
            settings: upgrade.settings)
        session.output = http1.output
        http1.output = HTTPOutput()
        upgrade.input.withUnsafeBytes { session.receive($0) }
        begin(session)
        return session.nextEvent()
    }

    package var hasEvent: Bool { if let http2 { http2.hasEvent } else { false } }

    package mutating func expect(replyBytes: Int, for stream: Int) {
        http2?.expect(replyBytes: replyBytes, for: stream)
    }

    package mutating func respond(_ response: HTTPResponse, to stream: Int, date: [UInt8], requestID: String) {
        if let http2 {
            http2.respond(response, to: stream, date: date, requestID: requestID)
        } else {
            http1.respond(response, to: stream, date: date, requestID: requestID)
        }
    }

    package mutating func write(_ piece: [UInt8], to stream: Int, isLast: Bool) {
        if let http2 {
            http2.write(piece, to: stream, isLast: isLast)
        } else {
            http1.write(piece, to: stream, isLast: isLast)
        }
    }

    package func wantsBody(of stream: Int) -> Bool {
        if let http2 { http2.wantsBody(of: stream) } else { http1.wantsBody(of: stream) }
    }

    package mutating func abort(_ stream: Int) {
        if let http2 { http2.abort(stream) } else { http1.abort(stream) }
    }

    package func holdsReply(of stream: Int) -> Bool { if let http2 { http2.holdsReply(of: stream) } else { false } }

    package var output: HTTPOutput { if let http2 { http2.output } else { http1.output } }

    /// How many bytes of ``output`` wait; what is looked at often is looked at without a copy of the whole.
    package var outputCount: Int { if let http2 { http2.output.count } else { http1.output.count } }

    /// Lends the first segments of ``output``.
    package func withFirstSegments<R>(_ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) -> R) -> R {
        if let http2 { http2.output.withFirstSegments(body) } else { http1.output.withFirstSegments(body) }
    }

    package mutating func didWrite(_ count: Int) {
        if let http2 { http2.didWrite(count) } else { http1.didWrite(count) }
    }

    package var wantsInput: Bool { if let http2 { http2.wantsInput } else { http1.wantsInput } }

    package var phase: HTTPSessionPhase {
        if let http2 { return http2.phase }
        if let matched, matched > 0 { return .head }
        return http1.phase
    }

    package var bodyBytes: Int { if let http2 { http2.bodyBytes } else { http1.bodyBytes } }

    package mutating func refuseLargestBody(_ problem: HTTPProblem) {
        if let http2 { http2.refuseLargestBody(problem) } else { http1.refuseLargestBody(problem) }
    }

    package mutating func timeOut() {
        if let http2 {
            http2.timeOut()
        } else {
            chooseHTTP1()
            http1.timeOut()
        }
    }

    package mutating func drain() {
        isDraining = true
        if let http2 {
            http2.drain()
        } else if matched ?? 0 == 0 {
            http1.drain()
        }
    }

    /// What the peer did that ends the connection.
    package var fault: HTTPConnectionFault? { http2?.fault }

    package var isFinished: Bool { if let http2 { http2.isFinished } else { http1.isFinished } }
}
