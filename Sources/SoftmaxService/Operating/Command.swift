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
    package init(_ arguments: [String], environment: [String: String]) throws(ConfigurationError) {
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
        let name = flags.first.flatMap { $0.hasPrefix("-") ? nil : $0 }
        if name != nil { flags.removeFirst() }
        var file: String?
        let operation = name.flatMap { NativeOperation(rawValue: $0) }
        if operation != nil, let argument = flags.first, argument == "-" || !argument.hasPrefix("-") {
            file = flags.removeFirst()
        }
        let configuration = try ServiceConfiguration(flags: flags, environment: environment)
        switch (name, operation) {
        case _ where isPrinting: self = .print(configuration.printed)
        case (_, let operation?): self = .compute(operation, file: file == "-" ? nil : file, configuration)
        case (nil, _), ("serve", _): self = .serve(configuration)
        case ("healthcheck", _): self = .healthcheck(configuration)
        case (let name?, _): throw ConfigurationError("\(name) is not a command; see --help")
        }
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
              softmaxd healthcheck                     exit 0 if the service answers /livez
              softmaxd --print-config                  print every setting in force
              softmaxd --version | --help

            Each option has an environment variable: --max-body is SOFTMAXD_MAX_BODY. A flag wins over it.

            options [default]:

            """ + options.joined()
    }
}
