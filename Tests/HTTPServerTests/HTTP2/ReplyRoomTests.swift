import HTTPServer
import Testing

@Suite("Reply room of an HTTP/2 connection")
struct ReplyRoomTests {
    @Test("Requests wait for all three sums, pieces of streamed bodies only for two")
    func highWater() {
        var room = ReplyRoom(highWater: 100)
        var (reply, piece) = (ReplyRoom.Reservation(), ReplyRoom.Reservation())
        #expect(room.takesRequest && room.takesPiece)
        room.reserve(100, isPiece: false, for: &reply)
        #expect(!room.takesRequest && room.takesPiece)
        room.reserve(99, isPiece: false, for: &reply)
        #expect(room.takesRequest && room.takesPiece)
        room.reserve(1, isPiece: true, for: &piece)
        #expect(!room.takesRequest && room.takesPiece)
        room.hold(98)
        #expect(room.held == 98 && room.takesPiece)
        room.hold(1)
        #expect(!room.takesPiece)
        room.release(99)
        room.reserve(0, isPiece: true, for: &piece)
        #expect(room.held == 0 && room.takesRequest && room.takesPiece)
    }

    @Test("A stream's reservation replaces its last one, also where its reply has begun meanwhile")
    func replaces() {
        var room = ReplyRoom(highWater: 100)
        var stream = ReplyRoom.Reservation()
        room.reserve(100, isPiece: false, for: &stream)
        room.reserve(50, isPiece: true, for: &stream)
        #expect(room.takesRequest)
        room.reserve(100, isPiece: true, for: &stream)
        #expect(!room.takesRequest && !room.takesPiece)
        room.reserve(0, isPiece: false, for: &stream)
        #expect(room.takesRequest && room.takesPiece)
    }

    @Test("One request is always let in", arguments: [0, -5, 1])
    func never0(highWater: Int) {
        var room = ReplyRoom(highWater: highWater)
        #expect(room.takesRequest && room.takesPiece)
        room.hold(1)
        #expect(!room.takesRequest && !room.takesPiece)
    }
}
