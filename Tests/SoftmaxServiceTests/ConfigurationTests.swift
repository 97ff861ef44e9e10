import Foundation
import HTTPServer
import TensorJSON
import Testing

@testable import SoftmaxService

@Suite struct ConfigurationTests {
    @Test func `every setting in force reads back from its own text, by flag and by environment`() throws {
        let defaults = ServiceConfiguration()
        for option in ConfigurationOption.all where !option.get(defaults).isEmpty {
            let text = option.get(defaults)
            let byFlag = try ServiceConfiguration(flags: [option.flag, text], environment: [:])
            let byVariable = try ServiceConfiguration(flags: [], environment: [option.environment: text])
            #expect(option.get(byFlag) == text)
            #expect(option.get(byVariable) == text)
        }
    }

    @Test func `all settings that are printed can be read back at once`() throws {
        let flags = ["--max-body=5MB", "--idle-deadline=2500ms", "--cors-origins=*", "--host=::1", "--body-memory=0"]
        let printed = try ServiceConfiguration(flags: flags, environment: [:]).printed
        let pairs = printed.split(separator: "\n").map { line -> (String, String) in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }
        let again = try ServiceConfiguration(flags: [], environment: Dictionary(uniqueKeysWithValues: pairs))
        #expect(again.printed == printed && pairs.count == ConfigurationOption.all.count)
    }

    @Test func `a flag wins over the environment, and both spellings of a flag work`() throws {
        let environment = ["SOFTMAXD_MAX_BODY": "5", "HOME": "/root"]
        #expect(try ServiceConfiguration(flags: [], environment: environment).server.limits.body == 5)
        #expect(try ServiceConfiguration(flags: ["--max-body=7"], environment: environment).server.limits.body == 7)
        #expect(try ServiceConfiguration(flags: ["--max-body", "8"], environment: environment).server.limits.body == 8)
    }

    @Test(arguments: [
        ["--port", "65536"], ["--port", "+80"], ["--port", "8 0"], ["--port"], ["--prot", "80"],
        ["--head-deadline", "-1"], ["--access-log", "yes"], ["--host", ""], ["--host", "a b"], ["--host", "unix:"],
        ["--cors-origins", "example.org"], ["--max-depth", "65"],
        ["--compute-threads", "0"], ["--compute-threads", "257"], ["--compute-threads", "+5"],
        ["--compute-threads", ""],
        ["--max-field-bytes", "65537"], ["--max-streams", "0"], ["--max-streams", "1001"],
    ])
    func `a setting that cannot be used is refused by name`(flags: [String]) {
        #expect(throws: ConfigurationError.self) { try ServiceConfiguration(flags: flags, environment: [:]) }
    }

    /// The text of the refusal of those flags.
    private func refusal(_ flags: String...) -> String? {
        do throws(ConfigurationError) {
            _ = try ServiceConfiguration(flags: flags, environment: [:])
            return nil
        } catch {
            return error.message
        }
    }

    @Test(arguments: ["head", "body", "idle", "write", "request"])
    func `a deadline of 0, which would close every connection, is refused`(name: String) throws {
        for text in ["0", "0.0", "0.0001", "00", "0ms", "0.4ms", "0h"] {
            let message = try #require(refusal("--\(name)-deadline", text))
            #expect(
                message
                    == "--\(name)-deadline must be a duration from 1ms to 24h, such as 10s, 500ms or 2.5, not \"\(text)\""
            )
        }
        #expect(refusal("--\(name)-deadline", "0.001") == nil)
    }

    @Test func `the delay and deadline of a drain may be 0`() {
        for flag in ["--drain-delay", "--drain-deadline"] { #expect(refusal(flag, "0") == nil) }
    }

    @Test(arguments: [
        "0x10", "1e1", "+1", "-1", "inf", "nan", "1.", ".5", "1,5", " 1", "1 ", "", "1.2.3", "86400.001", "１", "1 s",
        "1S",
        "s", "ms", ".s", "1sec", "1d", "24.1h", "1441m", "1m30s", "1.ms",
    ])
    func `a duration is refused unless it is decimal digits with an optional fraction and unit`(text: String) {
        for flag in ["--head-deadline", "--drain-delay"] { #expect(refusal(flag, text) != nil) }
    }

    @Test(arguments: [
        ("2.5", "2500ms"), ("0.3", "300ms"), ("1.1", "1100ms"), ("10", "10s"), ("86400", "86400s"), ("0.001", "1ms"),
        ("500ms", "500ms"), ("1500ms", "1500ms"), ("2000ms", "2s"), ("7s", "7s"), ("2m", "120s"), ("1.5min", "90s"),
        ("24h", "86400s"), ("0.5h", "1800s"), ("1.4ms", "1ms"),
    ])
    func `a duration has a unit or is seconds, and is shown as it can be set`(text: String, shown: String) throws {
        let configuration = try ServiceConfiguration(flags: ["--idle-deadline", text], environment: [:])
        #expect(configuration.printed.contains("\nSOFTMAXD_IDLE_DEADLINE=\(shown)\n"))
    }

    @Test(arguments: [
        ("1", 1, "1"), ("1023", 1023, "1023"), ("65536", 65536, "64KiB"), ("64k", 65536, "64KiB"),
        ("64K", 65536, "64KiB"), ("64KiB", 65536, "64KiB"), ("64kib", 65536, "64KiB"), ("64kB", 64000, "64000"),
        ("64KB", 64000, "64000"), ("16MiB", 16_777_216, "16MiB"), ("16m", 16_777_216, "16MiB"),
        ("5MB", 5_000_000, "5000000"), ("1g", 1 << 30, "1GiB"), ("512b", 512, "512"), ("1536k", 1_572_864, "1536KiB"),
    ])
    func `a size has a unit or is bytes, and is shown as it can be set`(text: String, bytes: Int, shown: String) throws
    {
        let configuration = try ServiceConfiguration(flags: ["--max-body", text], environment: [:])
        #expect(configuration.server.limits.body == bytes)
        #expect(configuration.printed.contains("\nSOFTMAXD_MAX_BODY=\(shown)\n"))
    }

    @Test(arguments: [
        "", "k", "MiB", "1.5M", "16 MiB", "1e6", "-1", "+1", "0x10", "1kk", "1kibi", "1x", "9999999999999999999",
        "9999999t",
        "2GiB", "0", "１k",
    ])
    func `a size is refused by name, with what is allowed`(text: String) {
        #expect(
            refusal("--max-body", text)
                == "--max-body must be a size from 1 to 1GiB, such as 65536, 64k or 64KiB, not \"\(text)\"")
    }

    @Test(arguments: ["0x10", "0b1", "1_0", "+5", "1.0", "１"])
    func `an integer is refused unless it is decimal digits`(text: String) {
        for option in ConfigurationOption.all where Int(option.get(ServiceConfiguration())) != nil {
            #expect(refusal(option.flag, text) != nil, "\(option.flag)")
        }
    }

    @Test(arguments: [
        ("SOFTMAXD_PROT", "PORT"), ("SOFTMAXD_MAXBODY", "MAX_BODY"), ("SOFTMAXD_LOOP", "LOOPS"),
        ("SOFTMAXD_METRICS_URL", nil),
        ("SOFTMAXD_", nil), ("SOFTMAXD_PORT_8080", nil), ("SOFTMAXD_SERVICE", nil), ("SOFTMAXD_HOSTS", "HOST"),
        ("SOFTMAXD_PORTS", "PORT"), ("SOFTMAXD_PORT_HTTP_TCP", nil),
    ])
    func `an unknown variable is a warning that names the closest setting`(name: String, closest: String?)
        throws
    {
        var warnings: [String] = []
        let configuration = try ServiceConfiguration(flags: [], environment: [name: "80", "PROT": "80"]) {
            warnings.append($0)
        }
        let hint = closest.map { "; the closest known one is SOFTMAXD_\($0)" } ?? ""
        #expect(warnings == ["\(name) is not a variable this program knows and is ignored\(hint)"])
        #expect(configuration.printed == ServiceConfiguration().printed)
    }

    @Test(arguments: ["SOFTMAXD", "SOFTMAXD_METRICS", "SOFTMAXD_CANARY", "SOFTMAXD_MAX_BODY"], ["tcp", "udp", "sctp"])
    func `the variables that Kubernetes sets for Services are ignored without a warning`(
        service: String, name: String
    ) throws {
        let links = [
            "_SERVICE_HOST": "10.0.0.1", "_SERVICE_PORT": "8080", "_SERVICE_PORT_HTTP": "8080",
            "_PORT": "\(name)://10.0.0.1:8080", "_PORT_8080_\(name.uppercased())": "\(name)://10.0.0.1:8080",
            "_PORT_8080_\(name.uppercased())_PROTO": name, "_PORT_8080_\(name.uppercased())_PORT": "8080",
            "_PORT_8080_\(name.uppercased())_ADDR": "10.0.0.1",
        ]
        let environment = Dictionary(uniqueKeysWithValues: links.map { (service + $0, $1) })
        let configuration = try ServiceConfiguration(flags: [], environment: environment) {
            Issue.record("\($0)")
        }
        #expect(configuration.printed == ServiceConfiguration().printed)
        let ours = environment.merging(["SOFTMAXD_PORT": "81"]) { $1 }
        #expect(try ServiceConfiguration(flags: [], environment: ours).server.port == 81)
    }

    @Test(arguments: [
        ("SOFTMAXD_PORT", "10.0.0.1:8080"), ("SOFTMAXD_MAX_BODY", "tcp://10.0.0.1:8080"), ("SOFTMAXD_PORT", ""),
    ])
    func `a setting with a Service's value or none is refused`(_ name: String, _ value: String) {
        #expect(throws: ConfigurationError.self) { try ServiceConfiguration(flags: [], environment: [name: value]) }
    }

    @Test(arguments: [
        ("https://a.example/", "https://a.example"), ("HTTPS://A.example", "https://a.example"),
        ("https://a.example:443", "https://a.example"), ("http://a.example:80/x?y#z", "http://a.example"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ])
    func `an origin that no browser sends is refused with its serialisation`(text: String, sent: String) {
        #expect(
            refusal("--cors-origins", text)
                == "--cors-origins holds \"\(text)\", which no browser sends: it would be \"\(sent)\"")
        #expect(refusal("--cors-origins", sent) == nil)
    }

    @Test(arguments: [
        "https://*.example.org", "https://", "example.org", "https:/a", "://a", "https://a b", "https://a@b",
        "https://a:",
        "https://a:65536", "https://a:08", "https://ä.example", "null", "https://[::1", "https://[]", "1http://a", "**",
        "https://a.example https://b.example",
    ])
    func `a text that is no origin is refused`(text: String) {
        #expect(refusal("--cors-origins", text) != nil)
    }

    @Test func `spaces and tabs around the commas between origins are ignored`() throws {
        let text = " https://a.example , http://localhost:3000,\thttps://b.example:8443,capacitor://localhost, "
        let configuration = try ServiceConfiguration(flags: ["--cors-origins", text], environment: [:])
        #expect(
            configuration.corsOrigins == [
                "https://a.example", "http://localhost:3000", "https://b.example:8443", "capacitor://localhost",
            ])
        #expect(try ServiceConfiguration(flags: ["--cors-origins", "*"], environment: [:]).corsOrigins == ["*"])
        #expect(try ServiceConfiguration(flags: ["--cors-origins", ""], environment: [:]).corsOrigins.isEmpty)
    }

    @Test func `trusted proxies are addresses and blocks`() throws {
        let configuration = try ServiceConfiguration(
            flags: ["--trusted-proxies", "10.0.0.0/8, 192.0.2.1,fd00::/8"], environment: [:])
        #expect(configuration.printed.contains("TRUSTED_PROXIES=10.0.0.0/8,192.0.2.1,fd00::/8\n"))
        let local = try ServiceConfiguration(flags: ["--trusted-proxies", "unix, 10.0.0.1"], environment: [:])
        #expect(local.server.trustedProxies.trustsUnixSockets)
        #expect(local.printed.contains("TRUSTED_PROXIES=10.0.0.1,unix\n"))
        for text in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "proxy", "10.0.0.0/-1", "fd00::/129", "10.0.0.0/8/8"] {
            #expect(refusal("--trusted-proxies", "127.0.0.1,\(text)")?.contains("\"\(text)\"") == true)
        }
    }

    @Test func `an unknown flag is refused with the closest known one`() {
        #expect(refusal("--prot", "80") == "--prot is not an option; the closest one is --port; see --help")
        #expect(refusal("--xyzzy-plugh", "80") == "--xyzzy-plugh is not an option; see --help")
    }

    @Test(arguments: [
        ["healthcheck", "--port", "81", "--host", "::1"], ["--port", "81", "healthcheck", "--host=::1"],
        ["--port=81", "--host", "::1", "healthcheck"],
    ])
    func `the health check uses its own flags, before or after its name`(arguments: [String]) throws {
        guard
            case .healthcheck(let configuration) = try Command(
                arguments, environment: ["SOFTMAXD_PORT": "82", "SOFTMAXD_MAX_BODY": "1"],
                serviceFlags: { ["--port", "83"] })
        else { throw ConfigurationError("misread") }
        #expect(configuration.server.port == 81 && configuration.server.host == "::1")
    }

    @Test func `without flags of its own the health check uses those of the service in its container`() throws {
        let line = Array("/usr/local/bin/softmaxd\0--port\0" + "9000\0--access-log=off\0serve\0")
        let served = Command.serviceFlags(commandLine: line.map { $0.utf8.first ?? 0 })
        #expect(served == ["--port", "9000", "--access-log=off"])
        guard
            case .healthcheck(let configuration) = try Command(
                ["healthcheck"], environment: ["SOFTMAXD_PORT": "82"], serviceFlags: { served })
        else { throw ConfigurationError("misread") }
        #expect(configuration.server.port == 9000)
        #expect(Command.serviceFlags(commandLine: Array("softmaxd\0softmax\0x\0".utf8)) == [])
        #expect(Command.serviceFlags(commandLine: []) == [])
    }

    @Test func `the table in the README is the list of settings`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let rows = readme.split(separator: "\n").filter { $0.hasPrefix("| `--") }
        #expect(rows.count == ConfigurationOption.all.count)
        for (row, option) in zip(rows, ConfigurationOption.all) {
            let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            let value = option.get(ServiceConfiguration())
            let shown = option.isPerProcessor ? "processors" : value.isEmpty ? "none" : value
            #expect(cells == ["`\(option.flag)`", shown, option.help])
        }
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `completions for a shell have every command, flag and choice`(shell: String) throws {
        guard case .print(let text) = try Command(["completions", shell], environment: [:]) else {
            throw ConfigurationError("misread")
        }
        for entry in CommandReference.commands { #expect(text.contains(entry.name)) }
        for option in ConfigurationOption.all {
            #expect(text.contains(shell == "fish" ? "-l \(option.flag.dropFirst(2)) " : option.flag))
            #expect(option.choices.isEmpty || text.contains(option.choices.joined(separator: " ")))
        }
    }

    @Test(arguments: [["completions"], ["completions", "tcsh"], ["completions", "bash", "--port", "1"]])
    func `completions for no shell that is known are refused`(arguments: [String]) {
        #expect(throws: ConfigurationError.self) { try Command(arguments, environment: [:]) }
    }

    @Test func `the manual page has every command and every option with its default`() throws {
        guard case .print(let text) = try Command(["man"], environment: [:]) else {
            throw ConfigurationError("misread")
        }
        func escaped(_ text: String) -> String { text.replacingOccurrences(of: "-", with: "\\-") }
        for entry in CommandReference.commands { #expect(text.contains("\n.B softmaxd \(entry.name)")) }
        for option in ConfigurationOption.all {
            let value = option.get(ServiceConfiguration())
            let shown = option.isPerProcessor ? "one per processor" : value.isEmpty ? "none" : escaped(value)
            let help = escaped(option.help.prefix(1).uppercased() + option.help.dropFirst())
            #expect(text.contains(".BI \(escaped(option.flag)) \" VALUE\"\n\(help). Default: \(shown).\n"))
        }
    }

    @Test func `commands are read from the line`() throws {
        guard
            case .compute(.vjp, file: "x.json", isJSON: false, let configuration) = try Command(
                ["vjp", "x.json", "--max-numbers", "9"], environment: [:])
        else { throw ConfigurationError("not a computation") }
        #expect(configuration.limits.tensor.elements == 9)
        guard case .compute(.softmax, file: nil, isJSON: false, _) = try Command(["softmax", "-"], environment: [:]),
            case .compute(.softmax, file: "a", isJSON: true, _) = try Command(
                ["softmax", "--json", "a"], environment: [:]),
            case .serve = try Command([], environment: [:]), case .serve = try Command(["serve"], environment: [:]),
            case .healthcheck = try Command(["healthcheck"], environment: [:]),
            case .print(let help) = try Command(["--help"], environment: [:])
        else { throw ConfigurationError("misread") }
        #expect(help.contains("--max-reply-numbers"))
        #expect(throws: ConfigurationError.self) { try Command(["dance"], environment: [:]) }
        #expect(throws: ConfigurationError.self) { try Command(["serve", "--json"], environment: [:]) }
    }
}
