import Foundation
import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Descriptor limit")
    struct DescriptorLimit {
        @Test("with no descriptor left the server waits without spinning, and goes on when there is one")
        func exhausted() throws {
            let echo = try EchoProcess(descriptors: 64)
            defer { echo.stop() }
            let first = try Client(port: echo.port)
            first.get("/")
            #expect(first.reply()?.status == 200)
            let clients = try (0..<200).map { _ in try Client(port: echo.port) }
            // The last one waits in the backlog, so all descriptors are taken by now or soon.
            clients[199].get("/")
            #expect(!clients[199].read(milliseconds: 300))
            let before = echo.processorSeconds
            #expect(!clients[199].read(milliseconds: 1_500))
            #expect(echo.processorSeconds - before < 0.2)
            first.get("/")
            #expect(first.reply()?.status == 200)
            clients[..<190].forEach { $0.close() }
            #expect(clients[199].reply()?.status == 200)
            let new = try Client(port: echo.port)
            new.get("/")
            #expect(new.reply()?.status == 200)
        }
    }
}

/// The http-echo fixture, beside this test's executable, with so many descriptors.
private final class EchoProcess {
    private let process = Process()
    let port: UInt16

    init(descriptors: Int) throws {
        let directory = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c", "ulimit -n \(descriptors); exec \"$0\" 0", directory.appending(path: "http-echo").path(),
        ]
        process.standardOutput = output
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(line.split(whereSeparator: { ":\n".contains($0) }).last.flatMap { UInt16($0) }, "\(line)")
    }

    func stop() {
        // Not SIGTERM: the child inherits this thread's signal mask, and Dispatch's threads block it.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// User and system time so far.
    var processorSeconds: Double {
        let stat = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        // The fields after the name in parentheses: utime and stime are the 12th and 13th, in 1/100 s.
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return .nan }
        return (user + system) / 100
    }
}
