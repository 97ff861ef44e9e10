import HTTPServer
import Testing

@Suite("Output")
struct HTTPOutputTests {
    private func waiting(_ output: HTTPOutput) -> [UInt8] {
        var output = output
        var bytes: [UInt8] = []
        while !output.isEmpty {
            var piece: [UInt8] = []
            output.withFirstSegments { segments in
                #expect(segments.count <= 16)
                for segment in segments { piece += segment }
            }
            bytes += piece
            output.removeFirst(piece.count)
        }
        return bytes
    }

    @Test(
        "bytes leave in the order in which they came, whatever their sizes and however they are taken",
        arguments: 1...50)
    func order(_ seed: Int) {
        var output = HTTPOutput()
        var expected: [UInt8] = []
        var number = UInt32(seed)
        for step in 0..<60 {
            number = number &* 1_664_525 &+ 1_013_904_223
            let size = [0, 1, 100, HTTPOutput.copyLimit, HTTPOutput.copyLimit + 1, 20_000][Int(number >> 20) % 6]
            let piece = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: size)
            if step % 3 == 0 { output.write { $0.append(contentsOf: piece) } } else { output.append(piece) }
            expected += piece
            let taken = min(Int(number >> 16) % 30_000, output.count)
            if step % 2 == 0 {
                output.removeFirst(taken)
                expected.removeFirst(taken)
            }
            #expect(output.count == expected.count)
        }
        #expect(waiting(output) == expected)
    }

    @Test("small pieces share a segment and large ones are taken over")
    func segments() {
        var output = HTTPOutput()
        for _ in 0..<10 { output.append([1, 2, 3]) }
        #expect(output.withFirstSegments { $0.count } == 1)
        output.append([UInt8](repeating: 4, count: 10_000))
        output.append([5])
        output.append([6])
        #expect(output.withFirstSegments { $0.map(\.count) } == [30, 10_000, 2])
        let limits = [(1, [1]), (30, [30]), (31, [30, 1]), (10_031, [30, 10_000, 1]), (99_999, [30, 10_000, 2])]
        for (limit, counts) in limits {
            #expect(output.withFirstSegments(atMost: limit) { $0.map(\.count) } == counts)
        }
    }

    @Test("removing more than waits, or less than nothing, is harmless")
    func removeTooMany() {
        var output = HTTPOutput()
        output.removeFirst(5)
        output.append([1, 2])
        output.removeFirst(-1)
        #expect(output.count == 2)
        output.removeFirst(99)
        #expect(output.isEmpty)
        output.append([3])
        #expect(waiting(output) == [3])
    }
}
