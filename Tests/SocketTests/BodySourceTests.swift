import HTTPServer
import Synchronization
import Testing

@testable import HTTPServerTests

extension TransportTests {
    /// What a source may do, and what its client sees of it, in each version.
    @Suite("Streamed bodies that are empty for a while or fail")
    struct BodySources {
        private static func serve(_ sources: [String: ScriptedSource]) throws -> TestServer {
            // Time passes: a source that has nothing is asked again after a while.
            try TestServer(clock: .system) { _ in
            } handler: { request in
                guard let source = sources[request.path] else { return TestServer.ok(request) }
                return .ready(HTTPResponse(status: 200, body: .stream(source)))
            }
        }

        /// `:method GET, :scheme http, :authority a` and a path of one letter.
        private static func get(_ letter: Character, stream: UInt32) -> [UInt8] {
            let path: [UInt8] = [0x04, 2, UInt8(ascii: "/"), letter.asciiValue ?? 0]
            return Frame.bytes(
                type: 1, flags: 5, stream: stream, [0x82, 0x86] + path + [0x41, 1, UInt8(ascii: "a")])
        }

        @Test("A source that is empty for a while is asked again, in HTTP/1.1")
        func emptyHTTP1() throws {
            let source = ScriptedSource([([], .more), ([[], []], .more), ([[1]], .more), ([], .more), ([[2]], .last)])
            let server = try Self.serve(["/": source])
            let client = try server.client()
            client.get("/")
            let reply = client.reply()
            #expect(reply?.isWhole == true)
            #expect(reply?.body == [1, 2])
            #expect(eventually { server.records.all.first?.isComplete == true })
        }

        @Test("Two streamed bodies on one HTTP/2 connection, one of them empty for a while: both arrive whole")
        func emptyHTTP2() throws {
            let slow = ScriptedSource([([], .more), ([[]], .more), ([[1]], .more), ([], .more), ([[2]], .last)])
            let quick = ScriptedSource((0..<5).map { ([[10 + UInt8($0)]], $0 == 4 ? .last : .more) })
            let server = try Self.serve(["/a": slow, "/b": quick])
            let client = try server.client()
            client.send(Frame.preface + Self.get("a", stream: 1) + Self.get("b", stream: 3))
            #expect(eventually { client.read(milliseconds: 10) && Set(Frame.ended(in: client.received)) == [1, 3] })
            #expect(Frame.content(of: 1, in: client.received) == [1, 2])
            #expect(Frame.content(of: 3, in: client.received) == [10, 11, 12, 13, 14])
            #expect(eventually { server.records.all.count == 2 && server.records.all.allSatisfy(\.isComplete) })
        }

        @Test("A piece that is long in the making holds up no other body of its HTTP/2 connection")
        func sideBySide() throws {
            let gate = Gate()
            let slow = ScriptedSource([([[1]], .last)], gate: gate)
            let quick = ScriptedSource((0..<5).map { ([[10 + UInt8($0)]], $0 == 4 ? .last : .more) })
            let server = try TestServer {
                $0.computeThreads = 2
            } handler: { request in
                .ready(HTTPResponse(status: 200, body: .stream(request.path == "/a" ? slow : quick)))
            }
            let client = try server.client()
            client.send(Frame.preface + Self.get("a", stream: 1))
            #expect(eventually { gate.waiting == 1 })
            client.send(Self.get("b", stream: 3))
            #expect(eventually { client.read(milliseconds: 10) && Frame.ended(in: client.received) == [3] })
            gate.open()
            #expect(eventually { client.read(milliseconds: 10) && Frame.ended(in: client.received) == [3, 1] })
        }

        @Test("A source that fails in HTTP/1.1 cuts the reply before its last chunk")
        func failsHTTP1() throws {
            let source = ScriptedSource([([[1, 2]], .more), ([[3]], .failed)])
            let server = try Self.serve(["/": source])
            let client = try server.client()
            client.get("/")
            let reply = client.reply()
            #expect(reply?.isWhole == false)
            #expect(client.readToEnd())
            #expect(!client.received.contains(3))
            #expect(!String(decoding: client.received, as: UTF8.self).contains("\r\n0\r\n"))
            #expect(eventually { server.records.all.first?.isComplete == false })
            #expect(server.records.all.first?.problem == "internal-error")
            #expect(server.server.status.workCost == 0)
        }

        @Test("A deferred reply's source that is empty at first is asked again, and its client has the head by then")
        func emptyAtFirst() throws {
            let source = ScriptedSource([([], .more), ([[]], .more), ([[1]], .more), ([[2]], .last)])
            let server = try TestServer { _ in
            } handler: { _ in
                .deferred(cost: 3) { _ in HTTPResponse(status: 200, body: .stream(source)) }
            }
            let client = try server.client()
            client.get("/")
            #expect(client.read())
            #expect(String(decoding: client.received, as: UTF8.self).hasSuffix("\r\n\r\n"))
            #expect(source.asked == 1)
            for asked in 2...4 {
                server.advance(by: .milliseconds(15))
                #expect(eventually { source.asked >= asked })
                server.settle()
            }
            #expect(client.reply()?.body == [1, 2])
            #expect(server.server.status.workCost == 0)
        }

        @Test("A source that fails in HTTP/1.0 resets the connection")
        func failsHTTP10() throws {
            let source = ScriptedSource([([[1, 2]], .more), ([], .failed)])
            let server = try Self.serve(["/": source])
            let client = try server.client()
            client.send("GET / HTTP/1.0\r\n\r\n")
            _ = client.readToEnd()
            #expect(client.wasReset)
            #expect(eventually { server.records.all.first?.isComplete == false })
        }

        @Test("A source that fails in HTTP/2 has its stream reset with INTERNAL_ERROR; the others go on")
        func failsHTTP2() throws {
            let failing = ScriptedSource([([[1, 2]], .more), ([[3]], .failed)])
            let whole = ScriptedSource([([], .more), ([[4]], .more), ([[5]], .last)])
            let server = try Self.serve(["/a": failing, "/b": whole])
            let client = try server.client()
            client.send(Frame.preface + Self.get("a", stream: 1) + Self.get("b", stream: 3))
            #expect(
                eventually {
                    _ = client.read(milliseconds: 10)
                    return Frame.ended(in: client.received) == [3] && !Frame.resets(in: client.received).isEmpty
                })
            #expect(Frame.resets(in: client.received) == [1: 2])
            #expect(!Frame.content(of: 1, in: client.received).contains(3))
            #expect(Frame.content(of: 3, in: client.received) == [4, 5])
            client.send(Self.get("c", stream: 5))
            #expect(eventually { client.read(milliseconds: 10) && Frame.ended(in: client.received) == [3, 5] })
            #expect(eventually { server.records.all.contains { $0.problem == "internal-error" && !$0.isComplete } })
        }

        @Test("A source that is empty for longer than a piece may take has its reply cut")
        func emptyForEver() throws {
            let source = ScriptedSource([([[1]], .more)])
            let server = try TestServer { _ in
            } handler: { _ in
                .ready(HTTPResponse(status: 200, body: .stream(source)))
            }
            let client = try server.client()
            client.get("/")
            // The time of the second piece begins when it is first asked for. Each time it is asked for, nothing is there.
            #expect(eventually { source.asked == 2 })
            var passed = 0
            while source.asked < 4, passed < 50_000 {
                server.advance(by: .milliseconds(100))
                passed += 100
            }
            #expect(source.asked >= 4)
            server.advance(by: .milliseconds(59_000 - passed))
            while client.read(milliseconds: 0) {}
            #expect(!client.isClosed)
            server.advance(by: .seconds(2))
            #expect(client.reply()?.isWhole == false)
            #expect(eventually { server.records.all.first?.isComplete == false })
        }
    }
}

/// A body whose pieces are written down; after them it is empty for ever.
final class ScriptedSource: HTTPBodySource {
    private let pieces: [([[UInt8]], HTTPBodyProgress)]
    private let gate: Gate?
    private let count = Atomic<Int>(0)

    /// - Parameter gate: holds up every piece.
    init(_ pieces: [([[UInt8]], HTTPBodyProgress)], gate: Gate? = nil) {
        self.pieces = pieces
        self.gate = gate
    }

    /// How often it was asked.
    var asked: Int { count.load(ordering: .relaxed) }

    func next(into parts: inout [[UInt8]]) -> HTTPBodyProgress {
        gate?.pass()
        let index = count.add(1, ordering: .relaxed).oldValue
        guard index < pieces.count else { return .more }
        parts += pieces[index].0
        return pieces[index].1
    }
}
