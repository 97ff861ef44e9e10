import Foundation
import Testing

extension TransportTests {
    @Suite("Allocations")
    struct Allocations {
        /// The most that one request takes in release; a debug build's allocations are the compiler's affair.
        private static let ceilings = ["livez": 4, "softmax": 6]

        #if DEBUG
            private static let isOptimized = false
        #else
            private static let isOptimized = true
        #endif

        @Test("a small request stays below its ceiling of allocations")
        func ceiling() throws {
            let directory = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            let process = Process()
            let output = Pipe()
            process.executableURL = directory.appending(path: "allocation-count")
            process.standardOutput = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "\(text)")
            for (name, ceiling) in Self.ceilings {
                let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") }, "\(text)")
                let count = try #require(Int(line.dropFirst(name.count + 1)))
                // The rest of the thousand is not the requests': batches of the log, a new date each second. Under a
                // sanitizer nothing is counted.
                if Self.isOptimized { #expect(count / 1000 <= ceiling, "\(count) allocations for 1000 × \(name)") }
            }
        }
    }
}
