@testable import HTTPServer

/// A clock that is moved by hand, in nanoseconds.
final class ManualClock: Sendable {
    private let time: Locked<UInt64>

    init(_ now: UInt64 = 0) { time = Locked(now) }

    var now: UInt64 {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }

    /// Its date is always that of RFC 9110's examples.
    var asClock: TransportClock {
        TransportClock(monotonic: { self.now }, unixSeconds: { 784_111_777 }, isRunning: false)
    }
}

/// Keeps work until a test runs it.
final class ManualExecutor: WorkExecutor {
    /// Work that was queued.
    final class Job: WorkJob {
        private enum Stage { case waiting, running, over }
        private struct State: Sendable {
            var stage = Stage.waiting
            var whenOver: (@Sendable () -> Void)?
        }

        private let work: @Sendable () -> LoopMessage?
        private let state = Locked(State())

        init(_ work: @escaping @Sendable () -> LoopMessage?) { self.work = work }

        /// Whether it has neither run nor been discarded.
        var isWaiting: Bool { state.withLock { $0.stage == .waiting } }

        /// From here on the work runs, and is not taken back any more.
        func begin() { state.withLock { if $0.stage == .waiting { $0.stage = .running } } }

        /// Runs it to its end.
        func run() -> LoopMessage? {
            begin()
            let message = work()
            let whenOver = state.withLock { state in
                state.stage = .over
                return state.whenOver.take()
            }
            whenOver?()
            return message
        }

        func discard(whenOver: @escaping @Sendable () -> Void) {
            let isOver = state.withLock { state in
                if state.stage == .running {
                    state.whenOver = whenOver
                    return false
                }
                state.stage = .over
                return true
            }
            if isOver { whenOver() }
        }
    }

    private let jobs = Locked<[Job]>([])

    func submit(_ work: @escaping @Sendable () -> LoopMessage?) -> any WorkJob {
        let job = Job(work)
        jobs.withLock { $0.append(job) }
        return job
    }

    /// The jobs that have neither run nor been discarded, oldest first.
    var waiting: [Job] { jobs.withLock { $0 }.filter(\.isWaiting) }
}

/// What a test keeps of an access record.
struct RecordCopy: Equatable {
    var method: String
    var path: String
    var status: Int
    var requestBytes: Int
    var responseBytes: Int
    var problem: String?
    var isComplete: Bool
    /// From when on the request's time is counted.
    var since: UInt64
}

/// Keeps the records of requests and connections that are over.
final class RecordingObserver: HTTPObserver {
    private let clock: ManualClock
    private(set) var records: [RecordCopy] = []
    private(set) var ends: [HTTPConnectionEnd] = []

    init(_ clock: ManualClock) { self.clock = clock }

    func record(_ record: borrowing HTTPAccessRecord) {
        records.append(
            RecordCopy(
                method: record.method.text, path: record.pathText, status: record.status,
                requestBytes: record.requestBytes, responseBytes: record.responseBytes, problem: record.problem,
                isComplete: record.isComplete, since: clock.now - record.duration))
    }
    func record(_ end: HTTPConnectionEnd) { ends.append(end) }
    func flush() {}
}
