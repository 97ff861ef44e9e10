import HTTPServer
import TensorJSON

/// One setting: its names, what it means, how it is read and shown.
///
/// `--help`, `--print-config` and the table in the README all come from ``all``.
package struct ConfigurationOption: Sendable {
    /// `--name`.
    package let flag: String
    /// Unit, meaning and what a client sees where it is a limit.
    package let help: String
    /// The values it takes, in words.
    package let range: String
    /// The value in force, as text that ``set`` reads.
    package let get: @Sendable (ServiceConfiguration) -> String
    /// Reads a value; `false` where it is not one.
    let set: @Sendable (inout ServiceConfiguration, String) -> Bool

    /// `SOFTMAXD_NAME`.
    package var environment: String {
        "SOFTMAXD_"
            + String(flag.dropFirst(2).map { $0 == "-" ? "_" : $0 }).uppercased()
    }

    private static func integer<Value: FixedWidthInteger & Sendable>(
        _ flag: String, _ path: any WritableKeyPath<ServiceConfiguration, Value> & Sendable,
        _ range: ClosedRange<Value>,
        _ help: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            flag: flag, help: help, range: "an integer from \(range.lowerBound) to \(range.upperBound)",
            get: { "\($0[keyPath: path])" },
            set: { configuration, text in
                guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                    let value = Value(text), range.contains(value)
                else { return false }
                configuration[keyPath: path] = value
                return true
            })
    }

    private static func seconds(
        _ flag: String, _ path: any WritableKeyPath<ServiceConfiguration, Duration> & Sendable, _ help: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            flag: flag, help: help, range: "a number of seconds from 0 to 86400",
            get: { configuration in
                let (seconds, attoseconds) = configuration[keyPath: path].components
                let value = Double(seconds) + Double(attoseconds) * 1e-18
                return value == value.rounded() ? "\(seconds)" : "\(value)"
            },
            set: { configuration, text in
                guard let value = Double(text), value >= 0, value <= 86400 else { return false }
                configuration[keyPath: path] = .milliseconds(Int((value * 1000).rounded()))
                return true
            })
    }

    /// Every setting, in the order of `--help`.
    package static let all: [ConfigurationOption] = [
        ConfigurationOption(
            flag: "--host", help: "address to listen on", range: "an address or a name", get: { $0.server.host },
            set: { configuration, text in
                configuration.server.host = text
                return !text.isEmpty
            }),
        integer("--port", \.server.port, 0...65535, "TCP port; 0 takes any free one"),
        integer("--loops", \.server.loops, 1...64, "event loops, a thread each"),
        integer("--compute-threads", \.computeThreads, 1...256, "threads that compute large requests"),
        integer(
            "--max-connections", \.server.maxConnections, 1...1_000_000,
            "connections served at once; above it the one idle longest is closed; where none is, only probes are answered"
        ),
        integer(
            "--reserved-connections", \.server.reservedConnections, 0...1024,
            "connections above that for probes; other requests on them get 503"),
        integer("--backlog", \.server.backlog, 1...65535, "connections the kernel holds for each loop"),
        integer("--max-request-line", \.server.limits.requestLine, 64...65536, "bytes of the request line, else 414"),
        integer("--max-field-bytes", \.server.limits.fieldSection, 256...65536, "bytes of all fields, else 431"),
        integer("--max-fields", \.server.limits.fieldCount, 1...10_000, "field lines, else 431"),
        integer("--max-body", \.server.limits.body, 1...1_073_741_824, "bytes of the body, else 413"),
        integer(
            "--max-framing", \.server.limits.framing, 64...1_048_576,
            "bytes of chunk extensions, zeros before sizes and trailers beyond one in 16 of the body, else 400"),
        integer(
            "--max-streams", \.server.limits.streams, 1...1000,
            "HTTP/2 requests at once on a connection, else refused"),
        integer("--max-depth", \.limits.tensor.depth, 1...64, "arrays nested in each other, else 400"),
        integer("--max-numbers", \.limits.tensor.elements, 1...536_870_912, "numbers in one tensor, else 413"),
        integer(
            "--max-reply-numbers", \.limits.replyNumbers, 1...1_099_511_627_776, "numbers in the reply, else 413"),
        integer(
            "--work-budget", \.server.workBudget, 1...1_099_511_627_776,
            "numbers in and out of all large requests at once, else 503"),
        integer(
            "--body-memory", \.server.bodyMemory, 0...1_099_511_627_776,
            "bytes of all unfinished bodies beyond 64 KiB a connection, else 503"),
        seconds("--head-deadline", \.server.headDeadline, "seconds for the head, else 408"),
        seconds(
            "--body-deadline", \.server.bodyDeadline,
            "seconds ahead of that rate that a body can be, and may pause, else 408"),
        integer(
            "--min-rate", \.server.minimumRate, 1...1_000_000_000,
            "bytes a second: of a body, else 408; of a reply that waits for its reader, else closed"),
        seconds("--idle-deadline", \.server.idleDeadline, "seconds between requests, then closed"),
        seconds(
            "--write-deadline", \.server.writeDeadline,
            "seconds in which a reply that waits must be read at that rate, then closed"),
        seconds("--request-deadline", \.server.requestDeadline, "seconds to begin a large reply, else 503"),
        seconds("--drain-delay", \.server.drainDelay, "seconds from SIGTERM until connections are refused"),
        seconds("--drain-deadline", \.server.drainDeadline, "seconds to finish after that, then cut"),
        ConfigurationOption(
            flag: "--access-log", help: "a line of JSON for each request on standard output", range: "on or off",
            get: { $0.accessLog ? "on" : "off" },
            set: { configuration, text in
                guard text == "on" || text == "off" else { return false }
                configuration.accessLog = text == "on"
                return true
            }),
        ConfigurationOption(
            flag: "--cors-origins", help: "origins whose pages may read replies, separated by commas; * for all",
            range: "origins such as https://example.org, or *", get: { $0.corsOrigins.joined(separator: ",") },
            set: { configuration, text in
                let origins = text.split(separator: ",").map(String.init)
                let areOrigins = origins.allSatisfy { origin in
                    origin == "*" || (origin.contains("://") && origin.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
                }
                configuration.corsOrigins = origins
                return areOrigins
            }),
    ]
}
