import CEpoll
import Glibc

/// How many processors this process may use.
package enum Processors {
    /// Those it may run on, or fewer where its control group's quota of processor time is less, rounded up; 1 at least.
    ///
    /// What it may run on is set by sched_setaffinity(2), which `taskset` and cpusets use. Found out once.
    package static let available = {
        let allowed = Int(cepoll_processors())
        let quota = ControlGroups { path in text(of: path) }.processorQuota
        // A quota of half a processor is one thread that runs half of the time.
        return max(1, min(allowed, quota.map { Int($0.rounded(.up)) } ?? allowed))
    }()

    /// A small file's text; `nil` where it cannot be read.
    private static func text(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 20 {
            let count = read(descriptor, &block, block.count)
            guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
            bytes += block[..<count]
        }
        return nil
    }
}

/// A process's control groups (cgroups(7)), as the files of proc(5) and of their file systems tell.
struct ControlGroups {
    /// A file's text; `nil` where there is none.
    private let read: (_ path: String) -> String?

    init(read: @escaping (_ path: String) -> String?) { self.read = read }

    /// The processor time that the process may take, in processors: the least quota of its own group and of all those
    /// above, in either version of control groups; `nil` where there is none.
    var processorQuota: Double? {
        guard let memberships = read("/proc/self/cgroup"), let mounts = read("/proc/self/mountinfo") else { return nil }
        var least: Double?
        for membership in memberships.split(separator: "\n") {
            // hierarchy-ID:controller-list:cgroup-path; version 2 has no list.
            let parts = membership.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isVersion2 = parts[0] == "0" && parts[1].isEmpty
            guard isVersion2 || parts[1].split(separator: ",").contains("cpu") else { continue }
            for mount in mounts.split(separator: "\n") {
                guard let directories = Self.directories(of: parts[2], on: mount, isVersion2: isVersion2) else {
                    continue
                }
                for directory in directories {
                    if let quota = quota(of: directory, isVersion2: isVersion2) { least = min(least ?? quota, quota) }
                }
            }
        }
        return least
    }

    /// The directories of a group and of those above it, where that mount shows its hierarchy.
    ///
    /// In a container the mount's root may be the container's own group: `path` then begins with it. Where the group is
    /// outside of what is mounted, what is at the mount's root holds for it.
    private static func directories(of path: Substring, on mount: Substring, isVersion2: Bool) -> [String]? {
        // 33 31 0:30 ROOT MOUNT-POINT OPTIONS [TAG]... - TYPE SOURCE SUPER-OPTIONS
        let fields = mount.split(separator: " ")
        guard let dash = fields.firstIndex(of: "-"), dash >= 6, dash + 3 < fields.count else { return nil }
        let isShown =
            isVersion2
            ? fields[dash + 1] == "cgroup2"
            : fields[dash + 1] == "cgroup" && fields[dash + 3].split(separator: ",").contains("cpu")
        guard isShown else { return nil }
        let root = fields[3].split(separator: "/")
        let names = path.split(separator: "/")
        let below = names.starts(with: root) ? names.dropFirst(root.count) : []
        var directory = unescaped(fields[4])
        return [directory]
            + below.map { name in
                directory += "/" + name
                return directory
            }
    }

    /// A path of mountinfo, in which space, tab, line feed and backslash are three octal digits behind a backslash.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = field.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let digits = String(rest.prefix(3)), let code = UInt8(digits, radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Microseconds of processor time in so many microseconds, as a ratio; `nil` for no quota.
    private func quota(of directory: String, isVersion2: Bool) -> Double? {
        let numbers: [Substring]
        if isVersion2 {
            // "max 100000" or "50000 100000".
            guard let text = read(directory + "/cpu.max") else { return nil }
            numbers = text.split(whereSeparator: \.isWhitespace)
        } else {
            // -1 for none.
            guard let quota = read(directory + "/cpu.cfs_quota_us"), let period = read(directory + "/cpu.cfs_period_us")
            else { return nil }
            numbers = [quota, period].flatMap { $0.split(whereSeparator: \.isWhitespace) }
        }
        guard numbers.count == 2, let quota = Int(numbers[0]), let period = Int(numbers[1]), quota > 0, period > 0
        else {
            return nil
        }
        return Double(quota) / Double(period)
    }
}
