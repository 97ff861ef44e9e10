/// Which way dependencies point: the rules, and what breaks them.
enum Architecture {
    /// What each folder's files may import; a file may import what any folder above it may.
    ///
    /// Modules: softmaxd → SoftmaxService → SoftmaxCore, TensorJSON and HTTPServer, which do not know each other. A C
    /// module has one owner, and the operating system one seam a module, its folder `Platform`.
    static let imports: [String: Set<String>] = [
        "softmaxd": ["SoftmaxService"],
        "SoftmaxService": ["SoftmaxCore", "TensorJSON", "HTTPServer", "Dispatch", "Synchronization"],
        "SoftmaxService/Platform": ["CMalloc", "Glibc"],
        "SoftmaxCore": ["CSoftmaxKernels"],
        "TensorJSON": ["CNumberText", "CSimdjson", "Synchronization"],
        "HTTPServer": ["Synchronization"],
        "HTTPServer/Platform": ["CEpoll", "Glibc"],
        "HTTPServer/HTTP2": ["CNGHTTP2"],
        "HTTPServer/Transport": ["Dispatch"],
    ]

    /// The rooms of HTTPServer and, for each, those whose types its files may mention beside the room's own.
    ///
    /// Transport → HTTP1 | HTTP2 → Message | Time → Platform. Message and Time stand side by side. Only Transport knows
    /// of sockets; the protocols' sessions know neither them nor the machine's clock: Platform is not theirs to mention.
    static let rooms: [String: Set<String>] = [
        "Platform": [],
        "Platform/Sockets": ["Platform"],
        "Time": ["Platform"],
        "Message": ["Platform"],
        "HTTP1": ["Message", "Time"],
        "HTTP2": ["Message", "Time"],
        "Transport": ["Platform", "Platform/Sockets", "Time", "Message", "HTTP1", "HTTP2"],
    ]

    /// An arrow that points the wrong way: a file's import, or its mention of another room's type.
    struct Arrow: Hashable, CustomStringConvertible {
        var path: String
        var target: String
        /// The target's room or, of a module, nothing.
        var room = ""
        var line = 0

        var description: String { "\(path):\(line) \(room.isEmpty ? "imports" : "mentions \(room)'s") \(target)" }
    }

    /// The imports that no folder of the file's allows.
    static func wrongImports(in sources: [SwiftSource]) -> [Arrow] {
        sources.flatMap { source in
            let allowed = folders(above: source.path).reduce(into: Set<String>()) { $0.formUnion(imports[$1] ?? []) }
            return source.imports.filter { !allowed.contains($0.module) }
                .map { Arrow(path: source.path, target: $0.module, line: $0.line) }
        }
    }

    /// The mentions of types of HTTPServer's rooms that are not below the file's own.
    static func wrongMentions(in sources: [SwiftSource]) -> [Arrow] {
        var owners: [String: Set<String>] = [:]
        for source in sources {
            guard let room = Self.room(of: source.path) else { continue }
            for type in source.types { owners[type, default: []].insert(room) }
        }
        return sources.flatMap { source -> [Arrow] in
            guard let room = Self.room(of: source.path) else { return [] }
            let allowed = (rooms[room] ?? []).union([room])
            return source.mentions.compactMap { name, line in
                guard let owners = owners[name], owners.isDisjoint(with: allowed), let owner = owners.min() else {
                    return nil
                }
                return Arrow(path: source.path, target: name, room: owner, line: line)
            }
        }
    }

    /// The room of HTTPServer that a file is in: the innermost folder that is one.
    static func room(of path: String) -> String? {
        folders(above: path).reversed().lazy.filter { $0.hasPrefix("HTTPServer/") }
            .map { String($0.dropFirst("HTTPServer/".count)) }.first { rooms[$0] != nil }
    }

    /// `A/B/c.swift` has `A` and `A/B` above it.
    private static func folders(above path: String) -> [String] {
        let names = path.split(separator: "/").dropLast()
        return names.indices.map { names[...$0].joined(separator: "/") }
    }
}
