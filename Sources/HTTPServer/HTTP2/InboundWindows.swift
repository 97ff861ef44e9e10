/// Decides how far clients may send content: what is held of each request, and how much of a window is given back.
///
/// The connection's window is not in it: that one is given back as content arrives, so that no stream holds up another.
/// A stream's window (RFC 9113 section 6.9) is given back while the connection holds less content than `room`; beyond
/// that the oldest unfinished request goes on, and each other up to ``initialWindow``. A client may feed its requests in any
/// order, and one that waits for windows of which none will open would wait for ever: after ``shutSpan`` the newest
/// requests that do not fit are to be refused (``takeCrowdedOut(now:)``).
///
/// Content that arrives for a request that is refused, or answered before its end, is discarded, and its window stays open
/// for a while: some clients lose the reply when a reset follows it at once, as some of HTTP/1.1 do when the connection
/// is closed at once (RFC 9112 section 9.6).
///
/// Decides only; whoever owns it has the windows opened and the requests answered. Requests are named by their streams.
package struct InboundWindows: Sendable {
    /// What a client may send on a stream before it has been given more, bytes (RFC 9113 section 6.9.2).
    package static let initialWindow = 65_535
    /// Content discarded of one request with its window kept open, bytes: twice the default body limit.
    package static let discardLimit = 32 * 1024 * 1024
    /// How long a window stays shut for want of room before requests are refused, nanoseconds.
    package static let shutSpan: UInt64 = 1_000_000_000

    /// How far a stream's window opens again.
    package struct Opening: Sendable, Equatable {
        /// By so many bytes.
        package var bytes: Int
        /// It becomes as wide as windows get: the client can make use of that.
        package var isWidened: Bool

        /// An opening of that kind.
        package init(bytes: Int, isWidened: Bool = false) {
            self.bytes = bytes
            self.isWidened = isWidened
        }
    }

    /// What becomes of content that arrived.
    package enum Arrival: Sendable, Equatable {
        /// It is kept.
        case kept(Opening)
        /// It is more than the request may have.
        case tooLarge
        /// It is discarded.
        case discarded(Opening)
        /// It is discarded, and so much was before that no more is let through.
        case overrun
    }

    /// One request, from the end of its field section to the end of its stream.
    private struct Request {
        let stream: Int32
        /// More content is waited for.
        var isUnfinished: Bool
        /// It was not handed out yet, nor refused.
        var isWaiting = true
        /// Its field section, bytes.
        var fields: Int
        /// How much content it may have, bytes.
        let length: Int
        var held = 0
        /// Content whose window was not given back.
        var owed = 0
        var isShut = false
        var isWide = false
        /// Content of its own that came since the last ``creditArrivals(now:)``, bytes.
        var arrived: UInt64 = 0
        /// The progress that ``deadline`` has been told of, bytes.
        var credited: UInt64 = 0
        var deadline = ProgressDeadline()
        var discarded = 0
        /// Until when content is discarded of a request whose reply is out.
        var discardedUntil = UInt64.max

        /// By when content has to have come: a client whose window is shut cannot send any.
        var due: UInt64 { isUnfinished && !isShut ? deadline.at : .max }
        var size: Int { held + fields }

        /// Nothing of it is kept any more.
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
    /// When windows have been shut for long enough, `UInt64.max` where none is.
    private var shutUntil = UInt64.max
    /// Content held of all requests, bytes.
    package private(set) var held = 0
    /// Content and field lines held of requests that were not handed out, bytes.
    package private(set) var waiting = 0

    /// - Parameters:
    ///   - room: content held on the connection above which windows stay shut, bytes.
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
        requests.insert(request, at: position(of: stream))
    }

    /// Trailers came.
    package mutating func receiveFields(_ bytes: Int, on stream: Int32) {
        change(stream) { $0.fields += bytes }
    }

    /// Content came.
    package mutating func receive(_ bytes: Int, on stream: Int32, now: UInt64) -> Arrival {
        guard let index = index(of: stream) else { return .discarded(Opening(bytes: bytes)) }
        guard requests[index].isUnfinished else {
            requests[index].discarded += bytes
            return requests[index].discarded > Self.discardLimit ? .overrun : .discarded(Opening(bytes: bytes))
        }
        guard bytes <= requests[index].length - requests[index].held else { return .tooLarge }
        change(stream) {
            $0.held += bytes
            $0.owed += bytes
            $0.arrived &+= UInt64(bytes)
        }
        arrived &+= UInt64(bytes)
        return .kept(opening(at: index, now: now))
    }

    /// How far a window opens again now.
    private mutating func opening(at index: Int, now: UInt64) -> Opening {
        let hasRoom = held <= room || requests[index].held < Self.initialWindow
        let mayWiden = !requests[index].isWide && requests[index].held > Self.initialWindow / 4
        let isOldest = (mayWiden || !hasRoom) && requests.firstIndex { $0.isUnfinished } == index
        guard hasRoom || isOldest else {
            requests[index].isShut = true
            if shutUntil == .max { shutUntil = now &+ Self.shutSpan }
            return Opening(bytes: 0)
        }
        if requests[index].isShut {
            // The client could not send: it is waited for from here on.
            requests[index].deadline.start(progress: requests[index].credited, now: now, span: span)
            requests[index].isShut = false
        }
        let opening = Opening(bytes: requests[index].owed, isWidened: mayWiden && isOldest)
        requests[index].owed = 0
        if opening.isWidened { requests[index].isWide = true }
        return opening
    }

    /// No more content of that request is waited for: it is complete, or its head alone is answered.
    package mutating func finish(_ stream: Int32) { change(stream) { $0.isUnfinished = false } }

    /// A request was handed out: what is held of it is its handler's until ``release(_:)``.
    package mutating func handOut(_ stream: Int32) { change(stream) { $0.isWaiting = false } }

    /// A request's content is not held any more.
    package mutating func release(_ stream: Int32) { change(stream) { $0.held = 0 } }

    /// A request was answered before its end: what still comes of it is discarded until then.
    package mutating func discard(_ stream: Int32, until moment: UInt64) {
        change(stream) { $0.discardedUntil = moment }
    }

    /// A request is given up: its content is dropped, what else comes of it discarded, and its window opened for that.
    package mutating func refuse(_ stream: Int32) -> Opening {
        var opening = Opening(bytes: 0)
        change(stream) {
            if $0.isUnfinished { opening.bytes = $0.owed }
            $0.end()
        }
        return opening
    }

    /// A stream is gone.
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

    private mutating func count(_ request: Request, times sign: Int) {
        held += sign * request.held
        if request.isWaiting { waiting += sign * request.size }
        if request.isUnfinished { unfinished += sign }
        if request.discardedUntil != .max { discarding += sign }
    }

    /// Opens windows that were shut and need not be any more: to be called once requests were finished, refused, released
    /// or closed.
    package mutating func reopen(now: UInt64, _ open: (Int32, Opening) -> Void) {
        guard shutUntil != .max else { return }
        var isAnyShut = false
        for index in requests.indices where requests[index].isShut && requests[index].isUnfinished {
            let opening = opening(at: index, now: now)
            if requests[index].isShut { isAnyShut = true } else { open(requests[index].stream, opening) }
        }
        if !isAnyShut { shutUntil = .max }
    }

    /// Credits every unfinished request with the content that has come since the last look.
    ///
    /// A request has its own content and an equal share of the other requests': a client may well send one body after the
    /// other on streams that it opened at once. So n unfinished requests are held to n times the floor rate together,
    /// and one that is fed on its own to the floor.
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

    /// The earliest moment at which something is to be given up, `UInt64.max` for none.
    package var deadline: UInt64 {
        guard unfinished > 0 || discarding > 0 else { return shutUntil }
        return requests.reduce(shutUntil) { min($0, $1.due, $1.discardedUntil) }
    }

    /// The requests whose content is late.
    package func late(now: UInt64) -> [Int32] { requests.filter { $0.due <= now }.map(\.stream) }

    /// The requests of which content was discarded for long enough; each is named once.
    package mutating func takeDiscarded(now: UInt64) -> [Int32] {
        let streams = requests.filter { $0.discardedUntil <= now }.map(\.stream)
        for stream in streams { discard(stream, until: .max) }
        return streams
    }

    /// Where windows have been shut for long: the newest unfinished requests, at least one, without which the whole
    /// bodies of the others have room.
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

    /// The request that holds most of those that were not handed out.
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
