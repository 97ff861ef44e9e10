import HTTPServer
import Synchronization
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("The work budget, whichever way a request ends")
    struct WorkTickets {
        /// How a deferred request may end.
        enum Ending: CaseIterable {
            case answered, streamed, head
            case overBudget, notRaised
            case failedAtOnce, failedLater
            case resetWhileQueued, resetWhileRunning, resetWhileStreaming
            case lateWhileQueued, lateWhileRunning, lateWhileStreaming
            case stoppedWhileQueued, stoppedWhileRunning
            case streamResetWhileQueued, streamResetWhileRunning
        }

        /// A server of one compute thread and a budget of 1000, and what its handler waits for.
        private final class Setting {
            /// Holds up `/block`, and each of the other jobs once it has raised its ticket.
            let (blocked, running) = (Gate(), Gate())
            /// Holds up each piece of a body.
            let source = GatedSource(pieces: 2)
            let server: TestServer

            init(_ ending: Ending) throws {
                let (blocked, running, source) = (blocked, running, source)
                server = try TestServer {
                    $0.loops = 1
                    $0.computeThreads = 1
                    $0.workBudget = 1000
                } handler: { request in
                    if request.path == "/block" {
                        return .deferred(cost: 1, replyBytes: 0) { _ in
                            blocked.pass()
                            return HTTPResponse(status: 200)
                        }
                    }
                    return .deferred(cost: ending == .overBudget ? 1001 : 10) { ticket in
                        guard ticket.raise(to: ending == .notRaised ? 1001 : 900) else { return nil }
                        running.pass()
                        switch ending {
                        case .streamed, .head, .lateWhileStreaming, .resetWhileStreaming:
                            return HTTPResponse(status: 200, body: .stream(source))
                        case .failedAtOnce:
                            return HTTPResponse(status: 200, body: .stream(ScriptedSource([([[1]], .failed)])))
                        case .failedLater:
                            let pieces: [([[UInt8]], HTTPBodyProgress)] = [([[1]], .more), ([[2]], .failed)]
                            return HTTPResponse(status: 200, body: .stream(ScriptedSource(pieces)))
                        default:
                            return HTTPResponse(status: 200, body: .bytes([7]))
                        }
                    }
                }
            }

            var cost: Int { server.server.status.workCost }

            /// Has the compute thread taken, or the request itself begin, then sends it.
            func ask(queued: Bool, _ client: Client, _ request: [UInt8]) throws -> Client? {
                var other: Client?
                if queued {
                    other = try server.client()
                    other?.get("/block")
                    #expect(eventually { blocked.waiting == 1 })
                }
                client.send(request)
                #expect(eventually { queued ? cost == 11 : running.waiting == 1 })
                #expect(cost == (queued ? 11 : 900))
                return other
            }
        }

        private static let get = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)

        @Test("what a request costs is given back once", arguments: Ending.allCases)
        func releasedOnce(ending: Ending) throws {
            let setting = try Setting(ending)
            let server = setting.server
            let client = try server.client()
            var waits: Client?
            // Of the requests that end early: none is answered.
            var status: Int? = 200
            switch ending {
            case .answered, .streamed, .failedLater:
                _ = try setting.ask(queued: false, client, Self.get)
                setting.running.open()
                setting.source.gate.open()
                let reply = client.reply()
                #expect(reply?.isWhole == (ending != .failedLater))
                #expect(reply?.body == (ending == .streamed ? [1, 2] : ending == .answered ? [7] : [1]))
            case .head:
                _ = try setting.ask(queued: false, client, Array("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
                setting.running.open()
                #expect(client.reply(isForHead: true)?.status == 200)
                #expect(setting.source.gate.waiting == 0)
            case .overBudget, .notRaised:
                client.get("/", "X-Mark: yes\r\n")
                let reply = try #require(client.reply())
                #expect(reply["retry-after"] == "1" && reply["x-completed"] == "yes")
                #expect(reply.text.contains("\"detail\":\"The work budget is full.\""))
                #expect(setting.running.waiting == 0)
                status = 503
            case .failedAtOnce:
                setting.running.open()
                client.get("/")
                let reply = try #require(client.reply())
                #expect(reply.isWhole && reply["content-type"] == "application/problem+json")
                status = 500
            case .resetWhileQueued, .resetWhileRunning:
                waits = try setting.ask(queued: ending == .resetWhileQueued, client, Self.get)
                client.reset()
                status = 0
            case .streamResetWhileQueued, .streamResetWhileRunning:
                let request = Frame.preface + Frame.headers(1, flags: 5)
                waits = try setting.ask(queued: ending == .streamResetWhileQueued, client, request)
                client.send(Frame.reset(1))
                status = 0
            case .resetWhileStreaming:
                _ = try setting.ask(queued: false, client, Self.get)
                setting.running.open()
                setting.source.gate.letOne()
                #expect(eventually { setting.source.gate.waiting == 2 })
                client.reset()
            case .lateWhileQueued, .lateWhileRunning:
                waits = try setting.ask(queued: ending == .lateWhileQueued, client, Self.get)
                server.advance(by: .seconds(60))
                #expect(client.reply()?.status == 503)
                status = 503
            case .lateWhileStreaming:
                _ = try setting.ask(queued: false, client, Self.get)
                setting.running.open()
                setting.source.gate.letOne()
                #expect(eventually { setting.source.gate.waiting == 2 })
                server.settle()
                server.advance(by: .seconds(60))
                #expect(client.reply()?.isWhole == false)
            case .stoppedWhileQueued, .stoppedWhileRunning:
                waits = try setting.ask(queued: ending == .stoppedWhileQueued, client, Self.get)
                server.server.stopNow()
                server.expectStopped()
                status = 0
            }
            let records = server.records
            #expect(eventually { records.all.contains { $0.path == "/" } })
            #expect(records.all.first { $0.path == "/" }?.status == status)
            let slugs = [503: "service-unavailable", 500: "internal-error"]
            let slug = ending == .failedLater ? "internal-error" : status.flatMap { slugs[$0] }
            #expect(records.all.first { $0.path == "/" }?.problem == slug)
            // What does not run costs nothing any more; what runs costs all that it was raised to until it returns.
            if waits != nil, status != 0 || server.server.status.openConnections > 0 { #expect(setting.cost == 1) }
            setting.blocked.open()
            setting.running.open()
            setting.source.gate.open()
            #expect(eventually { setting.cost == 0 })
            withExtendedLifetime(waits) {}
            guard ending != .stoppedWhileQueued, ending != .stoppedWhileRunning else { return }
            // And all of the budget is there for others, one after the other.
            let next = try server.client()
            for _ in 0..<2 where ending == .answered {
                next.get("/")
                #expect(next.reply()?.body == [7])
                #expect(setting.cost == 0)
            }
        }

        @Test("work that is raised beyond what others leave is refused, and they go on")
        func beside() throws {
            let gate = Gate()
            let server = try TestServer {
                $0.computeThreads = 2
                $0.workBudget = 100
            } handler: { request in
                .deferred(cost: 10) { ticket in
                    guard ticket.raise(to: 60) else { return nil }
                    gate.pass()
                    return HTTPResponse(status: 200, body: .bytes([1]))
                }
            }
            let (first, second) = (try server.client(), try server.client())
            first.get("/")
            #expect(eventually { gate.waiting == 1 })
            second.get("/")
            #expect(second.reply()?.status == 503)
            #expect(server.server.status.workCost == 60)
            gate.open()
            #expect(first.reply()?.body == [1])
            second.get("/")
            #expect(second.reply()?.body == [1])
            #expect(server.server.status.workCost == 0)
        }

        @Test(
            "loops are scheduled as the process is, whatever compute threads are", arguments: ComputePriority.allCases)
        func scheduling(priority: ComputePriority) throws {
            let own = Scheduling.own
            let seen = Locked<(loops: [Scheduling], jobs: [Scheduling])>(([], []))
            let server = try TestServer {
                $0.computePriority = priority
            } handler: { _ in
                seen.withLock { $0.loops.append(.own) }
                return .deferred(cost: 1) { _ in
                    seen.withLock { $0.jobs.append(.own) }
                    return HTTPResponse(status: 200)
                }
            }
            for _ in 0..<10 {
                let client = try server.client()
                client.get("/")
                #expect(client.reply()?.status == 200)
            }
            let (loops, jobs) = seen.withLock { ($0.loops, $0.jobs) }
            #expect(loops == [Scheduling](repeating: own, count: 10))
            #expect(jobs == [Scheduling](repeating: .expected(priority), count: 10))
        }
    }
}
