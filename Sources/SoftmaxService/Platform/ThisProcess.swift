import Glibc

/// What the process was given, and its end.
package enum ThisProcess {
    /// The environment.
    ///
    /// This is the only place that reads it.
    package static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let line = entry.pointee {
            let text = String(cString: line)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }

    /// Ends it with that status.
    package static func end(status: Int32) -> Never { exit(status) }

    /// The command line of a process that runs the same program as this one, each argument ended by a zero (proc(5)).
    ///
    /// `nil` where it runs another, or this user may not know.
    static func commandLine(ofSameProgram process: Int) -> [UInt8]? {
        guard let own = program(of: "self"), program(of: "\(process)") == own else { return nil }
        return Descriptors.readFile("/proc/\(process)/cmdline")
    }

    /// The path of a process's program; `nil` where this user may not know.
    private static func program(of process: String) -> [CChar]? {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/\(process)/exe", &path, path.count)
        return count > 0 ? Array(path[..<count]) : nil
    }
}
