import TensorJSON

/// A parsed command line.
package enum Command: Sendable {
    /// Serve until SIGTERM or SIGINT.
    case serve(ServiceConfiguration)
    /// Answer one request from a file, or from standard input if `file` is `nil`; errors are JSON even on a terminal if
    /// `isJSON`.
    case compute(SoftmaxOperation, file: String?, isJSON: Bool, ServiceConfiguration)
    /// Check that a running service answers `/livez`.
    case healthcheck(ServiceConfiguration)
    /// Print a text and exit.
    case print(String)

    /// Parses a command line (without the program's name) and an environment.
    ///
    /// - Parameters:
    ///   - serviceFlags: returns the flags of the service that `healthcheck` checks.
    ///   - warn: receives a warning for each unknown variable.
    package init(
        _ arguments: [String], environment: [String: String], serviceFlags: () -> [String] = { [] },
        warn: (String) -> Void = { _ in }
    ) throws(ConfigurationError) {
        if arguments.contains("--help") || arguments.contains("-h") || arguments.first == "help" {
            self = .print(CommandReference.help)
            return
        }
        if arguments.contains("--version") || arguments.first == "version" {
            self = .print("softmaxd \(Version.current)\n")
            return
        }
        var flags = arguments
        let isPrinting = flags.contains("--print-config")
        flags.removeAll { $0 == "--print-config" }
        let name = Self.removePositional(from: &flags)
        let operation = name.flatMap { SoftmaxOperation(rawValue: $0) }
        let isJSON = operation != nil && flags.contains("--json")
        if isJSON { flags.removeAll { $0 == "--json" } }
        let file = operation == nil ? nil : Self.removePositional(from: &flags)
        if name == "completions" {
            let word = Self.removePositional(from: &flags)
            guard let shell = word.flatMap(CommandReference.Shell.init), flags.isEmpty else {
                throw ConfigurationError("completions are for bash, zsh or fish: softmaxd completions bash")
            }
            self = .print(CommandReference.completions(for: shell))
            return
        }
        // The last of repeated flags wins: those of the health check itself.
        if name == "healthcheck" { flags = serviceFlags() + flags }
        let configuration = try ServiceConfiguration(flags: flags, environment: environment, warn: warn)
        switch (name, operation) {
        case _ where isPrinting: self = .print(configuration.printed)
        case (_, let operation?):
            self = .compute(operation, file: file == "-" ? nil : file, isJSON: isJSON, configuration)
        case (nil, _), ("serve", _): self = .serve(configuration)
        case ("man", _): self = .print(CommandReference.manual)
        case ("healthcheck", _): self = .healthcheck(configuration)
        case (let name?, _):
            let hint =
                closestName(to: name, among: CommandReference.commands.map(\.name)).map { "; the closest one is \($0)" }
                ?? ""
            throw ConfigurationError("\(name) is not a command\(hint); see --help")
        }
    }

    /// Removes the first argument that is neither a flag nor a flag's value; `-` is such an argument.
    private static func removePositional(from arguments: inout [String]) -> String? {
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            guard argument.hasPrefix("-"), argument != "-" else { return arguments.remove(at: index) }
            index += argument.contains("=") ? 1 : 2
        }
        return nil
    }

    /// The flags in the command line of a service, its arguments NUL-terminated (proc(5)); empty for another command.
    package static func serviceFlags(commandLine: [UInt8]) -> [String] {
        var arguments = commandLine.split(separator: 0, omittingEmptySubsequences: false).dropFirst().map {
            String(decoding: $0, as: UTF8.self)
        }
        if arguments.last == "" { arguments.removeLast() }
        let name = removePositional(from: &arguments) ?? "serve"
        return name == "serve" ? arguments : []
    }
}
