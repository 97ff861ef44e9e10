package import HTTPServer
import TensorJSON

/// Everything that can be set, by flag or by environment variable; a flag wins.
///
/// See ``ConfigurationOption/all``.
package struct ServiceConfiguration: Sendable {
    /// The server: where it listens, how much it takes on, how long it waits.
    package var server = HTTPServerConfiguration()
    /// What one request may ask of the arithmetic.
    package var limits = ServiceLimits()
    /// Which requests are logged, each as a line of JSON on standard output.
    package var accessLog = AccessLogScope.on
    /// Origins whose pages may read replies (CORS); `*` for all.
    ///
    /// Default none.
    package var corsOrigins: [String] = []

    /// The defaults.
    package init() {
        server.isProbe = OperationsRoutes.isProbe
        server.problemTypes = HTTPProblemKind.types
    }

    /// The defaults, overridden by the environment, then by the flags.
    ///
    /// - Parameters:
    ///   - flags: `--name value` or `--name=value`, in any number.
    ///   - environment: variables by name; only those that begin with `SOFTMAXD_` are looked at, and of these not the
    ///     ones that Kubernetes makes.
    ///   - warn: is told of variables of that prefix that are no setting.
    package init(
        flags: [String], environment: [String: String], warn: (String) -> Void = { _ in }
    ) throws(ConfigurationError) {
        self.init()
        for name in environment.keys.sorted() where name.hasPrefix(Self.prefix) {
            let value = environment[name] ?? ""
            if Self.isServiceLink(name, value) { continue }
            if let option = ConfigurationOption.all.first(where: { $0.environment == name }) {
                try set(option, value, from: name)
            } else {
                // Not an error: in a cluster variables of that prefix may come from elsewhere.
                let known = ConfigurationOption.all.map { String($0.environment.dropFirst(Self.prefix.count)) }
                let closest = closestName(to: String(name.dropFirst(Self.prefix.count)), among: known)
                let hint = closest.map { "; the closest known one is \(Self.prefix)\($0)" } ?? ""
                warn("\(name) is not a variable this program knows and is ignored\(hint)")
            }
        }
        var rest = flags[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let option = ConfigurationOption.all.first(where: { $0.flag == parts[0] }) else {
                let closest = closestName(to: String(parts[0]), among: ConfigurationOption.all.map(\.flag))
                let hint = closest.map { "; the closest one is \($0)" } ?? ""
                throw ConfigurationError("\(argument) is not an option\(hint); see --help")
            }
            if parts.count == 2 {
                try set(option, String(parts[1]), from: option.flag)
            } else {
                guard let value = rest.popFirst() else { throw ConfigurationError("\(option.flag) needs a value") }
                try set(option, value, from: option.flag)
            }
        }
    }

    private static let prefix = "SOFTMAXD_"

    /// Whether Kubernetes made that variable: every container finds each Service of its namespace in its environment,
    /// in the spelling of Docker's links, so those named `softmaxd`, `softmaxd-canary` and the like look like settings.
    ///
    /// For a Service `NAME` they are `NAME_SERVICE_HOST`, `NAME_SERVICE_PORT` and `NAME_SERVICE_PORT_…`, `NAME_PORT` with a
    /// value such as `tcp://10.0.0.1:8080`, and `NAME_PORT_<digits>_TCP` with `…_PROTO`, `…_PORT` and `…_ADDR`.
    private static func isServiceLink(_ name: String, _ value: String) -> Bool {
        let parts = name.split(separator: "_", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated().dropFirst() {
            let rest = parts[(index + 1)...]
            switch part {
            case "SERVICE":
                if rest == ["HOST"] || rest.first == "PORT" { return true }
            case "PORT":
                if rest.isEmpty { return protocols.contains { value.hasPrefix($0.lowercased() + "://") } }
                let digits = rest.first ?? ""
                let isNumber = !digits.isEmpty && digits.utf8.allSatisfy { $0.decimalValue != nil }
                if isNumber, let name = rest.dropFirst().first, protocols.contains(String(name)) { return true }
            default: break
            }
        }
        return false
    }

    /// Those that a Service's port may have.
    private static let protocols = ["TCP", "UDP", "SCTP"]

    private mutating func set(
        _ option: ConfigurationOption, _ text: String, from source: String
    ) throws(ConfigurationError) {
        do throws(ConfigurationError) {
            try option.set(&self, text)
        } catch {
            throw ConfigurationError("\(source) \(error.message)")
        }
    }

    /// One `name = value` line an option, in the spelling of the environment.
    package var printed: String {
        ConfigurationOption.all.map { "\($0.environment)=\($0.get(self))\n" }.joined()
    }
}

/// Which requests are logged.
package enum AccessLogScope: String, Sendable, CaseIterable {
    /// All of them.
    case on
    /// All but those for the probes' paths, which a scraper and an orchestrator send every few seconds.
    case requests
    /// None.
    case off
}

/// A setting that cannot be used.
package struct ConfigurationError: Error, Equatable {
    /// What is wrong, with the name of the flag or variable.
    package var message: String
    init(_ message: String) { self.message = message }
}
