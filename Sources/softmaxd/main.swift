import Glibc
import HTTPServer
import SoftmaxService

/// Writes a text to a standard stream.
func write(_ text: String, to descriptor: Int32) {
    Descriptors.write(Array(text.utf8), to: descriptor)
}

/// Tells whoever runs the program, which goes on.
func warn(_ message: String) {
    write("softmaxd: warning: \(message)\n", to: STDERR_FILENO)
}

/// Says why and ends the process with that status of sysexits(3).
func fail(_ message: String, status: Int32) -> Never {
    write("softmaxd: \(message)\n", to: STDERR_FILENO)
    exit(status)
}

Descriptors.reserveStandardStreams()
let command: Command
do throws(ConfigurationError) {
    command = try Command(
        Array(CommandLine.arguments.dropFirst()), environment: processEnvironment(),
        served: Healthcheck.flagsOfProcess1, warn: warn)
} catch {
    fail(error.message, status: 64)
}

switch command {
case .print(let text):
    if !Descriptors.write(Array(text.utf8), to: STDOUT_FILENO) { fail(OfflineCommand.outputFailure(errno), status: 74) }
case .compute(let operation, let file, let configuration):
    exit(OfflineCommand.run(operation, file: file, configuration))
case .healthcheck(let configuration):
    if !Healthcheck.passes(configuration.server) { fail("/livez does not answer", status: 1) }
case .serve(let configuration):
    HeapKeeping.configureProcess()
    let serving = Serving(configuration)
    do throws(HTTPServerError) {
        try serving.runUntilSignalled {
            for warning in serving.warnings { warn(warning) }
            let addresses = serving.addresses.joined(separator: " and ")
            write("softmaxd \(Version.current) listens on \(addresses)\n", to: STDERR_FILENO)
        }
    } catch {
        fail("\(error)", status: 71)
    }
}
