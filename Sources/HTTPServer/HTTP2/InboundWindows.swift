/// Inbound flow control: how much content each request may send, and when WINDOW_UPDATE replenishes its stream's window.
///
/// The connection's window is replenished as content arrives, so that no stream blocks another. A stream's window (RFC 9113
/// section 6.9) is replenished while the connection holds less content than `room`; above that only for the oldest
/// unfinished request, and for each other up to ``initialWindow``. A client that sends its bodies in another order could
/// then wait for ever: after ``shutSpan`` the newest requests that do not fit are refused (``takeCrowdedOut(now:)``).
///
/// Content of a request that was refused, or answered before its end, is discarded with its window kept open for a while:
/// some clients lose a reply that is followed by a reset at once, as in HTTP/1.1 where the connection closes at once
/// (RFC 9112 section 9.6).
///
/// This only decides; its owner sends the frames. Requests are identified by their streams.
package struct InboundWindows: Sendable {
    /// A stream's window before any WINDOW_UPDATE, bytes (RFC 9113 section 6.9.2).
    package static let initialWindow = 65_535
    /// Content discarded of one request with its window kept open, bytes: twice the default body limit.
    package static let discardLimit = 32 * 1024 * 1024
    /// How long a window may stay exhausted for lack of room before requests are refused, nanoseconds.
    package static let shutSpan: UInt64 = 1_000_000_000

    /// How a stream's window is replenished.
    package struct WindowUpdate: Sendable, Equatable {
        /// The increment, bytes; 0 for none.
        package var bytes: Int
        /// The window is also enlarged to the maximum, because this request is the one being uploaded.
        package var isWidened: Bool

        /// An update by that increment.
        package init(bytes: Int, isWidened: Bool = false) {
            self.bytes = bytes
            self.isWidened = isWidened
        }
    }

    /// What becomes of content that arrived.
    package enum Arrival: Sendable, Equatable {
        /// It is kept.
        case kept(WindowUpdate)
        /// It passes the request's limit.
        case tooLarge
        /// It is discarded.
        case discarded(WindowUpdate)
        /// It is discarded and passes ``discardLimit``: the window is not replenished any more.
        case overrun
    }

    /// One request, from the end of its field section to the end of its stream.
    private struct Request {
        let stream: Int32
        /// More content is expected.
        var isUnfinished: Bool
        /// It is neither delivered nor refused yet.
        var isWaiting = true
        /// Its field section, bytes.
        var fields: Int
        /// How much content it may have, bytes.
        let length: Int
        var held = 0
        /// Content received and not yet replenished in the window, bytes.
        var owed = 0
        var isShut = false
        var isWide = false
        /// Content of its own that came since the last ``creditArrivals(now:)``, bytes.
        var arrived: UInt64 = 0
        /// The progress credited to ``deadline``, bytes.
        var credited: UInt64 = 0
        var deadline = ProgressDeadline()
        var discarded = 0
        /// Until when content is discarded of a request whose reply is out.
        var discardedUntil = UInt64.max

        /// The deadline for more content; none while the window is exhausted, as the client cannot send then.
        var due: UInt64 { isUnfinished && !isShut ? deadline.at : .max }
        var size: Int { held + fields }

        /// Drops the request's content and no longer expects any.
        mutating func end() {
            isUnfinished = false
            isWaiting = false
            held = 0
            owed = 0
        }
    }

    private let room: Int
    private let span: UInt64
    private let rate: UInt64
    /// Ordered by stream.
    private var requests: [Request] = []
    private var unfinished = 0
    private var discarding = 0
    /// Content of unfinished requests that came since the last ``creditArrivals(now:)``, bytes.
    private var arrived: UInt64 = 0
    /// When ``shutSpan`` ends for the windows that are exhausted, `UInt64.max` where none is.
    private var shutUntil = UInt64.max
    /// Content held of all requests, bytes.
    package private(set) var held = 0
    /// Content and field lines held of requests that are not delivered yet, bytes.
    package private(set) var waiting = 0

    /// - Parameters:
    ///   - room: content held on the connection above which windows are not replenished, bytes.
    ///   - span: how long a client may pause in a request's content, nanoseconds.
    ///   - rate: the floor rate, bytes per second.
    package init(room: Int, span: UInt64, rate: UInt64) {
        self.room = room
        self.span = span
        self.rate = rate
    }

    /// A request's field section is complete.
    ///
    /// - Parameters:
    ///   - fields: the section's size, bytes.
    ///   - length: how much content the request may have, bytes; `nil` where none is kept.
    package mutating func open(_ stream: Int32, fields: Int, length: Int?, now: UInt64) {
        var request = Request(stream: stream, isUnfinished: length != nil, fields: fields, length: length ?? 0)
        if length != nil { request.deadline.start(progress: 0, now: now, span: span) }
        count(request, times: 1)
        let position = position(of: stream)
        if position == requests.count { requests.append(request) } else { requests.insert(request, at: position) }
    }

    /// Trailers came.
    package mutating func receiveFields(_ bytes: Int, on stream: Int32) {
        change(stream) { $0.fields += bytes }
    }

    /// Content came.
    package mutating func receive(_ bytes: Int, on stream: Int32, now: UInt64) -> Arrival {
        guard let index = index(of: stream) else { return .discarded(WindowUpdate(bytes: bytes)) }
        guard requests[index].isUnfinished else {
            requests[index].discarded += bytes
            return requests[index].discarded > Self.discardLimit ? .overrun : .discarded(WindowUpdate(bytes: bytes))
        }
        guard bytes <= requests[index].length - requests[index].held else { return .tooLarge }
        change(stream) {
            $0.held += bytes
            $0.owed += bytes
            $0.arrived &+= UInt64(bytes)
        }
        arrived &+= UInt64(bytes)
        return .kept(windowUpdate(at: index, now: now))
    }

    /// The update that a request's window gets now.
    private mutating func windowUpdate(at index: Int, now: UInt64) -> WindowUpdate {
        let hasRoom = held <= room || requests[index].held < Self.initialWindow
        let mayWiden = !requests[index].isWide && requests[index].held > Self.initialWindow / 4
        let isOldest = (mayWiden || !hasRoom) && requests.firstIndex { $0.isUnfinished } == index
        guard hasRoom || isOldest else {
            requests[index].isShut = true
            if shutUntil == .max { shutUntil = now &+ Self.shutSpan }
            return WindowUpdate(bytes: 0)
        }
        if requests[index].isShut {
            // The client could not send until now: its time begins here.
            requests[index].deadline.start(progress: requests[index].credited, now: now, span: span)
            requests[index].isShut = false
        }
        let update = WindowUpdate(bytes: requests[index].owed, isWidened: mayWiden && isOldest)
        requests[index].owed = 0
        if update.isWidened { requests[index].isWide = true }
        return update
    }

    /// No more content of that request is expected: it is complete, or answered by its head alone.
    package mutating func finish(_ stream: Int32) { change(stream) { $0.isUnfinished = false } }

    /// A request was delivered; its content is still held until ``release(_:)``.
    package mutating func deliver(_ stream: Int32) { change(stream) { $0.isWaiting = false } }

    /// A request's content is not held any more.
    package mutating func release(_ stream: Int32) { change(stream) { $0.held = 0 } }

    /// A request was answered before its end: further content is discarded until `moment`.
    package mutating func discard(_ stream: Int32, until moment: UInt64) {
        change(stream) { $0.discardedUntil = moment }
    }

    /// A request is refused: its content is dropped, further content is discarded and its window replenished for that.
    package mutating func refuse(_ stream: Int32) -> WindowUpdate {
        var update = WindowUpdate(bytes: 0)
        change(stream) {
            if $0.isUnfinished { update.bytes = $0.owed }
            $0.end()
        }
        return update
    }

    /// A stream closed.
    package mutating func close(_ stream: Int32) {
        change(stream) {
            $0.end()
            $0.discardedUntil = .max
        }
        if let index = index(of: stream) { requests.remove(at: index) }
    }

    /// Changes a request, and what it adds to the sums.
    private mutating func change(_ stream: Int32, _ body: (inout Request) -> Void) {
        guard let index = index(of: stream) else { return }
        count(requests[index], times: -1)
        body(&requests[index])
        count(requests[index], times: 1)
    }

    @inline(__always)
    private mutating func count(_ request: Request, times sign: Int) {
        held += sign * request.held
        if request.isWaiting { waiting += sign * request.size }
        if request.isUnfinished { unfinished += sign }
        if request.discardedUntil != .max { discarding += sign }
    }

    /// Replenishes windows that were exhausted for lack of room, where there is room now; called after requests were
    /// finished, refused, released or closed.
    package mutating func reopen(now: UInt64, _ open: (Int32, WindowUpdate) -> Void) {
        guard shutUntil != .max else { return }
        var isAnyShut = false
        for index in requests.indices where requests[index].isShut && requests[index].isUnfinished {
            let update = windowUpdate(at: index, now: now)
            if requests[index].isShut { isAnyShut = true } else { open(requests[index].stream, update) }
        }
        if !isAnyShut { shutUntil = .max }
    }

    /// Credits the deadlines of all unfinished requests with the content that arrived since the last call.
    ///
    /// Each is credited with its own content and an equal share of the others': a client may open many streams at once and
    /// send their bodies one after the other. So n unfinished requests together must arrive at n times the floor rate.
    package mutating func creditArrivals(now: UInt64) {
        guard arrived > 0 else { return }
        if unfinished > 0 {
            for index in requests.indices where requests[index].isUnfinished {
                let own = requests[index].arrived
                requests[index].credited &+= own &+ (arrived &- own) / UInt64(unfinished)
                requests[index].arrived = 0
                requests[index].deadline.update(
                    progress: requests[index].credited, now: now, span: span, rate: rate)
            }
        }
        arrived = 0
    }

    /// The earliest deadline, `UInt64.max` for none.
    package var deadline: UInt64 {
        guard unfinished > 0 || discarding > 0 else { return shutUntil }
        return requests.reduce(shutUntil) { min($0, $1.due, $1.discardedUntil) }
    }

    /// The requests whose content is late.
    package func late(now: UInt64) -> [Int32] { requests.filter { $0.due <= now }.map(\.stream) }

    /// The requests whose time for discarding content is over; each is named once.
    package mutating func takeDiscarded(now: UInt64) -> [Int32] {
        let streams = requests.filter { $0.discardedUntil <= now }.map(\.stream)
        for stream in streams { discard(stream, until: .max) }
        return streams
    }

    /// Where windows were exhausted for ``shutSpan``: the fewest of the newest unfinished requests, one at least, without
    /// which the whole bodies of the others fit into `room`.
    package mutating func takeCrowdedOut(now: UInt64) -> [Int32] {
        guard shutUntil <= now else { return [] }
        shutUntil = now &+ Self.shutSpan
        let bodies = requests.filter(\.isUnfinished)
        var left = room - bodies.reduce(held) { $0 - $1.held }
        var crowdedOut: [Int32] = []
        for (index, request) in bodies.enumerated() {
            left -= min(request.length, max(0, left) + 1)
            if left < 0, index > 0 { crowdedOut.append(request.stream) }
        }
        if crowdedOut.isEmpty, bodies.count > 1, let newest = bodies.last { crowdedOut.append(newest.stream) }
        return crowdedOut
    }

    /// The request that holds most of those that are not delivered yet.
    package var largest: Int32? {
        requests.filter(\.isWaiting).max { $0.size < $1.size }?.stream
    }

    /// Where that stream's request is, or belongs.
    private func position(of stream: Int32) -> Int {
        if requests.last.map({ $0.stream < stream }) ?? true { return requests.count }
        return requests.firstIndex { $0.stream >= stream } ?? requests.count
    }

    private func index(of stream: Int32) -> Int? { requests.lastIndex { $0.stream == stream } }
}
