import Testing

@testable import HTTPServer

@Suite("HTTP/2 stream")
struct HTTP2StreamTests {
    /// A stream as it is at its end, with so many bytes in each of its storages.
    private func used(_ count: Int) -> HTTP2Stream {
        var stream = HTTP2Stream()
        stream.begin(7, now: 9)
        stream.stage = .responding
        stream.headBytes = [UInt8](repeating: 1, count: count)
        let content = [UInt8](repeating: 2, count: count)
        stream.body.append(content.span, atMost: count)
        stream.reply.append(content)
        stream.route = 3
        stream.isReplyMade = true
        stream.isReplySent = true
        stream.inputEnded = true
        return stream
    }

    @Test("What was at its end is blank, whatever storage is kept", arguments: [0, 1, 100, 4096, 4097, 100_000])
    func blank(count: Int) {
        for keepsStorage in [false, true] {
            var stream = used(count)
            stream.end(keepsStorage: keepsStorage)
            #expect(stream.id == 0 && stream.since == 0 && stream.stage == .head && stream.route == nil)
            #expect(!stream.isReplyMade && !stream.isReplySent && !stream.inputEnded && !stream.isDelivered)
            #expect(stream.headBytes.isEmpty && stream.body.count == 0 && stream.reply.count == 0)
            // Twice the bound, as arrays are given room in steps.
            let most = keepsStorage ? 2 * 4096 : 0
            #expect(stream.headBytes.capacity <= most && stream.body.capacity <= most)
            if keepsStorage, count > 0, count <= 100 {
                #expect(stream.headBytes.capacity >= count && stream.body.capacity >= count)
            }
        }
    }

    @Test("A request that was taken stays what it was when its stream ends", arguments: [1, 4096, 100_000])
    func taken(count: Int) {
        var stream = used(count)
        let request = stream.takeRequest()
        stream.end(keepsStorage: true)
        stream.headBytes += [9, 9, 9]
        let next: [UInt8] = [8, 8, 8]
        stream.body.append(next.span, atMost: 3)
        #expect(request.bytes == [UInt8](repeating: 1, count: count))
        #expect(request.body == [UInt8](repeating: 2, count: count))
        #expect(request.route == 3)
    }

    @Test("A reply comes out as it was put in, in frames of any size", arguments: [1, 2, 7, 4096, 1 << 20])
    func reply(frame: Int) {
        var reply = ReplyBuffer()
        for lengths in [[0], [5], [4096], [4097], [1, 2, 3], [10_000, 1, 10_000]] {
            var content: [UInt8] = []
            for (index, length) in lengths.enumerated() {
                let piece = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index) }
                reply.append(piece)
                content += piece
            }
            #expect(reply.count == content.count)
            var output = HTTPOutput()
            var frames = 0
            while reply.count > 0 {
                let header: [UInt8] = [255]
                header.withUnsafeBufferPointer { reply.move(frame, after: $0, to: &output) }
                frames += 1
            }
            #expect(frames == (content.count + frame - 1) / frame)
            var sent: [UInt8] = []
            while !output.isEmpty {
                let before = sent.count
                output.withFirstSegments { segments in for segment in segments { sent += segment } }
                output.removeFirst(sent.count - before)
            }
            let payload = sent.enumerated().filter { $0.offset % (frame + 1) != 0 }.map(\.element)
            #expect(payload == content)
        }
    }
}
