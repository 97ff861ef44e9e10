/// Deadlines for flow-control windows that the peer leaves exhausted while content waits.
///
/// A reply is stalled while its stream's window or the connection's is exhausted (RFC 9113 section 6.9). Only the peer can
/// replenish a window, so what is sent through it is the peer's progress, which has a floor rate (``ProgressDeadline``). A
/// socket that accepts nothing is detected by the transport.
///
/// Stream identifier 0 is the connection, as in WINDOW_UPDATE.
package struct OutboundStalls: Sendable {
    /// The content sent on one stream.
    private struct Flow {
        let stream: Int32
        var sent: UInt64 = 0
        var deadline = ProgressDeadline()
    }

    private let span: UInt64
    private let rate: UInt64
    private var connection = Flow(stream: 0)
    /// Replies in progress, oldest first.
    private var replies: [Flow] = []

    /// - Parameters:
    ///   - span: how long a window may stay exhausted, nanoseconds.
    ///   - rate: the floor rate, bytes per second.
    package init(span: UInt64, rate: UInt64) {
        self.span = span
        self.rate = rate
    }

    /// A reply begins.
    package mutating func begin(_ stream: Int32) { replies.append(Flow(stream: stream)) }

    /// Content of a reply was framed.
    package mutating func send(_ bytes: Int, on stream: Int32) {
        connection.sent &+= UInt64(bytes)
        if let index = index(of: stream) { replies[index].sent &+= UInt64(bytes) }
    }

    /// A reply was sent in full, or its stream closed.
    package mutating func end(_ stream: Int32) {
        if let index = index(of: stream) { replies.remove(at: index) }
    }

    /// Updates the deadlines, once all content that the windows allow was framed.
    package mutating func update(now: UInt64, isShut: (Int32) -> Bool) {
        for index in replies.indices { update(&replies[index], now: now, isShut: isShut(replies[index].stream)) }
        guard !replies.isEmpty || connection.deadline.at != .max else { return }
        update(&connection, now: now, isShut: !replies.isEmpty && isShut(0))
    }

    private func update(_ flow: inout Flow, now: UInt64, isShut: Bool) {
        if !isShut {
            flow.deadline.clear()
        } else if flow.deadline.at == .max {
            flow.deadline.start(progress: flow.sent, now: now, span: span)
        } else {
            credit(&flow, now: now)
        }
    }

    private func credit(_ flow: inout Flow, now: UInt64) {
        flow.deadline.update(progress: flow.sent, now: now, span: span, rate: rate)
    }

    /// The earliest deadline, `UInt64.max` while no window is stalled.
    package var deadline: UInt64 { replies.reduce(connection.deadline.at) { min($0, $1.deadline.at) } }

    /// The streams whose windows stayed exhausted for too long, 0 for the connection; each is named once.
    ///
    /// Content framed since the last update is credited first.
    package mutating func takeLate(now: UInt64) -> [Int32] {
        var late: [Int32] = []
        take(&connection, now: now, &late)
        for index in replies.indices { take(&replies[index], now: now, &late) }
        return late
    }

    private func take(_ flow: inout Flow, now: UInt64, _ late: inout [Int32]) {
        credit(&flow, now: now)
        guard flow.deadline.at <= now else { return }
        flow.deadline.clear()
        late.append(flow.stream)
    }

    private func index(of stream: Int32) -> Int? { replies.lastIndex { $0.stream == stream } }
}
