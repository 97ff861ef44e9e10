import HTTPServer

/// `softmaxd softmax|jacobian|vjp|jvp [FILE]`: answers the same requests with the same replies, without a server.
package enum OfflineCommand {
    /// Answers one request: with the reply on standard output, or with a problem on standard error, there as a sentence
    /// if that is a terminal and not `isJSON`.
    ///
    /// - Returns: the exit status (sysexits(3)): 0; 65 for a bad request, 66 if the file cannot be read, 70 if the
    ///   reply cannot be computed, 74 if it cannot be written.
    package static func run(
        _ operation: SoftmaxOperation, file: String?, isJSON: Bool, _ configuration: ServiceConfiguration
    ) -> Int32 {
        let content =
            if let file {
                Descriptors.readFile(file)
            } else {
                Descriptors.readAll(from: Descriptors.input)
            }
        guard let body = content else {
            Descriptors.writeDiagnostic("softmaxd: cannot read \(file ?? "standard input")\n")
            return 66
        }
        // At normal priority: no other work of this process has to go before.
        let workers = Workers(ComputePool(threads: configuration.server.computeThreads, priority: .normal))
        do throws(HTTPProblem) {
            var workspace = Workspace()
            return switch try workspace.read(body, operation: operation, limits: configuration.limits, workers) {
            case .float64: write(try workspace.double.stream(workers))
            case .float32: write(try workspace.single.stream(workers))
            }
        } catch {
            if !isJSON, Descriptors.isTerminal(Descriptors.error) {
                Descriptors.writeDiagnostic(sentence(error, file: file))
            } else if case .bytes(let text) = error.response(requestID: "").body {
                Descriptors.write(text, to: Descriptors.error)
            }
            return 65
        }
    }

    /// A problem for a person: what is wrong, and where.
    static func sentence(_ problem: HTTPProblem, file: String?) -> String {
        var place = ""
        if let pointer = problem.pointer { place = pointer.isEmpty ? " (the whole request)" : " (at \(pointer))" }
        return "softmaxd: \(file ?? "standard input"): \(problem.detail)\(place)\n"
    }

    /// The message after a failed write to standard output, to be read before any other system call.
    package static var outputFailure: String { "cannot write to standard output: \(Descriptors.lastError)" }

    /// Writes a reply to standard output; returns the exit status.
    private static func write(_ stream: any HTTPBodySource) -> Int32 {
        var progress = HTTPBodyProgress.more
        while progress == .more {
            var parts: [[UInt8]] = []
            progress = stream.next(into: &parts)
            if progress == .failed {
                Descriptors.writeDiagnostic("softmaxd: the reply cannot be computed\n")
                return 70
            }
            if progress == .last { parts.append([UInt8(ascii: "\n")]) }
            for part in parts {
                guard Descriptors.write(part, to: Descriptors.output) else {
                    Descriptors.writeDiagnostic("softmaxd: \(outputFailure)\n")
                    return 74
                }
            }
        }
        return 0
    }
}
