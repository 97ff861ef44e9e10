import Dispatch
import TensorJSON
import Testing

@Suite("Reading on several threads")
struct ConcurrentReadingTests {
    /// What a body's logits came to: numbers and nesting, or the error.
    private enum Outcome: Equatable {
        case tensor(Tensor<Double>)
        case refused(TensorJSONError)
    }

    private func read(_ logits: String, _ loop: ConcurrentLoop?, allowingNegativeInfinity: Bool = true) -> Outcome {
        do throws(TensorJSONError) {
            let request = try JSONRequest(
                Array("{\"logits\":\(logits)}".utf8), members: knownMembers, limits: TensorLimits(), loop: loop)
            return .tensor(
                try request.tensor(
                    "logits", as: Double.self, allowingNegativeInfinity: allowingNegativeInfinity))
        } catch {
            return .refused(error)
        }
    }

    private static var threads: ConcurrentLoop {
        { DispatchQueue.concurrentPerform(iterations: $0, execute: $1) }
    }
    private static var backwards: ConcurrentLoop {
        { count, body in for index in (0..<count).reversed() { body(index) } }
    }

    /// Nested arrays of so many numbers in all, with the text of some of them replaced.
    private static func rows(_ lengths: [Int], _ replaced: [Int: String] = [:]) -> String {
        var number = 0
        let rows = lengths.map { length in
            let numbers = (number..<number + length).map { replaced[$0] ?? "\(Double($0) * -0.37)" }
            number += length
            return "[" + numbers.joined(separator: ",") + "]"
        }
        return "[" + rows.joined(separator: ",") + "]"
    }

    @Test(
        "numbers and nesting are those that one thread reads",
        arguments: [
            [40_000], [1, 40_000, 2], [Int](repeating: 100, count: 300), [Int](repeating: 1, count: 20_000),
            [8192, 8192], [8191, 8193, 1], [16_384], [5, 16_379],
        ])
    func equal(lengths: [Int]) {
        let removed = rows(lengths, with: #""-Infinity""#)
        for json in [Self.rows(lengths), removed] {
            let expected = read(json, nil)
            guard case .tensor = expected else { Issue.record("\(expected)"); return }
            #expect(read(json, Self.threads) == expected)
            #expect(read(json, Self.backwards) == expected)
        }
    }

    private func rows(_ lengths: [Int], with text: String) -> String {
        let count = lengths.reduce(0, +)
        return Self.rows(lengths, [0: text, 8191: text, 8192: text, count - 1: text])
    }

    @Test(
        "the first thing that is wrong is what is told, wherever the pieces begin",
        arguments: [
            "01", "1e999", "true", #""Infinity""#, "[1]", "1 2", "-", "1.", "null", #""-\u0049nfinity""#, "{}", "",
        ], [0, 8191, 8192, 20_000, 39_999])
    func refusals(text: String, place: Int) {
        let json = Self.rows([10_000, 30_000], [place: text])
        let twice = Self.rows([10_000, 30_000], [place: text, 39_998: "1e999", 30_000: "false"])
        for json in [json, twice] {
            let expected = read(json, nil)
            #expect(read(json, Self.threads) == expected)
            #expect(read(json, Self.backwards) == expected)
        }
    }

    @Test("\"-Infinity\" is refused where it is not allowed")
    func cotangents() {
        let json = rows([40_000], with: #""-Infinity""#)
        let expected = read(json, nil, allowingNegativeInfinity: false)
        guard case .refused = expected else { Issue.record("\(expected)"); return }
        #expect(read(json, Self.threads, allowingNegativeInfinity: false) == expected)
    }
}
