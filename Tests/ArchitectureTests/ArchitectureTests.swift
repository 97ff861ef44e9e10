import Foundation
import Testing

@Suite struct ArchitectureTests {
    /// Arrows that point the wrong way and are known, each with what it waits for; one that is gone is to be taken off.
    private static let known: [(path: String, target: String, why: String)] = []

    private static func sources() throws -> [SwiftSource] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/")
        let files = try #require(FileManager.default.subpaths(atPath: root.path()))
        return try files.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            SwiftSource(path: path, text: try String(contentsOf: root.appending(path: path), encoding: .utf8))
        }
    }

    @Test func `dependencies point down only`() throws {
        let sources = try Self.sources()
        #expect(sources.count > 100)
        let wrong = Architecture.wrongImports(in: sources) + Architecture.wrongMentions(in: sources)
        for arrow in wrong.sorted(by: { ($0.path, $0.line) < ($1.path, $1.line) }) {
            #expect(Self.known.contains { ($0.path, $0.target) == (arrow.path, arrow.target) }, "\(arrow)")
        }
        for (path, target, _) in Self.known {
            #expect(wrong.contains { ($0.path, $0.target) == (path, target) }, "\(path) is cured of \(target)")
        }
    }

    @Test func `every file is in a folder that has a rule`() throws {
        for source in try Self.sources() {
            let module = source.path.prefix { $0 != "/" }
            #expect(Architecture.imports[String(module)] != nil, "\(source.path)")
            #expect(module != "HTTPServer" || Architecture.room(of: source.path) != nil, "\(source.path)")
        }
    }

    @Test(arguments: [
        ("softmaxd/main.swift", "import HTTPServer"),
        ("SoftmaxService/Routes/A.swift", "package import CSimdjson"),
        ("SoftmaxService/Routes/A.swift", "import Glibc"),
        ("SoftmaxCore/A.swift", "public import TensorJSON"),
        ("TensorJSON/A.swift", "import struct HTTPServer.HTTPFields"),
        ("HTTPServer/Message/A.swift", "@testable import SoftmaxService"),
        ("HTTPServer/HTTP1/A.swift", "import CNGHTTP2"),
        ("HTTPServer/Transport/A.swift", "import CEpoll"),
    ])
    func `an import that points up is found`(path: String, text: String) {
        let source = SwiftSource(path: path, text: "/// Why.\n" + text + "\nstruct A {}\n")
        #expect(Architecture.wrongImports(in: [source]).map(\.line) == [2])
    }

    @Test(arguments: [
        ("SoftmaxService/Routes/A.swift", "import HTTPServer\nimport SoftmaxCore\npackage import TensorJSON"),
        ("SoftmaxService/Platform/A.swift", "import CMalloc\nimport Glibc\nimport Dispatch"),
        ("HTTPServer/Platform/Sockets/A.swift", "import CEpoll\nimport Glibc"),
        ("HTTPServer/HTTP2/A.swift", "import CNGHTTP2 // not Glibc: import Glibc"),
    ])
    func `an import that points down is allowed`(path: String, text: String) {
        #expect(Architecture.wrongImports(in: [SwiftSource(path: path, text: text)]).isEmpty)
    }

    /// A type in every room, named after it.
    private static let named = Architecture.rooms.keys.map { room in
        let type = room.replacing("/", with: "") + "Type"
        return SwiftSource(path: "HTTPServer/\(room)/Declaration.swift", text: "package struct \(type) {}")
    }

    @Test(arguments: [
        ("Platform", "Platform/Sockets"), ("Platform", "Time"), ("Time", "Message"), ("Message", "Time"),
        ("Message", "HTTP1"), ("HTTP1", "HTTP2"), ("HTTP2", "HTTP1"), ("HTTP1", "Platform"),
        ("HTTP2", "Platform/Sockets"), ("HTTP2", "Transport"), ("Platform", "Transport"),
    ])
    func `a mention of a room that is not below is found`(room: String, other: String) {
        let type = other.replacing("/", with: "") + "Type"
        let interpolation = #"let a = "\(\#(type)())""#
        for text in ["let a = \(type)()", "extension \(type) {}", "func f(_ a: [\(type)?]) {}", interpolation] {
            let source = SwiftSource(path: "HTTPServer/\(room)/A.swift", text: "\n" + text)
            let arrow = Architecture.Arrow(path: source.path, target: type, room: other, line: 2)
            #expect(Architecture.wrongMentions(in: Self.named + [source]) == [arrow], "\(text)")
        }
    }

    @Test(arguments: [
        ("Transport", "HTTP1"), ("Transport", "Platform/Sockets"), ("HTTP2", "Time"), ("Time", "Platform"),
        ("Message", "Message"),
    ])
    func `a mention of a room below, or of the own, is allowed`(room: String, other: String) {
        let text = "let a = \(other.replacing("/", with: ""))Type()"
        let source = SwiftSource(path: "HTTPServer/\(room)/A.swift", text: text)
        #expect(Architecture.wrongMentions(in: Self.named + [source]).isEmpty)
    }

    @Test(arguments: [
        "// TransportType", "/* /* TransportType */ TransportType */", #"let a = "TransportType""#,
        ##"let a = #"\(TransportType) " TransportType"#"##, "let a = \"\"\"\n    \"TransportType\"\n    \"\"\"",
        #"let a = "\\" + "TransportType\"TransportType""#, "let a = B.TransportType", "let aTransportType = 0",
    ])
    func `comments, texts and members are no mentions`(text: String) {
        let source = SwiftSource(path: "HTTPServer/Message/A.swift", text: text)
        #expect(Architecture.wrongMentions(in: Self.named + [source]).isEmpty)
    }

    @Test func `types at the top level are those that others can name`() {
        let text = """
            import struct B.C
            @frozen public struct D: E { struct F {} }
            package final class G { class func h() {} }
            private enum I {}
            fileprivate final class J {}
            extension K { struct L {} }
            protocol M: ~Copyable {}
            typealias N = Int
            """
        let source = SwiftSource(path: "HTTPServer/Message/A.swift", text: text)
        #expect(source.types == ["D", "G", "M", "N"])
        #expect(source.mentions["F"] == nil && source.mentions["J"] == nil && source.mentions["Int"] == 8)
        #expect(source.imports.map(\.module) == ["B"])
        #expect(source.mentions["E"] == 2 && source.mentions["Copyable"] == 7)
    }
}
