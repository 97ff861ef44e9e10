import CEpoll
import Glibc

/// An epoll(7) instance.
///
/// Connections are registered once, edge-triggered, for both directions. A connection that stops reading before the socket
/// is empty has to remember that, and in return backpressure needs no `epoll_ctl`.
struct Poller: Sendable {
    private let descriptor: Int32

    /// An event's flags.
    struct Readiness: Sendable {
        fileprivate let events: UInt32
        /// There is something to read, possibly the end.
        var isReadable: Bool { events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 }
        /// There is room to write.
        var isWritable: Bool { events & EPOLLOUT.rawValue != 0 }
        /// The peer will send no more.
        var isEnding: Bool { events & EPOLLRDHUP.rawValue != 0 }
        /// The connection is broken, or shut down both ways.
        var isBroken: Bool { events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 }
    }

    /// A buffer for the events of one ``wait(milliseconds:into:)``.
    struct Events: ~Copyable {
        fileprivate let room: UnsafeMutableBufferPointer<epoll_event>

        /// Room for so many events; further ones are returned by the next wait.
        init(capacity: Int) {
            room = .allocate(capacity: capacity)
            room.initialize(repeating: epoll_event())
        }

        deinit { room.deallocate() }

        /// The token that the descriptor was registered with, and the event's flags.
        subscript(index: Int) -> (token: UInt64, readiness: Readiness) {
            let event = room[index]
            return (event.data.u64, Readiness(events: event.events))
        }
    }

    /// A new one.
    init() throws(HTTPServerError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else {
            throw HTTPServerError(operation: "create", subject: "epoll", reason: String(cString: strerror(errno)))
        }
    }

    /// Watches a connection, edge-triggered, until its descriptor is closed.
    ///
    /// `false` where the kernel has no room.
    func watch(_ socket: Socket, token: UInt64) -> Bool {
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        return control(EPOLL_CTL_ADD, socket.descriptor, events, token)
    }

    /// Watches a listener or a mailbox for input, level-triggered.
    func watchInput(_ descriptor: Int32, token: UInt64) -> Bool {
        control(EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, token)
    }

    /// Stops watching.
    func unwatch(_ descriptor: Int32) { _ = control(EPOLL_CTL_DEL, descriptor, 0, 0) }

    /// Waits for at most that many milliseconds (−1: without limit); returns how many of `events` say what became ready.
    func wait(milliseconds: Int32, into events: borrowing Events) -> Int {
        let count = epoll_wait(descriptor, events.room.baseAddress, Int32(clamping: events.room.count), milliseconds)
        // EINTR is a wait that ended early, which callers expect anyway.
        return max(0, Int(count))
    }

    /// Gives the descriptor back.
    func close() { _ = Glibc.close(descriptor) }

    private func control(_ operation: Int32, _ target: Int32, _ events: UInt32, _ token: UInt64) -> Bool {
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        return epoll_ctl(descriptor, operation, target, &event) == 0
    }
}
