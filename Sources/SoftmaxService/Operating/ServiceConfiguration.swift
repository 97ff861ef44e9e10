package import HTTPServer
import TensorJSON

/// All settings; ``ConfigurationOption/all`` lists them with their flags.
package struct ServiceConfiguration: Sendable {
    /// The HTTP server's address, limits and deadlines.
    package var server = HTTPServerConfiguration()
    /// Limits on a request's tensors and on its reply.
    package var limits = ServiceLimits()
    /// Which requests are logged.
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

    /// The defaults, overridden by environment variables, which are overridden by flags.
    ///
    /// - Parameters:
    ///   - flags: any number of `--name value` or `--name=value`.
    ///   - environment: variables by name. Those without the prefix `SOFTMAXD_` and those that Kubernetes sets are
    ///     ignored.
    ///   - warn: receives a warning for each unknown variable with that prefix.
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
                // A warning and not an error: in a cluster, others may set variables with this prefix.
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

    /// Whether Kubernetes has set a variable for a Service.
    ///
    /// Every container gets such variables, named like Docker's links, for each Service of its namespace. Those of a
    /// Service `softmaxd` or `softmaxd-canary` have the prefix of settings. For a Service `NAME` they are
    /// `NAME_SERVICE_HOST`, `NAME_SERVICE_PORT` and `NAME_SERVICE_PORT_…`, `NAME_PORT` with a value such as
    /// `tcp://10.0.0.1:8080`, and `NAME_PORT_<digits>_TCP` with `…_PROTO`, `…_PORT` and `…_ADDR`.
    private static func isServiceLink(_ name: String, _ value: String) -> Bool {
        let parts = name.split(separator: "_", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated().dropFirst() {
            let rest = parts[(index + 1)...]
            switch part {
            case "SERVICE":
                if rest == ["HOST"] || rest.first == "PORT" { return true }
            case "PORT":
                if rest.isEmpty { return protocols.contains { value.hasPrefix($0.lowercased() + "://") } }
                let isNumber = rest.first?.isDecimalDigits ?? false
                if isNumber, let name = rest.dropFirst().first, protocols.contains(String(name)) { return true }
            default: break
            }
        }
        return false
    }

    /// The protocols of a Service's ports.
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

    /// A line `VARIABLE=value` for each setting.
    package var printed: String {
        ConfigurationOption.all.map { "\($0.environment)=\($0.get(self))\n" }.joined()
    }
}

/// Which requests are logged.
package enum AccessLogScope: String, Sendable, CaseIterable {
    /// All of them.
    case on
    /// All but probes, which orchestrators and scrapers send every few seconds.
    case requests
    /// None.
    case off
}

/// A flag or variable that is refused.
package struct ConfigurationError: Error, Equatable {
    /// Why it is refused, with its name.
    package var message: String
    init(_ message: String) { self.message = message }
}
