import CMalloc

/// glibc's heap (mallopt(3), malloc_trim(3)).
enum Heap {
    /// Sets its limits; once, before there are other threads.
    ///
    /// - Parameters:
    ///   - largest: allocations of this size and above come from the system and go back to it at once, bytes.
    ///   - kept: free memory that stays at the end of each arena, bytes.
    ///   - arenas: how many there may be.
    static func configure(largest: Int, kept: Int, arenas: Int) {
        _ = mallopt(M_MMAP_THRESHOLD, Int32(clamping: largest))
        _ = mallopt(M_TRIM_THRESHOLD, Int32(clamping: kept))
        _ = mallopt(M_ARENA_MAX, Int32(clamping: arenas))
    }

    /// Gives free memory back to the system.
    static func trim() { _ = malloc_trim(0) }
}
