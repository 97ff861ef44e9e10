import HTTPServer
import Testing

@Suite("Token bucket")
struct TokenBucketTests {
    static let second: UInt64 = 1_000_000_000

    /// How many of so many tokens there are.
    static func taken(of count: Int, from bucket: inout TokenBucket, now: UInt64) -> Int {
        var taken = 0
        for _ in 0..<count where bucket.take(now: now) { taken += 1 }
        return taken
    }

    @Test("Allows the burst, then the rate")
    func burstAndRate() {
        var bucket = TokenBucket(burst: 3, rate: 2)
        #expect(Self.taken(of: 3, from: &bucket, now: 5) == 3)
        #expect(Self.taken(of: 1, from: &bucket, now: 5) == 0)
        #expect(Self.taken(of: 1, from: &bucket, now: 5 + Self.second / 2 - 1) == 0)
        #expect(Self.taken(of: 1, from: &bucket, now: 5 + Self.second / 2) == 1)
        #expect(Self.taken(of: 1, from: &bucket, now: 5 + Self.second / 2) == 0)
    }

    @Test("Never holds more than the burst, however long it waits")
    func capacity() {
        var bucket = TokenBucket(burst: 2, rate: 1000)
        #expect(Self.taken(of: 1, from: &bucket, now: 0) == 1)
        #expect(Self.taken(of: 1, from: &bucket, now: .max) == 1)
        #expect(Self.taken(of: 1, from: &bucket, now: .max) == 1)
        #expect(Self.taken(of: 1, from: &bucket, now: .max) == 0)
    }

    @Test("A clock that goes back gives nothing")
    func backwards() {
        var bucket = TokenBucket(burst: 1, rate: 1)
        #expect(Self.taken(of: 1, from: &bucket, now: 10 * Self.second) == 1)
        #expect(Self.taken(of: 1, from: &bucket, now: 0) == 0)
        #expect(Self.taken(of: 1, from: &bucket, now: 10 * Self.second) == 0)
        #expect(Self.taken(of: 1, from: &bucket, now: 11 * Self.second) == 1)
    }

    @Test("What is given is taken later, up to the burst")
    func gifts() {
        var bucket = TokenBucket(burst: 4, rate: 1)
        #expect(Self.taken(of: 4, from: &bucket, now: 0) == 4)
        bucket.give(2)
        #expect(Self.taken(of: 2, from: &bucket, now: 0) == 2)
        #expect(Self.taken(of: 1, from: &bucket, now: 0) == 0)
        bucket.give(.max)
        #expect(Self.taken(of: 4, from: &bucket, now: 0) == 4)
        #expect(Self.taken(of: 1, from: &bucket, now: 0) == 0)
    }
}
