import Glibc

/// What systemd and other service managers hand to a service and are told by it (sd_listen_fds(3), sd_notify(3)), without
/// their library: both are a few environment variables.
package enum ServiceManager {
    /// The first descriptor that is passed.
    private static let firstDescriptor: Int32 = 3

    /// The listening sockets that were passed to this process: `LISTEN_FDS` of them, if `LISTEN_PID` is this process.
    ///
    /// - Throws: where the number is none.
    package static func sockets(_ environment: [String: String]) throws(ConfigurationError) -> [Int32] {
        guard let process = environment["LISTEN_PID"], Int32(process) == getpid(),
            let text = environment["LISTEN_FDS"]
        else { return [] }
        guard text.isDecimalDigits, let count = Int32(text), count <= 64 else {
            throw ConfigurationError("LISTEN_FDS must be an integer from 0 to 64, in digits, not \"\(text)\"")
        }
        return Array(firstDescriptor..<firstDescriptor + count)
    }

    /// A change of the service's state that is reported.
    package enum State: String {
        case ready = "READY=1"
        case stopping = "STOPPING=1"
    }

    /// Reports a state, with a line for people, to the socket that `NOTIFY_SOCKET` names, if any.
    ///
    /// Never waits: the manager's queue is only full where it does not read.
    package static func notify(_ state: State, status: String, _ environment: [String: String]) {
        guard let name = environment["NOTIFY_SOCKET"], name.hasPrefix("/") || name.hasPrefix("@") else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // @ stands for the NUL with which an abstract name begins.
        let bytes = name.hasPrefix("@") ? [0] + Array(name.utf8.dropFirst()) : Array(name.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return }
        defer { _ = close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let message = Array("\(state.rawValue)\nSTATUS=\(status)\n".utf8)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT), $0, length)
            }
        }
    }
}
