import Glibc
import HTTPServer
import SoftmaxService

/// Writes a text to a standard stream.
func write(_ text: String, to descriptor: Int32) {
    Descriptors.write(Array(text.utf8), to: descriptor)
}

/// Says why and ends the process with that status of sysexits(3).
func fail(_ message: String, status: Int32) -> Never {
    write("softmaxd: \(message)\n", to: STDERR_FILENO)
    exit(status)
}

let command: Command
do throws(ConfigurationError) {
    command = try Command(Array(CommandLine.arguments.dropFirst()), environment: processEnvironment())
} catch {
    fail(error.message, status: 64)
}

switch command {
case .print(let text):
    write(text, to: STDOUT_FILENO)
case .compute(let operation, let file, let configuration):
    exit(OfflineCommand.run(operation, file: file, configuration))
case .healthcheck(let configuration):
    if !Healthcheck.passes(configuration.server) { fail("/livez does not answer", status: 1) }
case .serve(let configuration):
    HeapKeeping.configureProcess()
    let serving = Serving(configuration)
    do throws(HTTPServerError) {
        try serving.runUntilSignalled { port in
            write("softmaxd \(Version.current) listens on \(configuration.server.host):\(port)\n", to: STDERR_FILENO)
        }
    } catch {
        fail("\(error)", status: 71)
    }
}
