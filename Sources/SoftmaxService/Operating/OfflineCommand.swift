import Glibc
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
        let descriptor = file.map { open($0, O_RDONLY | O_CLOEXEC) } ?? STDIN_FILENO
        guard descriptor >= 0,
            let body = Descriptors.readAll(from: descriptor, padding: HTTPRequest.bodyPadding)
        else {
            Descriptors.write(Array("softmaxd: cannot read \(file ?? "standard input")\n".utf8), to: STDERR_FILENO)
            return 66
        }
        let workers = Workers(ComputePool(threads: configuration.server.computeThreads))
        do throws(HTTPProblem) {
            var workspace = Workspace()
            return switch try workspace.read(body, operation: operation, limits: configuration.limits, workers) {
            case .float64: write(try workspace.double.stream(workers))
            case .float32: write(try workspace.single.stream(workers))
            }
        } catch {
            if case .bytes(let text) = error.response(requestID: "").body {
                Descriptors.write(text, to: STDERR_FILENO)
            }
            return 65
        }
    }

    /// What to say where standard output takes no more.
    package static func outputFailure(_ code: Int32) -> String {
        "cannot write to standard output: \(String(cString: strerror(code)))"
    }

    /// Writes a reply to standard output; returns the exit status by sysexits(3).
    private static func write(_ stream: any HTTPBodySource) -> Int32 {
        var progress = HTTPBodyProgress.more
        while progress == .more {
            var parts: [[UInt8]] = []
            progress = stream.next(into: &parts)
            if progress == .failed {
                Descriptors.write(Array("softmaxd: the reply cannot be computed\n".utf8), to: STDERR_FILENO)
                return 70
            }
            if progress == .last { parts.append([UInt8(ascii: "\n")]) }
            for part in parts {
                guard Descriptors.write(part, to: STDOUT_FILENO) else {
                    Descriptors.write(Array("softmaxd: \(outputFailure(errno))\n".utf8), to: STDERR_FILENO)
                    return 74
                }
            }
        }
        return 0
    }
}
