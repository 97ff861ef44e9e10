import CAllocations
import Glibc
import HTTPServer
import SoftmaxService

/// Serves small requests to itself over one connection and prints how many allocations a thousand of each take once
/// everything is warm: `<name> <allocations>`, one a line. The client makes none.

func fail(_ reason: String) -> Never {
    print(reason)
    exit(1)
}

/// One blocking connection with buffers of a fixed size.
struct Connection: ~Copyable {
    private let descriptor: Int32
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 1)

    init(port: UInt16) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // A reply that does not come ends the program instead of holding up the test.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if result != 0 { fail("no connection") }
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// Sends a request and reads its reply, which is that long, or any length that comes at once; returns the length.
    func exchange(_ request: UnsafeRawBufferPointer, replyOf length: Int? = nil) -> Int {
        guard send(descriptor, request.baseAddress, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            fail("a request was not sent")
        }
        var received = 0
        repeat {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count <= 0 { fail("a reply did not come") }
            if received == 0, count < 12 || !buffer[9..<12].elementsEqual("200".utf8) { fail("a request was refused") }
            received += count
        } while received < length ?? 0
        return received
    }
}

/// Allocations of a thousand such requests.
func allocations(of request: String, on connection: borrowing Connection) -> Int {
    let bytes = Array(request.utf8)
    return bytes.withUnsafeBytes { bytes in
        let length = connection.exchange(bytes)
        for _ in 0..<1000 { _ = connection.exchange(bytes, replyOf: length) }
        let before = callocations_count()
        for _ in 0..<1000 { _ = connection.exchange(bytes, replyOf: length) }
        return callocations_count() - before
    }
}

var configuration = ServiceConfiguration()
configuration.server.port = 0
configuration.server.loops = 1
let status = HTTPServerStatus()
let pool = ComputePool(threads: 1)
let heap = HeapKeeping(status)
let log = LogWriter(descriptor: open("/dev/null", O_WRONLY))
let server = HTTPServer(
    configuration: configuration.server, status: status,
    makeHandler: { [configuration] _ in Service(configuration, status: status, pool: pool, heap: heap, log: log) },
    pool: pool, makeObserver: { _ in AccessLog(log) })
do throws(HTTPServerError) { try server.start() } catch { fail("\(error)") }
let connection = Connection(port: server.boundAddresses.first?.split(separator: ":").last.flatMap { UInt16($0) } ?? 0)
let body = #"{"logits":[2,1,0]}"#
let live = allocations(of: "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", on: connection)
let softmax = allocations(
    of:
        "POST /softmax HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        + body, on: connection)
print("livez \(live)")
print("softmax \(softmax)")
