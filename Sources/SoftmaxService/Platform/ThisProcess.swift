import Glibc

/// The environment, end and identity of this process.
package enum ThisProcess {
    /// The environment variables; nothing else reads them.
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

    /// Ends the process.
    package static func exit(status: Int32) -> Never { Glibc.exit(status) }

    /// The command line of a process that runs the same program as this one, its arguments NUL-terminated (proc(5)).
    ///
    /// `nil` if it runs another program or this user may not read it.
    static func commandLine(ofSameProgram process: Int) -> [UInt8]? {
        guard let own = program(of: "self"), program(of: "\(process)") == own else { return nil }
        return Descriptors.readFile("/proc/\(process)/cmdline")
    }

    /// The path of a process's program; `nil` if this user may not read it.
    private static func program(of process: String) -> [CChar]? {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/\(process)/exe", &path, path.count)
        return count > 0 ? Array(path[..<count]) : nil
    }
}
