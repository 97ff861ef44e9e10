/// A connection's output queue, in segments, so that a large body is not copied to follow its head.
package struct HTTPOutput: Sendable {
    private var segments: [[UInt8]] = []
    private var firstOffset = 0
    /// Whether the last segment was made by this queue: appending to one that was passed in could copy a large body.
    private var lastIsOwn = false
    /// A written segment's storage, for reuse.
    private var spare: [UInt8] = []
    /// The number of bytes queued.
    package private(set) var count = 0

    /// Bytes up to this size are copied to the last segment instead of becoming one of their own.
    package static let copyLimit = 4096
    /// A segment of this size or above is not appended to: growing it would copy it.
    private static let segmentLimit = 16 * 1024

    /// An empty queue.
    package init() {}

    /// Whether the queue is empty.
    package var isEmpty: Bool { count == 0 }

    /// Queues bytes: moved where they are many, copied where they are few.
    package mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        if bytes.count > Self.copyLimit {
            segments.append(bytes)
            lastIsOwn = false
            count += bytes.count
        } else {
            write { $0.append(contentsOf: bytes) }
        }
    }

    /// Queues the few bytes that `body` appends to the buffer it is given.
    package mutating func write(_ body: (inout [UInt8]) -> Void) {
        if !lastIsOwn || segments.isEmpty || segments[segments.count - 1].count >= Self.segmentLimit {
            segments.append(spare)
            spare = []
            lastIsOwn = true
        }
        let last = segments.count - 1
        let before = segments[last].count
        body(&segments[last])
        count += segments[last].count - before
    }

    /// Calls `body` with the first segments, up to sixteen and to so many bytes, for one `writev`.
    @inline(__always)
    package func withFirstSegments<R>(
        atMost limit: Int = .max, _ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) -> R
    ) -> R {
        // The usual case: one small reply.
        if segments.count == 1 {
            return segments[0].withUnsafeBytes { bytes in
                withUnsafePointer(to: UnsafeRawBufferPointer(rebasing: bytes[firstOffset...].prefix(limit))) {
                    body(UnsafeBufferPointer(start: $0, count: 1))
                }
            }
        }
        return withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: 16) { lent in
            func lend(_ index: Int, _ left: Int) -> R {
                guard index < min(segments.count, lent.count), left > 0 else {
                    return body(UnsafeBufferPointer(rebasing: UnsafeBufferPointer(lent)[0..<index]))
                }
                return segments[index].withUnsafeBytes { bytes in
                    let offset = index == 0 ? firstOffset : 0
                    let segment = UnsafeRawBufferPointer(rebasing: bytes[offset...].prefix(left))
                    lent.initializeElement(at: index, to: segment)
                    return lend(index + 1, left - segment.count)
                }
            }
            return lend(0, limit)
        }
    }

    /// Removes that many bytes from the front, `count` at most.
    package mutating func removeFirst(_ written: Int) {
        var left = max(0, min(written, count))
        count -= left
        while left > 0 {
            let available = segments[0].count - firstOffset
            if left < available {
                firstOffset += left
                return
            }
            left -= available
            firstOffset = 0
            if segments.count == 1, lastIsOwn, segments[0].count < Self.segmentLimit {
                // The usual case: one small reply, all of it written. Its storage serves the next one.
                swap(&spare, &segments[0])
                spare.removeAll(keepingCapacity: true)
            }
            segments.removeFirst()
            if segments.isEmpty { lastIsOwn = false }
        }
    }
}
