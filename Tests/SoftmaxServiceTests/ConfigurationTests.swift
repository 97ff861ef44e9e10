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

    @Test func `a flag wins over the environment, and both spellings of a flag work`() throws {
        let environment = ["SOFTMAXD_MAX_BODY": "5", "HOME": "/root"]
        #expect(try ServiceConfiguration(flags: [], environment: environment).server.limits.body == 5)
        #expect(try ServiceConfiguration(flags: ["--max-body=7"], environment: environment).server.limits.body == 7)
        #expect(try ServiceConfiguration(flags: ["--max-body", "8"], environment: environment).server.limits.body == 8)
    }

    @Test(arguments: [
        ["--port", "65536"], ["--port", "+80"], ["--port", "8 0"], ["--port"], ["--prot", "80"],
        ["--head-deadline", "-1"], ["--access-log", "yes"], ["--cors-origins", "example.org"], ["--max-depth", "65"],
        ["--compute-threads", "0"], ["--compute-threads", "257"], ["--compute-threads", "+5"],
        ["--compute-threads", ""],
        ["--max-field-bytes", "65537"], ["--max-streams", "0"], ["--max-streams", "1001"],
    ])
    func `a setting that cannot be used is refused by name`(flags: [String]) {
        #expect(throws: ConfigurationError.self) { try ServiceConfiguration(flags: flags, environment: [:]) }
    }

    @Test func `an unknown variable of ours is refused, others are not looked at`() {
        #expect(throws: ConfigurationError.self) {
            try ServiceConfiguration(flags: [], environment: ["SOFTMAXD_PROT": "80"])
        }
        #expect(throws: Never.self) { try ServiceConfiguration(flags: [], environment: ["PROT": "80"]) }
    }

    @Test func `the variables that Kubernetes makes of a Service named softmaxd are not settings`() throws {
        let links = [
            "SOFTMAXD_SERVICE_HOST": "10.0.0.1", "SOFTMAXD_SERVICE_PORT": "8080", "SOFTMAXD_SERVICE_PORT_HTTP": "8080",
            "SOFTMAXD_PORT": "tcp://10.0.0.1:8080", "SOFTMAXD_PORT_8080_TCP": "tcp://10.0.0.1:8080",
            "SOFTMAXD_PORT_8080_TCP_PROTO": "tcp", "SOFTMAXD_PORT_8080_TCP_PORT": "8080",
            "SOFTMAXD_PORT_8080_TCP_ADDR": "10.0.0.1",
        ]
        let defaults = ServiceConfiguration()
        #expect(try ServiceConfiguration(flags: [], environment: links).printed == defaults.printed)
        let ours = links.merging(["SOFTMAXD_PORT": "81"]) { $1 }
        #expect(try ServiceConfiguration(flags: [], environment: ours).server.port == 81)
    }

    @Test(arguments: [
        ("SOFTMAXD_PORT", "udp://10.0.0.1:8080"), ("SOFTMAXD_PORT", "10.0.0.1:8080"), ("SOFTMAXD_PORT_", "tcp://"),
        ("SOFTMAXD_PORT_8080", "8080"), ("SOFTMAXD_PORT__TCP", "8080"), ("SOFTMAXD_PORT_HTTP_TCP", "8080"),
        ("SOFTMAXD_PORTS", "tcp://10.0.0.1:8080"), ("SOFTMAXD_SERVICE", "10.0.0.1"), ("SOFTMAXD_HOSTS", "tcp://a"),
        ("SOFTMAXD_MAX_BODY", "tcp://10.0.0.1:8080"),
    ])
    func `a variable that only resembles those is refused`(_ name: String, _ value: String) {
        #expect(throws: ConfigurationError.self) { try ServiceConfiguration(flags: [], environment: [name: value]) }
    }

    @Test func `the table in the README is the list of settings`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let rows = readme.split(separator: "\n").filter { $0.hasPrefix("| `--") }
        #expect(rows.count == ConfigurationOption.all.count)
        let perProcessor = ["--loops", "--compute-threads"]
        for (row, option) in zip(rows, ConfigurationOption.all) {
            let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            let value = option.get(ServiceConfiguration())
            let shown = perProcessor.contains(option.flag) ? "processors" : value.isEmpty ? "none" : value
            #expect(cells == ["`\(option.flag)`", shown, option.help])
        }
    }

    @Test func `commands are read from the line`() throws {
        guard
            case .compute(.vjp, file: "x.json", let configuration) = try Command(
                ["vjp", "x.json", "--max-numbers", "9"], environment: [:])
        else { throw ConfigurationError("not a computation") }
        #expect(configuration.limits.tensor.elements == 9)
        guard case .compute(.softmax, file: nil, _) = try Command(["softmax", "-"], environment: [:]),
            case .serve = try Command([], environment: [:]), case .serve = try Command(["serve"], environment: [:]),
            case .healthcheck = try Command(["healthcheck"], environment: [:]),
            case .print(let help) = try Command(["--help"], environment: [:])
        else { throw ConfigurationError("misread") }
        #expect(help.contains("--max-reply-numbers"))
        #expect(throws: ConfigurationError.self) { try Command(["dance"], environment: [:]) }
    }
}
