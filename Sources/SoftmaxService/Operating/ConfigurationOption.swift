import HTTPServer
import TensorJSON

/// One setting: its flag, its help, and how its value is parsed and shown.
///
/// `--help` and `--print-config` list ``all``; a test compares the table in the README with it.
package struct ConfigurationOption: Sendable {
    /// `--name`.
    package let flag: String
    /// The unit and meaning of the value; for a limit also what happens beyond it.
    package let help: String
    /// The value in a configuration, as text that ``set`` can parse.
    package let get: @Sendable (ServiceConfiguration) -> String
    /// The words that the value is one of; empty where it is something else.
    var choices: [String] = []
    /// Whether the default is a number for each processor.
    var isPerProcessor = false
    /// Parses a value.
    ///
    /// - Throws: why it is refused, worded to follow the name of the setting.
    let set: @Sendable (inout ServiceConfiguration, String) throws(ConfigurationError) -> Void

    /// `SOFTMAXD_NAME`.
    package var environment: String {
        "SOFTMAXD_" + String(flag.dropFirst(2).map { $0 == "-" ? "_" : $0 }).uppercased()
    }

    private static func integer<Value: FixedWidthInteger & Sendable>(
        _ flag: String, _ path: any WritableKeyPath<ServiceConfiguration, Value> & Sendable,
        _ range: ClosedRange<Value>, isPerProcessor: Bool = false,
        _ help: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            flag: flag, help: help,
            get: { "\($0[keyPath: path])" }, isPerProcessor: isPerProcessor,
            set: { configuration, text throws(ConfigurationError) in
                guard text.isDecimalDigits, let value = Value(text), range.contains(value) else {
                    throw .mustBe("an integer from \(range.lowerBound) to \(range.upperBound), in digits", not: text)
                }
                configuration[keyPath: path] = value
            })
    }

    /// A size in bytes (``ByteSize``).
    private static func size(
        _ flag: String, _ path: any WritableKeyPath<ServiceConfiguration, Int> & Sendable, _ range: ClosedRange<Int>,
        _ help: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            flag: flag, help: help,
            get: { ByteSize.text($0[keyPath: path]) },
            set: { configuration, text throws(ConfigurationError) in
                guard let value = ByteSize.bytes(text), range.contains(value) else {
                    let (least, most) = (ByteSize.text(range.lowerBound), ByteSize.text(range.upperBound))
                    throw .mustBe("a size from \(least) to \(most), such as 65536, 64k or 64KiB", not: text)
                }
                configuration[keyPath: path] = value
            })
    }

    /// A duration, to the millisecond (``TimeSpan``).
    ///
    /// - Parameter zero: whether 0 is allowed. As a deadline it would have passed at once and close every connection.
    private static func duration(
        _ flag: String, _ path: any WritableKeyPath<ServiceConfiguration, Duration> & Sendable, zero: Bool = false,
        _ help: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            flag: flag, help: help,
            get: { TimeSpan.text(Int(clamping: $0[keyPath: path].nanoseconds / 1_000_000)) },
            set: { configuration, text throws(ConfigurationError) in
                guard let value = TimeSpan.milliseconds(text), value >= (zero ? 0 : 1) else {
                    throw .mustBe("a duration from \(zero ? "0" : "1ms") to 24h, such as 10s, 500ms or 2.5", not: text)
                }
                configuration[keyPath: path] = .milliseconds(value)
            })
    }

    /// One of a few words.
    private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ flag: String, _ path: any WritableKeyPath<ServiceConfiguration, Value> & Sendable, _ help: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            flag: flag, help: help,
            get: { $0[keyPath: path].rawValue }, choices: Value.allCases.map(\.rawValue),
            set: { configuration, text throws(ConfigurationError) in
                guard let value = Value(rawValue: text) else {
                    let words = Value.allCases.map(\.rawValue)
                    throw .mustBe(words.dropLast().joined(separator: ", ") + " or " + (words.last ?? ""), not: text)
                }
                configuration[keyPath: path] = value
            })
    }

    /// The items of a comma-separated list, without spaces and tabs around them; empty items are left out.
    private static func items(of text: String) -> [String] {
        func isText(_ character: Character) -> Bool { character != " " && character != "\t" }
        return text.split(separator: ",").compactMap { item in
            guard let first = item.firstIndex(where: isText), let last = item.lastIndex(where: isText)
            else { return nil }
            return String(item[first...last])
        }
    }

    /// Every setting, in the order of `--help`.
    package static let all: [ConfigurationOption] = [
        ConfigurationOption(
            flag: "--host",
            help: "name or address to listen at, at every address that a name stands for; or unix: and a path",
            get: { $0.server.host },
            set: { configuration, text throws(ConfigurationError) in
                let isPath = text.hasPrefix("unix:")
                let isHost = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
                guard isPath ? text.utf8.count > 5 : isHost else {
                    throw .mustBe("an address such as 127.0.0.1 or ::1, a name, or unix:/run/softmaxd.sock", not: text)
                }
                configuration.server.host = text
            }),
        integer("--port", \.server.port, 0...65535, "TCP port; 0 takes any free one"),
        integer("--loops", \.server.loops, 1...64, isPerProcessor: true, "event loops, a thread each"),
        integer(
            "--compute-threads", \.server.computeThreads, 1...256, isPerProcessor: true,
            "threads that compute large requests, all of them together"),
        choice(
            "--compute-priority", \.server.computePriority,
            "when those threads run: where no other thread wants to (idle), at nice 10 (low) or nice 2 (normal)"
        ),
        integer(
            "--max-connections", \.server.maxConnections, 1...1_000_000,
            "connections served at once; above it the one idle longest is closed; where none is, only probes are answered"
        ),
        integer(
            "--reserved-connections", \.server.reservedConnections, 0...1024,
            "connections above that for probes; other requests on them get 503"),
        integer("--backlog", \.server.backlog, 1...65535, "connections the kernel holds for each loop"),
        size("--max-request-line", \.server.limits.requestLine, 64...65536, "bytes of the request line, else 414"),
        size("--max-field-bytes", \.server.limits.fieldSection, 256...65536, "bytes of all fields, else 431"),
        integer("--max-fields", \.server.limits.fieldCount, 1...10_000, "field lines, else 431"),
        size("--max-body", \.server.limits.body, 1...1_073_741_824, "bytes of the body, else 413"),
        size(
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
        size(
            "--body-memory", \.server.bodyMemory, 0...1_099_511_627_776,
            "bytes of all unfinished bodies beyond 64 KiB a connection, else 503"),
        duration("--head-deadline", \.server.headDeadline, "time for the head, else 408"),
        duration(
            "--body-deadline", \.server.bodyDeadline,
            "time ahead of that rate that a body can be, and may pause, else 408"),
        size(
            "--min-rate", \.server.minimumRate, 1...1 << 30,
            "bytes a second: of a body, else 408; of a reply that waits for its reader, else closed"),
        duration("--idle-deadline", \.server.idleDeadline, "time between requests, then closed"),
        duration(
            "--write-deadline", \.server.writeDeadline,
            "time in which a reply that waits must be read at that rate, then closed"),
        duration("--request-deadline", \.server.requestDeadline, "time to begin a large reply, else 503"),
        duration("--drain-delay", \.server.drainDelay, zero: true, "time from SIGTERM until connections are refused"),
        duration("--drain-deadline", \.server.drainDeadline, zero: true, "time to finish after that, then cut"),
        choice(
            "--access-log", \.accessLog,
            "a line of JSON for each request on standard output: on, requests (none for probes) or off"),
        ConfigurationOption(
            flag: "--trusted-proxies",
            help: "addresses or CIDR blocks, separated by commas, whose X-Forwarded-For or Forwarded names the client; "
                + "unix for peers at a Unix domain socket",
            get: {
                let proxies = $0.server.trustedProxies
                let items = proxies.blocks.map(\.description) + (proxies.trustsUnixSockets ? ["unix"] : [])
                return items.joined(separator: ",")
            },
            set: { configuration, text throws(ConfigurationError) in
                var proxies = TrustedProxies()
                for item in items(of: text) {
                    if item == "unix" {
                        proxies.trustsUnixSockets = true
                    } else if let block = AddressBlock(item) {
                        proxies.blocks.append(block)
                    } else {
                        throw .mustBe("addresses or CIDR blocks such as 10.0.0.0/8 or fd00::/8, or unix", not: item)
                    }
                }
                configuration.server.trustedProxies = proxies
            }),
        ConfigurationOption(
            flag: "--cors-origins", help: "origins whose pages may read replies, separated by commas; * for all",
            get: { $0.corsOrigins.joined(separator: ",") },
            set: { configuration, text throws(ConfigurationError) in
                configuration.corsOrigins = try items(of: text).map { item throws(ConfigurationError) in
                    try Origin.validated(item)
                }
            }),
    ]
}

extension ConfigurationError {
    /// A value outside the range of its setting.
    fileprivate static func mustBe(_ range: String, not text: String) -> ConfigurationError {
        ConfigurationError("must be \(range), not \"\(text)\"")
    }
}

extension StringProtocol {
    /// Whether the text is one or more ASCII digits: no sign, `0x`, exponent or other script's digits.
    var isDecimalDigits: Bool { !isEmpty && utf8.allSatisfy { $0.decimalValue != nil } }
}
