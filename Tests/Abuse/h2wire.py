"""HTTP/2 one frame at a time, rules kept or not."""

import time

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame,
    WindowUpdateFrame)

from wire import Wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NAMES = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
         "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
         "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]
CALM, PROTOCOL, FLOW, SIZE, REFUSED, COMPRESSION = 11, 1, 3, 6, 7, 9


class H2Wire(Wire):
    """A connection that has sent the preface and its SETTINGS, and sorts what it gets back."""

    def __init__(self, service, settings=None, begin=True, **options):
        super().__init__(service, **options)
        self.encoder = Encoder()
        self.decoder = Decoder()
        # By stream: response status, error code of a reset, bytes of content, whether it ended.
        self.status, self.resets, self.content, self.done = {}, {}, {}, set()
        self.goaway = self.last_stream = None
        # What the server's windows still have room for, and what a new stream's begins with.
        self.windows, self.initial_window = {0: 65535}, 65535
        # Of the server's frames by type, how many came.
        self.seen = {}
        self.gives_window = self.acknowledges = True
        self._block = b""
        if begin:
            self.send(PREFACE + SettingsFrame(0, settings or {}).serialize())

    def headers(self, stream, fields=(), end=True, **pseudo):
        """The bytes of a HEADERS frame."""
        pseudo = {"method": "GET" if end else "POST", "scheme": "http", "authority": "localhost", "path": "/livez",
                  **pseudo}
        block = self.encoder.encode(
            [(":" + name, value) for name, value in pseudo.items() if value is not None] + list(fields))
        frame = HeadersFrame(stream, block, flags=["END_HEADERS"] + (["END_STREAM"] if end else []))
        return frame.serialize()

    def post(self, stream, path, body):
        """The bytes of a whole request."""
        return self.headers(stream, [("content-type", "application/json")], end=False, path=path) + data(
            stream, body, end=True)

    def room(self, stream):
        """Bytes of content that the server's windows let through on a stream."""
        return min(self.windows[0], self.windows.setdefault(stream, self.initial_window))

    def spend(self, stream, content, end=False):
        """Sends a piece of content that there is room for."""
        self.send(data(stream, content, end))
        self.windows[0] -= len(content)
        self.windows[stream] -= len(content)

    def upload(self, stream, content, end=True):
        """Sends all of a request's content as the server's windows allow."""
        taken = 0
        while taken < len(content):
            while self.read():
                pass
            room = min(16384, self.room(stream))
            if room <= 0:
                assert self.read(10), f"no window for {len(content) - taken} bytes; {self.outcome()}"
                continue
            piece = content[taken:taken + room]
            taken += len(piece)
            self.spend(stream, piece, end and taken == len(content))

    def read(self, seconds=0.0, size=1 << 16):
        """Reads and sorts once; False where nothing came."""
        if not self.poll(seconds, size):
            return False
        self._sort_received()
        return True

    def exchange(self, data, seconds=30.0):
        taken = super().exchange(data, seconds)
        self._sort_received()
        return taken

    def _sort_received(self):
        while len(self.received) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(bytes(self.received[:9])))
            if len(self.received) < 9 + length:
                break
            frame.parse_body(memoryview(bytes(self.received[9:9 + length])))
            del self.received[:9 + length]
            self._sort(frame, length)

    def _sort(self, frame, length):
        self.seen[type(frame).__name__] = self.seen.get(type(frame).__name__, 0) + 1
        stream = frame.stream_id
        if isinstance(frame, GoAwayFrame):
            # The first one that names a reason stays: a drain announces itself with NO_ERROR.
            self.goaway = self.goaway or frame.error_code
            self.last_stream = frame.last_stream_id
        elif isinstance(frame, WindowUpdateFrame):
            self.windows[stream] = self.windows.get(stream, self.initial_window) + frame.window_increment
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            # For streams to come: those of a test begin after it, or fit the default.
            self.initial_window = frame.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, 65535)
            if self.acknowledges:
                self.send(SettingsFrame(0, flags=["ACK"]).serialize())
        elif isinstance(frame, PingFrame):
            # A drain waits for it: without it, requests on their way are cut off after a while.
            if self.acknowledges and "ACK" not in frame.flags:
                self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
        elif isinstance(frame, RstStreamFrame):
            self.resets[stream] = frame.error_code
        elif isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self._block += frame.data
            if "END_HEADERS" in frame.flags:
                fields = dict(self.decoder.decode(self._block))
                self._block = b""
                self.status[stream] = int(fields[":status"])
        elif isinstance(frame, DataFrame):
            self.content.setdefault(stream, bytearray()).extend(frame.data)
            if length and self.gives_window:
                self.send(window(0, length) + window(stream, length))
        if "END_STREAM" in frame.flags and not isinstance(frame, SettingsFrame):
            self.done.add(stream)

    def until(self, condition, seconds=10.0):
        """Reads until `condition` or the end of the connection; whether it came to be."""
        deadline = time.monotonic() + seconds
        while not condition() and self.ended is None and time.monotonic() < deadline:
            self.read(max(0.0, min(0.1, deadline - time.monotonic())))
        return condition()

    def to_the_end(self, seconds=10.0):
        self.until(lambda: False, seconds)
        assert self.ended, f"still open after {seconds} s"

    def reply(self, stream, seconds=10.0):
        """The status of a stream once it is over, or "RST_STREAM NAME"."""
        assert self.until(lambda: stream in self.done or stream in self.resets, seconds), self.outcome()
        return self.status[stream] if stream in self.done else f"RST_STREAM {NAMES[self.resets[stream]]}"

    def outcome(self):
        """How the connection fared, in a few words."""
        said = "no GOAWAY" if self.goaway is None else f"GOAWAY {NAMES[self.goaway]}"
        return f"{said}, {self.ended or 'open'}"


def data(stream, content=b"", end=False):
    """The bytes of one or more DATA frames."""
    pieces = [content[start:start + 16384] for start in range(0, len(content), 16384)] or [b""]
    frames = [DataFrame(stream, piece) for piece in pieces]
    if end:
        frames[-1].flags.add("END_STREAM")
    return b"".join(frame.serialize() for frame in frames)


def window(stream, increment):
    return WindowUpdateFrame(stream, increment).serialize()


def reset(stream, code=8):
    return RstStreamFrame(stream, code).serialize()


def ping():
    return PingFrame(0, b"12345678").serialize()


def raw(kind, flags, stream, payload=b""):
    """A frame of any type and content, valid or not."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
