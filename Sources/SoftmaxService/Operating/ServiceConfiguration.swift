import Glibc
package import HTTPServer

/// Everything that can be set, by flag or by environment variable; a flag wins.
///
/// See ``ConfigurationOption/all``.
package struct ServiceConfiguration: Sendable {
    /// The server: where it listens, how much it takes on, how long it waits.
    package var server = HTTPServerConfiguration()
    /// What one request may ask of the arithmetic.
    package var limits = ServiceLimits()
    /// Whether each request is logged as a line of JSON on standard output.
    package var accessLog = true
    /// Origins whose pages may read replies (CORS); `*` for all.
    ///
    /// Default none.
    package var corsOrigins: [String] = []

    /// The defaults.
    package init() {}

    /// The defaults, overridden by the environment, then by the flags.
    ///
    /// - Parameters:
    ///   - flags: `--name value` or `--name=value`, in any number.
    ///   - environment: variables by name; only those that begin with `SOFTMAXD_` are looked at, and of these not the
    ///     ones that Kubernetes makes.
    package init(flags: [String], environment: [String: String]) throws(ConfigurationError) {
        self.init()
        for name in environment.keys.sorted() where name.hasPrefix("SOFTMAXD_") {
            if Self.isServiceLink(name, environment[name] ?? "") { continue }
            guard let option = ConfigurationOption.all.first(where: { $0.environment == name }) else {
                throw ConfigurationError("\(name) is not a variable this program knows; see --help")
            }
            try set(option, environment[name] ?? "", from: name)
        }
        var rest = flags[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let option = ConfigurationOption.all.first(where: { $0.flag == parts[0] }) else {
                throw ConfigurationError("\(argument) is not an option; see --help")
            }
            if parts.count == 2 {
                try set(option, String(parts[1]), from: option.flag)
            } else {
                guard let value = rest.popFirst() else { throw ConfigurationError("\(option.flag) needs a value") }
                try set(option, value, from: option.flag)
            }
        }
    }

    /// Whether Kubernetes made that variable: every container finds each Service of its namespace in its environment,
    /// in the spelling of Docker's links, so one named `softmaxd` looks like settings.
    ///
    /// They are `SOFTMAXD_SERVICE_…`, `SOFTMAXD_PORT_<digits>_…`, and `SOFTMAXD_PORT`, a setting too, with a value such
    /// as `tcp://10.0.0.1:8080`.
    private static func isServiceLink(_ name: String, _ value: String) -> Bool {
        if name == "SOFTMAXD_PORT" { return value.hasPrefix("tcp://") }
        if name.hasPrefix("SOFTMAXD_SERVICE_") { return true }
        guard name.hasPrefix("SOFTMAXD_PORT_") else { return false }
        let rest = name.utf8.dropFirst("SOFTMAXD_PORT_".utf8.count)
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return !digits.isEmpty && rest.dropFirst(digits.count).first == UInt8(ascii: "_")
    }

    private mutating func set(
        _ option: ConfigurationOption, _ text: String, from source: String
    ) throws(ConfigurationError) {
        guard option.set(&self, text) else {
            throw ConfigurationError("\(source) must be \(option.range), not \"\(text)\"")
        }
    }

    /// One `name = value` line an option, in the spelling of the environment.
    package var printed: String {
        ConfigurationOption.all.map { "\($0.environment)=\($0.get(self))\n" }.joined()
    }
}

/// A setting that cannot be used.
package struct ConfigurationError: Error, Equatable {
    /// What is wrong, with the name of the flag or variable.
    package var message: String
    init(_ message: String) { self.message = message }
}

/// The process's environment.
///
/// This file is the only one that reads it.
package func processEnvironment() -> [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    while let line = entry.pointee {
        let text = String(cString: line)
        if let equals = text.firstIndex(of: "=") {
            variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        entry += 1
    }
    return variables
}
