/// One protocol's state machine for one connection: bytes in, events out; responses in, bytes out.
///
/// A session owns no socket, no clock and no thread; the transport's connection drives it in this order, on one loop:
///
/// 1. read from the socket while ``wantsInput``, hand the bytes to ``receive(_:)``;
/// 2. take events with ``nextEvent()`` until `nil`, answering each with ``respond(_:to:)`` now or later;
/// 3. for a streamed body, ``write(_:to:isLast:)`` pieces while ``wantsBody(of:)``;
/// 4. write ``output`` to the socket, then tell with ``didWrite(_:)`` how much it took;
/// 5. once ``isFinished`` and `output` is empty: shut down writing, read and drop for a bounded time (lingering
///    close, RFC 9112 section 9.6), close.
///
/// HTTP/1.1 and HTTP/2 differ only behind this protocol.
package protocol HTTPSession: ~Copyable, Sendable {
    /// The version that is spoken.
    var version: HTTPVersion { get }
    /// Says what time it is, in nanoseconds from any fixed point, before anything else that happens then.
    mutating func tick(_ now: UInt64)
    /// Takes bytes off the wire. Keeps what it cannot use yet; the limits bound how much that can be.
    mutating func receive(_ bytes: UnsafeRawBufferPointer)
    /// The peer will send no more (read returned 0).
    mutating func receiveEnd()
    /// The next thing that happened, or `nil` where bytes, a response or room for output are needed first.
    ///
    /// To be taken until `nil` after each of ``receive(_:)``, ``receiveEnd()``, ``timeOut()``, a complete response and
    /// ``didWrite(_:)``: pipelined requests may have waited for any of them.
    mutating func nextEvent() -> HTTPSessionEvent?
    /// Whether ``nextEvent()`` has something at once.
    var hasEvent: Bool { get }
    /// So many bytes of content are being made for that stream's answer; ``respond(_:to:date:requestID:)`` and
    /// ``write(_:to:isLast:)`` bring them.
    mutating func expect(replyBytes: Int, for stream: Int)
    /// Begins the answer to one request: all of it for `.bytes`, the head for `.stream`.
    /// Ignored for a stream that is gone.
    mutating func respond(_ response: HTTPResponse, to stream: Int, date: [UInt8], requestID: String)
    /// The next piece of a streamed body. An empty last piece is allowed.
    mutating func write(_ piece: [UInt8], to stream: Int, isLast: Bool)
    /// Whether a streamed body should make its next piece now (little of it is waiting, and its window is open).
    func wantsBody(of stream: Int) -> Bool
    /// A streamed body or its work failed midway: cut it so that the client sees it is incomplete.
    mutating func abort(_ stream: Int)
    /// Whether a part of that stream's answer is not in ``output`` yet: its window is shut, or other streams come first.
    func holdsReply(of stream: Int) -> Bool
    /// Bytes for the socket, oldest first. The transport may write any prefix.
    var output: HTTPOutput { get }
    /// The socket took that many bytes of ``output``.
    mutating func didWrite(_ count: Int)
    /// Whether to read from the socket: no while a request is in flight (HTTP/1.1) or too much output waits.
    var wantsInput: Bool { get }
    /// What the peer is being waited for, so that the transport can hold it to a deadline.
    var phase: HTTPSessionPhase { get }
    /// The deadline of the current ``phase`` passed: queue the 408 or close silently, as the phase wants.
    mutating func timeOut()
    /// Bytes of content held for requests that are not handed out yet.
    var bodyBytes: Int { get }
    /// There is no memory for more content: refuse the unfinished request that holds most with that problem.
    mutating func refuseLargestBody(_ problem: HTTPProblem)
    /// Stop taking new requests, finish those in flight, then be finished.
    mutating func drain()
    /// Nothing more will be read or answered; close once `output` is written.
    var isFinished: Bool { get }
}

/// What a session is that has one request in flight and no use for the time.
extension HTTPSession where Self: ~Copyable {
    /// HTTP/1.1 or, answered the same, 1.0.
    package var version: HTTPVersion { .http1_1 }
    /// Does nothing.
    package mutating func tick(_ now: UInt64) {}
    /// Not known without a try.
    package var hasEvent: Bool { false }
    /// Does nothing: one answer is made at a time.
    package mutating func expect(replyBytes: Int, for stream: Int) {}
    /// Never: what is made is in ``output`` at once.
    package func holdsReply(of stream: Int) -> Bool { false }
}

/// What a session tells the connection.
package enum HTTPSessionEvent: Sendable {
    /// A complete request. `stream` names it in ``HTTPSession/respond(_:to:date:requestID:)``; 1, 2, 3 … for HTTP/1.1.
    case request(HTTPRequest, stream: Int)
    /// A request that the protocol layer refuses. The connection answers with the problem's response like any other;
    /// where the connection cannot go on after it, the session sends `Connection: close` by itself.
    case refused(HTTPProblem, stream: Int, HTTPRefusedRequest)
    /// Nobody waits for more of that request's answer: cancel its work, answer nothing.
    ///
    /// The peer gave it up, or the connection is broken, or (HTTP/1.1) it was answered with a streamed body where there
    /// can be none (HEAD, 204, 304): the head is out then and the connection goes on.
    case cancelled(stream: Int)
}

/// What is known of a request that the protocol layer refused.
package struct HTTPRefusedRequest: Sendable {
    /// What was read of its head: an empty method and path where that was not so much, no body.
    package var head: HTTPRequest
    /// When its first byte came, in the time of ``HTTPSession/tick(_:)``.
    package var since: UInt64
}

/// What a session is waiting for.
package enum HTTPSessionPhase: Sendable, Equatable {
    /// For the first byte of a (next) request: idle deadline, closed silently.
    case idle
    /// For the rest of a head: absolute deadline from its first byte, then 408.
    case head
    /// For the rest of a body, of which so many bytes are there: 408 when it falls under the floor rate.
    case body(received: Int)
    /// For the slowest of several things at once, each with a deadline of its own: until then, in the time of
    /// ``HTTPSession/tick(_:)``. Then the session is told, gives that one thing up and goes on.
    case until(UInt64)
    /// For the handler. No deadline on the peer.
    case handling
    /// Nothing more: flush and close.
    case finished
}
