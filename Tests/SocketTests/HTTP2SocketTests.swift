import Foundation
import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    /// HTTP/2 over real sockets, with clients that others wrote.
    @Suite("HTTP/2 clients", .serialized)
    struct HTTP2Clients {
        /// Where a program is, or `nil` where it is not installed.
        static func find(_ name: String) -> String? {
            ["/usr/bin/", "/usr/local/bin/"].map { $0 + name }.first {
                FileManager.default.isExecutableFile(atPath: $0)
            }
        }

        /// What a program prints.
        static func run(_ path: String, _ arguments: [String]) throws -> [UInt8] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle.nullDevice
            try process.run()
            let output = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return Array(output)
        }

        /// What curl says of the reply after its content: the status and the version it came with.
        static let says = ["-s", "--max-time", "20", "-w", "|%{http_code} %{http_version}"]

        @Test(
            "curl speaks HTTP/2 from the start, after an upgrade, or not at all", .enabled(if: find("curl") != nil),
            arguments: [
                ("--http2-prior-knowledge", "ok http2|200 2"), ("--http2", "ok http1_1|200 2"),
                ("--http1.1", "ok http1_1|200 1.1"),
            ])
        func curl(_ option: String, _ expected: String) throws {
            let server = try TestServer(clock: .system) { _ in
            } handler: { request in
                .ready(HTTPResponse(status: 200, body: .bytes(Array("ok \(request.version)".utf8))))
            }
            let path = try #require(Self.find("curl"))
            let output = try Self.run(path, Self.says + [option, "http://127.0.0.1:\(server.port)/"])
            #expect(String(decoding: output, as: UTF8.self) == expected)
            #expect(eventually { server.records.all.count == 1 })
            #expect(server.records.all.first?.isComplete == true)
            #expect(server.records.all.first?.version == (option == "--http2-prior-knowledge" ? .http2 : .http1_1))
        }

        @Test("curl sends and gets a long body, and reads an early 413", .enabled(if: find("curl") != nil))
        func curlBodies() throws {
            let server = try TestServer(clock: .system) { $0.limits.body = 3_000_000 }
            let path = try #require(Self.find("curl"))
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("http2-body-\(server.port)")
            defer { try? FileManager.default.removeItem(at: file) }
            for (count, isTaken) in [(3_000_000, true), (9_000_000, false)] {
                let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                try Data(body).write(to: file)
                let output = try Self.run(
                    path,
                    Self.says + [
                        "--http2-prior-knowledge", "--data-binary", "@\(file.path)", "http://127.0.0.1:\(server.port)/",
                    ])
                #expect(output.suffix(6).elementsEqual((isTaken ? "|200 2" : "|413 2").utf8))
                if isTaken { #expect(output.dropLast(6).elementsEqual(body)) }
            }
        }

        @Test("A streamed reply arrives whole, and its record is complete", .enabled(if: find("curl") != nil))
        func streams() throws {
            let source = CountingSource(pieces: 40, size: 100_000)
            let server = try TestServer(clock: .system) { _ in
            } handler: { _ in
                .ready(HTTPResponse(status: 200, body: .stream(source)))
            }
            let path = try #require(Self.find("curl"))
            let output = try Self.run(
                path, ["-s", "--max-time", "20", "--http2-prior-knowledge", "http://127.0.0.1:\(server.port)/"])
            #expect(output == source.expected)
            #expect(eventually { server.records.all.first?.isComplete == true })
            #expect(server.records.all.first?.responseBytes == 4_000_000)
        }

        @Test("h2load gets every reply of many streams", .enabled(if: find("h2load") != nil))
        func load() throws {
            let server = try TestServer(clock: .system)
            let path = try #require(Self.find("h2load"))
            let output = try Self.run(
                path, ["-n", "5000", "-c", "4", "-m", "100", "http://127.0.0.1:\(server.port)/"])
            #expect(String(decoding: output, as: UTF8.self).contains("5000 succeeded, 0 failed, 0 errored"))
            #expect(eventually { server.records.all.count == 5000 })
            #expect(server.records.all.allSatisfy { $0.isComplete && $0.version == .http2 })
        }

        @Test("nghttp posts over an upgrade and gets its answer", .enabled(if: find("nghttp") != nil))
        func nghttp() throws {
            let server = try TestServer(clock: .system)
            let path = try #require(Self.find("nghttp"))
            for option in ["-u", "-v"] {
                let output = try Self.run(path, [option, "http://127.0.0.1:\(server.port)/"])
                #expect(String(decoding: output, as: UTF8.self).contains("OK"))
            }
        }

        @Test("Deferred work of a stream that was reset is cancelled, and the connection goes on")
        func cancels() throws {
            let gate = Gate()
            let seen = Counter()
            let server = try TestServer { _ in
            } handler: { request in
                guard request.path == "/" else { return .ready(HTTPResponse(status: 200)) }
                return .deferred(cost: 1) { ticket in
                    gate.pass()
                    if ticket.isCancelled { seen.add() }
                    return HTTPResponse(status: 200)
                }
            }
            let client = try server.client()
            client.send(Frame.preface + Frame.headers(1, flags: 5))
            #expect(eventually { gate.waiting == 1 })
            client.send(Frame.reset(1))
            #expect(eventually { server.records.all.count == 1 })
            #expect(server.records.all.first?.status == 0)
            gate.open()
            #expect(eventually { seen.value == 1 })
            #expect(eventually { server.server.status.workCost == 0 })
            client.send(Frame.ping)
            #expect(
                eventually {
                    _ = client.read(milliseconds: 10)
                    return client.hasPingAnswer
                })
            #expect(!client.isClosed)
        }

        @Test("A drain lets an HTTP/2 request finish and closes the connection with GOAWAY")
        func drains() throws {
            let gate = Gate()
            let server = try TestServer { _ in
            } handler: { _ in
                .deferred(cost: 1) { _ in
                    gate.pass()
                    return HTTPResponse(status: 200, body: .bytes(Array("late".utf8)))
                }
            }
            let client = try server.client()
            client.send(Frame.preface + Frame.headers(1, flags: 5))
            #expect(eventually { gate.waiting == 1 })
            server.server.beginDrain()
            #expect(
                eventually {
                    _ = client.read(milliseconds: 10)
                    return !Frame.goaways(in: client.received).isEmpty
                })
            gate.open()
            #expect(
                eventually {
                    _ = client.read(milliseconds: 10)
                    return String(decoding: client.received, as: UTF8.self).contains("late")
                })
            #expect(Frame.goaways(in: client.received) == [0] && !client.isClosed)
            // This client does not answer the PING after the notice.
            server.advance(by: .seconds(1))
            #expect(client.readToEnd())
            #expect(Frame.goaways(in: client.received) == [0, 0])
        }

        @Test("A client that never opens its window is cut off at the write deadline")
        func shutWindow() throws {
            let server = try TestServer { _ in
            } handler: { _ in
                .ready(HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 100_000))))
            }
            let client = try server.client()
            client.send(Frame.preface + Frame.headers(1, flags: 5))
            // As much as the window that every stream begins with: from here on the server waits for the client.
            #expect(eventually { client.read() && client.received.count > 65_535 })
            server.settle()
            server.advance(by: .milliseconds(9_990))
            while client.read(milliseconds: 0) {}
            #expect(!client.isClosed && Frame.goaways(in: client.received).isEmpty)
            server.advance(by: .milliseconds(10))
            #expect(client.readToEnd())
            #expect(Frame.goaways(in: client.received) == [11])
            #expect(eventually { server.records.all.first?.isComplete == false })
        }
    }
}

extension Client {
    /// Whether the answer to ``Frame/ping`` is among what was received: that frame with its ACK flag (RFC 9113 section 6.7).
    var hasPingAnswer: Bool {
        received.firstRange(of: Frame.bytes(type: 6, flags: 1, Array(Frame.ping.suffix(8)))) != nil
    }
}
