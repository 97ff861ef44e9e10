import SoftmaxService

/// Writes a warning to standard error.
func warn(_ message: String) {
    Descriptors.writeDiagnostic("softmaxd: warning: \(message)\n")
}

/// Writes a message to standard error and ends the process with an exit status of sysexits(3).
func fail(_ message: String, status: Int32) -> Never {
    Descriptors.writeDiagnostic("softmaxd: \(message)\n")
    ThisProcess.exit(status: status)
}

Descriptors.reserveStandardStreams()
let environment = ThisProcess.environment
let command: Command
let sockets: [Int32]
do throws(ConfigurationError) {
    command = try Command(
        Array(CommandLine.arguments.dropFirst()), environment: environment, serviceFlags: Healthcheck.flagsOfProcess1,
        warn: warn)
    sockets = try ServiceManager.sockets(environment)
} catch {
    fail(error.message, status: 64)
}

switch command {
case .print(let text):
    if !Descriptors.write(Array(text.utf8), to: Descriptors.output) { fail(OfflineCommand.outputFailure, status: 74) }
case .compute(let operation, let file, let isJSON, let configuration):
    ThisProcess.exit(status: OfflineCommand.run(operation, file: file, isJSON: isJSON, configuration))
case .healthcheck(let configuration):
    if !Healthcheck.passes(configuration.server) { fail("/livez does not answer", status: 1) }
case .serve(let configuration):
    HeapKeeping.configureProcess()
    let serving = Serving(configuration, sockets: sockets)
    do {
        try serving.runUntilSignalled {
            for warning in serving.warnings { warn(warning) }
            let status = "listens on \(serving.addresses.joined(separator: " and "))"
            Descriptors.writeDiagnostic("softmaxd \(Version.current) \(status)\n")
            ServiceManager.notify(.ready, status: status, environment)
        } stopping: {
            ServiceManager.notify(.stopping, status: "finishes the requests in flight", environment)
        }
    } catch {
        fail("\(error)", status: 71)
    }
}
