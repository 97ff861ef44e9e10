import HTTPServer

/// `softmaxd softmax|jacobian|vjp|jvp [FILE]`: the same request, the same reply, no server.
package enum OfflineCommand {
    /// Answers one request; the reply goes to standard output, a problem to standard error.
    ///
    /// - Returns: the exit status by sysexits(3): 0, 65 for a bad request, 66 where the file cannot be read, 74 where
    ///   the reply cannot be written.
    package static func run(
        _ operation: NativeOperation, file: String?, _ configuration: ServiceConfiguration
    ) -> Int32 {
        let content =
            if let file {
                Descriptors.readFile(file)
            } else {
                Descriptors.readAll(from: Descriptors.input)
            }
        guard let body = content else {
            Descriptors.tell("softmaxd: cannot read \(file ?? "standard input")\n")
            return 66
        }
        // Nothing here has to go first, and this thread waits for those.
        let workers = Workers(ComputePool(threads: configuration.server.computeThreads, priority: .normal))
        do throws(HTTPProblem) {
            var workspace = Workspace()
            return switch try workspace.read(body, operation: operation, limits: configuration.limits, workers) {
            case .float64: write(try workspace.double.stream(workers))
            case .float32: write(try workspace.single.stream(workers))
            }
        } catch {
            if case .bytes(let text) = error.response(requestID: "").body {
                Descriptors.write(text, to: Descriptors.error)
            }
            return 65
        }
    }

    /// What to say where standard output takes no more.
    ///
    /// Asked for right after the write that failed.
    package static var outputFailure: String { "cannot write to standard output: \(Descriptors.failure)" }

    /// Writes a reply to standard output; returns the exit status by sysexits(3).
    private static func write(_ stream: any HTTPBodySource) -> Int32 {
        var progress = HTTPBodyProgress.more
        while progress == .more {
            var parts: [[UInt8]] = []
            progress = stream.next(into: &parts)
            if progress == .failed {
                Descriptors.tell("softmaxd: the reply cannot be computed\n")
                return 70
            }
            if progress == .last { parts.append([UInt8(ascii: "\n")]) }
            for part in parts {
                guard Descriptors.write(part, to: Descriptors.output) else {
                    Descriptors.tell("softmaxd: \(outputFailure)\n")
                    return 74
                }
            }
        }
        return 0
    }
}
