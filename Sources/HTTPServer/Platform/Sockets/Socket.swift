import CEpoll
import Glibc

/// A connected, non-blocking stream socket.
///
/// Closed by its owner, exactly once.
struct Socket: Sendable {
    /// The descriptor.
    let descriptor: Int32

    /// What socket(2) is asked for: a non-blocking stream that no child inherits.
    static let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)

    /// What came of a read or a write.
    enum Outcome: Sendable, Equatable {
        /// So many bytes moved; 0 from a read means that the peer will send no more.
        case moved(Int)
        /// Not now; the poller will tell.
        case wouldBlock
        /// The connection is broken.
        case failed
    }

    /// Reads what is there, up to the buffer's size.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        Self.outcome { recv(descriptor, buffer.baseAddress, buffer.count, 0) }
    }

    /// Discards what is there, up to `count` bytes, without copying it out of the kernel (`MSG_TRUNC`, tcp(7)).
    func discard(_ count: Int) -> Outcome {
        let outcome = Self.outcome { recv(descriptor, nil, count, Int32(MSG_TRUNC)) }
        guard outcome == .failed, errno == EFAULT else { return outcome }
        // Only TCP can: from a Unix domain socket it has to be read.
        return withUnsafeTemporaryAllocation(byteCount: min(count, 16 * 1024), alignment: 1) { read(into: $0) }
    }

    /// Writes up to four segments in one call.
    ///
    /// `MSG_NOSIGNAL`: a peer that is gone is an error, not a signal.
    func write(_ segments: UnsafeBufferPointer<UnsafeRawBufferPointer>) -> Outcome {
        if segments.count == 1 {
            return Self.outcome {
                send(descriptor, segments[0].baseAddress, segments[0].count, Int32(MSG_NOSIGNAL))
            }
        }
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: max(1, segments.count)) { vectors in
            for (index, segment) in segments.enumerated() {
                // sendmsg(2) only reads through the pointer, which iovec cannot say.
                vectors[index] = iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: segment.baseAddress), iov_len: segment.count)
            }
            var message = msghdr()
            message.msg_iov = vectors.baseAddress
            message.msg_iovlen = segments.count
            return Self.outcome { sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)) }
        }
    }

    /// Bytes written that the peer's kernel has not acknowledged yet; 0 where that is unknown.
    var unacknowledged: Int {
        var count: Int32 = 0
        return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? max(0, Int(count)) : 0
    }

    /// Says that nothing more will be sent; what was written still arrives.
    func shutDownWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Makes ``close()`` reset the connection: the peer gets an error, never an orderly end.
    func resetOnClose() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    }

    /// Gives the descriptor back.
    func close() { _ = Glibc.close(descriptor) }

    private static func outcome(_ call: () -> Int) -> Outcome {
        while true {
            let moved = call()
            if moved >= 0 { return .moved(moved) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed
            }
        }
    }
}
