import TensorJSON

/// What a command line asks for.
package enum Command: Sendable {
    /// Serve.
    case serve(ServiceConfiguration)
    /// Answer one request from a file, or from standard input where there is none.
    case compute(NativeOperation, file: String?, ServiceConfiguration)
    /// Ask a running service whether it lives.
    case healthcheck(ServiceConfiguration)
    /// Print that text and stop.
    case print(String)

    /// Reads a command line (without the program's name) and an environment.
    ///
    /// - Parameters:
    ///   - served: the flags of the service that `healthcheck` is about, where it runs beside it in a container.
    ///   - warn: is told of variables that are no setting.
    package init(
        _ arguments: [String], environment: [String: String], served: () -> [String] = { [] },
        warn: (String) -> Void = { _ in }
    ) throws(ConfigurationError) {
        if arguments.contains("--help") || arguments.contains("-h") || arguments.first == "help" {
            self = .print(Self.help)
            return
        }
        if arguments.contains("--version") || arguments.first == "version" {
            self = .print("softmaxd \(Version.current)\n")
            return
        }
        var flags = arguments
        let isPrinting = flags.contains("--print-config")
        flags.removeAll { $0 == "--print-config" }
        let place = Self.placeOfName(in: flags)
        let name = place.map { flags.remove(at: $0) }
        var file: String?
        let operation = name.flatMap { NativeOperation(rawValue: $0) }
        if operation != nil, let place = Self.placeOfName(in: flags) { file = flags.remove(at: place) }
        // Its own flags come last, and win.
        if name == "healthcheck" { flags = served() + flags }
        let configuration = try ServiceConfiguration(flags: flags, environment: environment, warn: warn)
        switch (name, operation) {
        case _ where isPrinting: self = .print(configuration.printed)
        case (_, let operation?): self = .compute(operation, file: file == "-" ? nil : file, configuration)
        case (nil, _), ("serve", _): self = .serve(configuration)
        case ("healthcheck", _): self = .healthcheck(configuration)
        case (let name?, _):
            let known = NativeOperation.allCases.map(\.rawValue) + ["serve", "healthcheck", "version", "help"]
            let hint = closestName(to: name, among: known).map { "; the closest one is \($0)" } ?? ""
            throw ConfigurationError("\(name) is not a command\(hint); see --help")
        }
    }

    /// Where the first argument is that is neither an option nor an option's value; `-` is a file.
    private static func placeOfName(in arguments: [String]) -> Int? {
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            guard argument.hasPrefix("-"), argument != "-" else { return index }
            index += argument.contains("=") ? 1 : 2
        }
        return nil
    }

    /// The flags in a process's command line as proc(5) has it, each argument ended by a zero; none where it does not serve.
    package static func servedFlags(commandLine: [UInt8]) -> [String] {
        var arguments = commandLine.split(separator: 0, omittingEmptySubsequences: false).dropFirst().map {
            String(decoding: $0, as: UTF8.self)
        }
        if arguments.last == "" { arguments.removeLast() }
        if let place = placeOfName(in: arguments) {
            guard arguments[place] == "serve" else { return [] }
            arguments.remove(at: place)
        }
        return arguments
    }

    /// The text of `--help`.
    package static var help: String {
        let width = ConfigurationOption.all.map(\.flag.count).max() ?? 0
        let options = ConfigurationOption.all.map { option in
            let padding = String(repeating: " ", count: width - option.flag.count)
            return "  \(option.flag)\(padding)  \(option.help) [\(option.get(ServiceConfiguration()))]\n"
        }
        return """
            softmaxd \(Version.current): softmax and its derivatives over HTTP

            usage:
              softmaxd [serve] [OPTION VALUE]...       serve until SIGTERM or SIGINT
              softmaxd softmax|jacobian|vjp|jvp [FILE] answer the request in FILE, or on standard input
              softmaxd healthcheck                     exit 0 if the service answers /livez; its --host and --port
                                                       are those of process 1, where that is softmaxd too
              softmaxd --print-config                  print every setting in force
              softmaxd --version | --help

            Each option has an environment variable: --max-body is SOFTMAXD_MAX_BODY. A flag wins over it.

            options [default]:

            """ + options.joined()
    }
}
