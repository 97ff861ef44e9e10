import CMalloc

/// The settings of glibc's malloc (mallopt(3), malloc_trim(3)).
enum Heap {
    /// Sets the thresholds; to be called once, before other threads are started.
    ///
    /// - Parameters:
    ///   - mmapThreshold: the size in bytes from which on an allocation is mapped by itself and unmapped when freed.
    ///   - trimThreshold: the free bytes that each arena keeps at its end.
    ///   - arenas: the largest number of arenas.
    static func configure(mmapThreshold: Int, trimThreshold: Int, arenas: Int) {
        _ = mallopt(M_MMAP_THRESHOLD, Int32(clamping: mmapThreshold))
        _ = mallopt(M_TRIM_THRESHOLD, Int32(clamping: trimThreshold))
        _ = mallopt(M_ARENA_MAX, Int32(clamping: arenas))
    }

    /// Returns free memory of all arenas to the system.
    static func trim() { _ = malloc_trim(0) }
}
