import Glibc
import Synchronization

/// The file of a listening Unix domain socket (unix(7)).
///
/// A file that a dead server has left is replaced, one at which a server still listens is not. Two servers that start at
/// once could each replace the other's new file, so that a server looks, replaces and binds under a lock on the directory
/// (flock(2)).
final class SocketFile: Sendable {
    private let path: String
    /// Tells the file from one that a later server has put in its place.
    private let identity: Identity?
    private let isRemoved = Atomic<Bool>(false)

    private struct Identity: Equatable, Sendable {
        var device: UInt64
        var number: UInt64

        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            number = UInt64(status.st_ino)
        }
    }

    private init(_ path: String) {
        self.path = path
        identity = Identity(path)
    }

    /// Has `bind` bind a socket to that path; returns the file, or the error of the system call that failed.
    static func bound(_ path: String, _ address: Address, bind: () -> Int32) -> Result<SocketFile, Errno> {
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0 else { return .failure(Errno(errno)) }
        defer { _ = close(lock) }
        // Another server holds it for as long as it takes to bind, another program perhaps for ever.
        for attempt in 0... {
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { break }
            guard errno == EWOULDBLOCK || errno == EINTR, attempt < 200 else { return .failure(Errno(errno)) }
            usleep(5_000)
        }
        if isAbandoned(address) { _ = unlink(path) }
        guard bind() == 0 else { return .failure(Errno(errno)) }
        return .success(SocketFile(path))
    }

    /// Whether the file at that address is a socket's at which nobody listens.
    private static func isAbandoned(_ address: Address) -> Bool {
        let probe = socket(AF_UNIX, Socket.kind, 0)
        guard probe >= 0 else { return false }
        defer { _ = close(probe) }
        // EAGAIN is a full backlog; a file that is no socket is refused as well, but must stay.
        guard address.withSockaddr({ connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else { return false }
        var status = stat()
        return lstat(address.path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    /// Removes the file, once, unless another has taken its place: no client can connect any more.
    func remove() {
        guard !isRemoved.exchange(true, ordering: .relaxed), let identity, Identity(path) == identity else { return }
        _ = unlink(path)
    }
}

/// An error of a system call.
struct Errno: Error, Sendable {
    let code: Int32

    init(_ code: Int32) { self.code = code }
}
