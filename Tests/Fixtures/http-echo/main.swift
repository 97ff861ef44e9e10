import Glibc
import HTTPServer

/// The smallest useful service on this server: for conformance tests and measurements of the server alone.
struct Echo: HTTPHandler {
    func respond(to request: consuming HTTPRequest) -> HTTPReply {
        switch request.path {
        case "/echo":
            .ready(HTTPResponse(status: 200, body: .bytes(lines(of: request.fields))))
        case "/cookie":
            .ready(HTTPResponse(status: 200, body: .bytes(cookies(in: request.fields))))
        default:
            switch request.method {
            case .post: .ready(HTTPResponse(status: 200, body: .bytes(request.body)))
            default: .ready(HTTPResponse(status: 200, body: .bytes(Array("OK".utf8))))
            }
        }
    }

    /// `Name: value`, one field a line.
    private func lines(of fields: HTTPFields) -> [UInt8] {
        var text: [UInt8] = []
        for (name, value) in fields {
            text += name
            text += ": ".utf8
            text += value
            text += "\n".utf8
        }
        return text
    }

    /// `name=value`, one cookie a line (RFC 6265 section 4.2.1: cookie-pair *( ";" SP cookie-pair )).
    private func cookies(in fields: HTTPFields) -> [UInt8] {
        var text: [UInt8] = []
        for (name, value) in fields where name.elementsEqual("cookie".utf8) {
            for pair in value.split(separator: UInt8(ascii: ";")) {
                text += pair.drop { $0 == UInt8(ascii: " ") }
                text += "\n".utf8
            }
        }
        return text
    }
}

var configuration = HTTPServerConfiguration()
if CommandLine.arguments.count > 1, let port = UInt16(CommandLine.arguments[1]) { configuration.port = port }
let server = HTTPServer(configuration: configuration, handler: Echo())
do throws(HTTPServerError) {
    try server.start()
    print("listening on \(configuration.host):\(server.boundPort ?? 0)")
    // Whoever started this reads the port from a pipe.
    fflush(nil)
    server.waitUntilStopped()
} catch {
    print(error)
}
