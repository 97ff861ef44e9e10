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

    /// By when a request has to have come as far as its end, at its present length.
    private func inputDeadline(_ stream: HTTP2Stream) -> UInt64 {
        switch stream.stage {
        case .head: return stream.since &+ deadlines.head
        case .body where stream.withheldSince == nil:
            return stream.since &+ deadlines.bodySpan(received: stream.body.count)
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
        if prefaceDeadline <= now {
            terminate(NGHTTP2_NO_ERROR)
        } else if stall.at <= now, stall.expires(delivered: sent, now: now, limits: deadlines) {
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
            if stream.stall.at <= now, stream.stall.expires(delivered: stream.sent, now: now, limits: deadlines) {
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
            if nghttp2_session_get_stream_remote_window_size(handle, stream.id) > 0 {
                stream.stall.clear()
            } else if stream.stall.at == .max {
                stream.stall.start(delivered: stream.sent, now: now, limits: deadlines)
            }
        }
        if !isReplying || nghttp2_session_get_remote_window_size(handle) > 0 {
            stall.clear()
        } else if stall.at == .max {
            stall.start(delivered: sent, now: now, limits: deadlines)
        }
    }
}
