// Moving bytes between the session and the socket.
extension Connection {
    /// Bytes dropped in one turn while lingering.
    private static let dropPerTurn = 1024 * 1024
    /// Bytes written in one turn.
    private static let writePerTurn = 1024 * 1024

    /// Reads once and hands the bytes to the session.
    ///
    /// A read that did not fill the buffer emptied the socket: the poller will tell of what comes next, so there is no
    /// second read to find nothing. Unless the peer has finished: of that it has told already.
    func read(on loop: EventLoop) {
        if isReserved { leaveReserve(on: loop) }
        switch socket.read(into: loop.buffer) {
        case .moved(0):
            isReadable = false
            isEnding = true
            session.receiveEnd()
        case .moved(let count):
            isReadable = count == loop.buffer.count || isEnding
            let bytes = UnsafeRawBufferPointer(rebasing: loop.buffer[..<count])
            session.receive(bytes)
            countBodies(on: loop)
        case .wouldBlock:
            isReadable = false
        case .failed:
            close(on: loop)
        }
    }

    /// Writes what waits, as far as the socket takes it, and tells of the requests whose replies are out.
    func flush(on loop: EventLoop) {
        var left = Self.writePerTurn
        while isWritable, left > 0, session.outputCount > 0 {
            var lent = 0
            let outcome = session.withFirstSegments { segments in
                for segment in segments { lent += segment.count }
                return socket.write(segments)
            }
            switch outcome {
            case .moved(let count):
                session.didWrite(count)
                written &+= UInt64(count)
                left -= count
                // The kernel took less than it was offered: it is full, and the poller will tell when it is not.
                if count < lent { isWritable = false }
            case .wouldBlock:
                isWritable = false
            case .failed:
                close(on: loop)
                return
            }
            if session.outputCount == 0 { break }
            askForPieces(on: loop)
        }
        if isWritable, session.outputCount > 0 { loop.queue(self) }
        finishExchanges(on: loop)
    }

    /// Drops what arrives on a connection that is only kept so that the peer can read the last reply.
    func dropInput(on loop: EventLoop) {
        guard case .lingering(let until, var left) = stage else { return }
        var turn = Self.dropPerTurn
        while isReadable {
            guard left > 0 else {
                close(on: loop)
                return
            }
            guard turn > 0 else {
                stage = .lingering(until: until, bytes: left)
                loop.queue(self)
                return
            }
            switch socket.discard(min(left, turn)) {
            case .moved(0), .failed:
                close(on: loop)
                return
            case .moved(let count):
                left -= count
                turn -= count
            case .wouldBlock:
                isReadable = false
            }
        }
        stage = .lingering(until: until, bytes: left)
    }
}
