import Glibc

/// How many descriptors the process may have open (RLIMIT_NOFILE, getrlimit(2)).
enum DescriptorLimit {
    /// Raises the soft limit to `needed`, or as far as the hard one lets it.
    ///
    /// - Returns: the limit in force where it is below `needed`, else `nil`.
    static func raise(to needed: Int) -> Int? {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        let wanted = rlim_t(clamping: needed)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < wanted else { return nil }
        limit.rlim_cur = min(wanted, limit.rlim_max)
        setrlimit(resource, &limit)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < wanted else { return nil }
        return Int(clamping: limit.rlim_cur)
    }
}
