import CNGHTTP2

/// What the peer is waited for, and what becomes of it when it has had its time.
extension HTTP2Session {
    /// What the peer is being waited for: of many streams, the one whose time is up first.
    package var phase: HTTPSessionPhase {
        if isFinished { return .finished }
        if streams.isEmpty, drainState == .none { return hasSettings ? .idle : .head }
        var earliest = min(prefaceDeadline, stall.at, withheldDeadline)
        if case .announced(let until) = drainState { earliest = min(earliest, until) }
        for stream in streams.values {
            earliest = min(earliest, inputDeadline(stream), stream.stall.at, stream.lingersUntil)
        }
        return earliest == .max ? .handling : .until(earliest)
    }

    /// Credits every unfinished request with the content that has come since the last look.
    ///
    /// A stream has its own content and an equal share of the other streams': a client may well send one body after the
    /// other on streams that it opened at once. So n unfinished requests are held to n times the floor rate together,
    /// and one that is fed on its own to the floor.
    func creditArrivals() {
        guard arrived > 0 else { return }
        let bodies = UInt64(streams.values.count { $0.stage == .body })
        for stream in streams.values where stream.stage == .body {
            stream.credited &+= stream.arrived &+ (arrived &- stream.arrived) / bodies
            stream.arrived = 0
            stream.arrival.update(progress: stream.credited, now: now, span: deadlines.body, rate: deadlines.rate)
        }
        arrived = 0
    }

    /// By when a request has to have moved on.
    private func inputDeadline(_ stream: HTTP2Stream) -> UInt64 {
        switch stream.stage {
        case .head: return stream.since &+ deadlines.head
        case .body where stream.withheldSince == nil: return stream.arrival.at
        case .body, .ready, .handling, .responding: return .max
        }
    }

    /// The deadline of the current ``phase`` passed.
    ///
    /// A request whose content is late gets 408, a reply that is not taken is reset, and the other streams go on. A
    /// late field section ends the connection, as nothing can be read past it; so does a shut connection window.
    package func timeOut() {
        switch phase {
        case .idle, .head: terminate(NGHTTP2_NO_ERROR)
        case .until: giveUpLate()
        case .body, .handling, .finished: break
        }
    }

    private func giveUpLate() {
        if case .announced(let until) = drainState, until <= now { endDrain() }
        refuseWithheld()
        // What went out behind frames that the socket has yet to take was not credited.
        stall.update(progress: sent, now: now, span: deadlines.write, rate: deadlines.rate)
        if prefaceDeadline <= now {
            terminate(NGHTTP2_NO_ERROR)
        } else if stall.at <= now {
            terminate(NGHTTP2_ENHANCE_YOUR_CALM)
        }
        for stream in streams.values {
            if stream.stage == .head, inputDeadline(stream) <= now {
                terminate(NGHTTP2_NO_ERROR)
                return
            }
            if inputDeadline(stream) <= now {
                refuse(stream, .requestTimeout("The request's body was not complete by its deadline."))
            }
            stream.stall.update(progress: stream.sent, now: now, span: deadlines.write, rate: deadlines.rate)
            if stream.stall.at <= now {
                stream.stall.clear()
                reset(stream, NGHTTP2_CANCEL)
            }
            if stream.lingersUntil <= now {
                stream.lingersUntil = .max
                reset(stream, NGHTTP2_NO_ERROR)
            }
        }
    }

    /// Notes which windows the peer keeps shut, once all that could be sent is out.
    ///
    /// A socket that takes nothing is the transport's to notice.
    func noteStalls() {
        guard output.isEmpty, !streams.isEmpty || stall.at != .max else { return }
        var isReplying = false
        for stream in streams.values where stream.stage == .responding && !stream.isReplySent {
            isReplying = true
            let isShut = nghttp2_session_get_stream_remote_window_size(handle, stream.id) <= 0
            note(&stream.stall, isShut: isShut, sent: stream.sent)
        }
        note(&stall, isShut: isReplying && nghttp2_session_get_remote_window_size(handle) <= 0, sent: sent)
    }

    /// Notes one window: what went out through it is the peer's progress, as only the peer can open it.
    private func note(_ stall: inout ProgressDeadline, isShut: Bool, sent: UInt64) {
        if !isShut {
            stall.clear()
        } else if stall.at == .max {
            stall.start(progress: sent, now: now, span: deadlines.write)
        } else {
            stall.update(progress: sent, now: now, span: deadlines.write, rate: deadlines.rate)
        }
    }
}
