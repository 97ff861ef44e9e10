"""Raw connections to the service and what they get back."""

import contextlib
import re
import select
import socket
import struct
import time


def eventually(condition, seconds=5.0, every=0.01):
    """Whether `condition` becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def wait_for(condition, what, seconds=5.0):
    assert eventually(condition, seconds), f"not within {seconds} s: {what}"


class Wire:
    """One TCP connection that says what it is told to and remembers how it ended."""

    # Bytes that all connections of this process have sent.
    total_sent = 0

    def __init__(self, service, timeout=10.0, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", service.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        # None while open; then "closed" (orderly) or "reset".
        self.ended = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Sends all of it; False where the peer has gone or takes nothing for the timeout."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._send(view):]
            return True
        except TimeoutError:
            return False
        except (ConnectionResetError, BrokenPipeError):
            self.ended = "reset"
            return False

    def _send(self, view, flags=0):
        count = self.socket.send(view, flags)
        Wire.total_sent += count
        return count

    def send_some(self, view):
        """Sends what is taken at once and says how much that is; BlockingIOError where nothing is."""
        return self._send(view, socket.MSG_DONTWAIT)

    def exchange(self, data, seconds=30.0):
        """Sends all of it and reads all the while, as a client that pipelines does; whether all of it was taken.

        `seconds` is how long the peer may neither take nor send anything.
        """
        view = memoryview(data)
        while view and self.ended is None:
            ready = self._ready(select.POLLIN | select.POLLOUT, seconds)
            if not ready:
                return False
            if ready & ~select.POLLOUT:
                self.poll(size=1 << 18)
            if ready & select.POLLOUT and self.ended is None:
                try:
                    view = view[self.send_some(view):]
                except BlockingIOError:
                    pass
                except (ConnectionResetError, BrokenPipeError):
                    self.ended = "reset"
        return not view

    def take_whole(self, content):
        """Drops all whole replies that are 200 with this content; how many there were.

        What is left over is the beginning of one. Fails where any was something else.
        """
        end = self.received.rfind(content) + len(content)
        if end < len(content):
            return 0
        whole = bytes(self.received[:end])
        del self.received[:end]
        count = whole.count(content)
        assert whole.count(b"HTTP/1.1 200 ") == whole.count(b"HTTP/1.1 ") == count, self.wrong(whole)
        return count

    @staticmethod
    def wrong(replies):
        """The beginning of the first reply that is not 200."""
        found = re.search(rb"HTTP/1\.1 (?!200).{0,100}", replies, re.S)
        return found.group(0) if found else replies[:100]

    def _ready(self, events, seconds):
        """Which of the events there are within that time; poll(2) also takes descriptors above 1023."""
        poller = select.poll()
        poller.register(self.socket, events)
        found = poller.poll(1000 * seconds)
        return found[0][1] if found else 0

    def poll(self, seconds=0.0, size=1 << 16):
        """Reads once if there is something within that time; False where there is nothing (any more)."""
        if self.ended == "closed" or not self._ready(select.POLLIN, seconds):
            return False
        try:
            data = self.socket.recv(size)
        except (ConnectionResetError, BrokenPipeError):
            self.ended = "reset"
            return False
        if not data:
            self.ended = self.ended or "closed"
        self.received += data
        return bool(data)

    def read_to_end(self, seconds=10.0):
        """Everything up to the end of the connection, which has to come in time."""
        deadline = time.monotonic() + seconds
        while self.poll(max(0.0, deadline - time.monotonic())):
            pass
        assert self.ended, f"still open after {seconds} s"
        return self.received

    def reply(self, seconds=10.0):
        """The next HTTP/1.1 reply with a Content-Length or in chunks: (status, fields, content)."""
        deadline = time.monotonic() + seconds
        lines = self._line(deadline, b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if fields.get("transfer-encoding") == "chunked":
            content = bytearray()
            while size := int(self._line(deadline, b"\r\n"), 16):
                content += self._take(deadline, size + 2)[:size]
            self._take(deadline, 2)
        else:
            content = self._take(deadline, int(fields.get("content-length", 0)))
        return int(lines[0].split()[1]), fields, bytes(content)

    def _line(self, deadline, end):
        while (length := self.received.find(end)) < 0:
            self._more(deadline)
        return self._take(deadline, length + len(end))[:length]

    def _take(self, deadline, count):
        while len(self.received) < count:
            self._more(deadline)
        taken = self.received[:count]
        del self.received[:count]
        return taken

    def _more(self, deadline):
        assert self.poll(max(0.0, deadline - time.monotonic())), f"no reply, {self.ended or 'silence'}"

    def statuses(self):
        """The statuses of all replies received, for replies without bodies that look like one."""
        return re.findall(rb"HTTP/1\.1 (\d{3}) ", bytes(self.received))

    def is_connected(self):
        """Whether the peer still holds the connection, told without reading from it (TCP_INFO's state)."""
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1

    def half_close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


def request(path, body=b"", method=None, **fields):
    """The bytes of a HTTP/1.1 request."""
    method = method or ("POST" if body else "GET")
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def jacobian_of(classes):
    """A request for a dense Jacobian: `classes` numbers in, its square out, some 20 bytes each."""
    return request("/jacobian", b'{"logits":[' + b",".join(b"%d" % (c * 7 % 10) for c in range(classes)) + b"]}")


LIVE = request("/livez")
SMALL = request("/softmax", b'{"logits":[2,1,0]}')
PROBABILITIES = b'{"probabilities":[0.6652409557748219,0.24472847105479764,0.09003057317038046]}'
LIVELY = b'{"status":"live"}'


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < float("inf") else "failed"
