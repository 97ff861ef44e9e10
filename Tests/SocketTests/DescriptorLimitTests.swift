import Glibc
import HTTPServer
import Testing

@testable import HTTPServerTests

extension TransportTests {
    @Suite("Descriptor limit")
    struct DescriptorLimit {
        @Test("with no descriptor left the server waits without spinning, and goes on when there is one")
        func exhausted() throws {
            let gate = Gate()
            let server = try TestServer {
                $0.loops = 1
            } handler: { request in
                // On the loop's own thread: nobody is accepted meanwhile.
                if request.path == "/hold" { gate.pass() }
                return TestServer.ok(request)
            }
            let first = try server.client()
            first.get("/hold")
            #expect(eventually { gate.waiting == 1 })
            let waiting = try (0..<4).map { _ in try server.client() }
            waiting.forEach { $0.get("/") }
            do {
                let limit = try DescriptorCeiling()
                defer { limit.lift() }
                gate.open()
                #expect(first.reply()?.status == 200)
                #expect(eventually { server.server.status.counts.acceptPauses == 1 })
                // As long as its time stands still the loop has one turn for each that it is asked for, with one look at
                // the time: when it is woken. A loop that spins has more.
                server.settle()
                let looks = server.looks
                for _ in 0..<100 { server.settle() }
                #expect(server.looks - looks == 100)
                // After each pause it tries once.
                for pause in 2...20 {
                    server.advance(by: .milliseconds(100))
                    // It listens again in that turn, and finds somebody waiting in the next.
                    #expect(eventually { server.server.status.counts.acceptPauses == pause })
                }
                #expect(server.server.status.openConnections == 1)
                #expect(waiting.allSatisfy { $0.isQuiet })
                first.get("/")
                #expect(first.reply()?.status == 200)
            }
            server.advance(by: .milliseconds(100))
            for client in waiting { #expect(client.reply()?.status == 200) }
            #expect(server.server.status.openConnections == 5)
            // They are there until here: an optimised build lets go of what is not used any more.
            for client in [first] + waiting { client.close() }
        }
    }
}

/// This process can open no more descriptors until the limit is lifted.
private struct DescriptorCeiling {
    private var before = rlimit()

    init() throws {
        try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before) == 0)
        // The lowest number that is free is the one that the next descriptor would get.
        let next = dup(STDERR_FILENO)
        close(next)
        try #require(next >= 0)
        var limit = before
        limit.rlim_cur = rlim_t(next)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    }

    func lift() {
        var limit = before
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
