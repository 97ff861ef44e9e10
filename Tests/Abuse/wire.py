"""Raw connections to the service, what they get back, and what the process costs meanwhile."""

import contextlib
import multiprocessing
import os
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
        """Sends all of it; False where the peer has gone or does not read for the timeout."""
        try:
            self.socket.sendall(data)
            return True
        except TimeoutError:
            return False
        except (ConnectionResetError, BrokenPipeError):
            self.ended = "reset"
            return False

    def poll(self, seconds=0.0, size=1 << 16):
        """Reads once if there is something within that time; False where there is nothing (any more)."""
        if self.ended == "closed" or not select.select([self.socket], [], [], seconds)[0]:
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


SMALL = request("/softmax", b'{"logits":[2,1,0]}')
PROBABILITIES = b'{"probabilities":[0.6652409557748219,0.24472847105479764,0.09003057317038046]}'


class Process:
    """What a process has used, from /proc."""

    def __init__(self, service):
        self.folder = f"/proc/{service.process.pid}"
        self.pid = service.process.pid

    def _memory(self, name):
        with open(f"{self.folder}/status", encoding="ascii") as file:
            return int(re.search(rf"{name}:\s+(\d+) kB", file.read()).group(1))

    def resident(self):
        """VmRSS in KiB."""
        return self._memory("VmRSS")

    def peak(self):
        """VmHWM in KiB: the most resident memory since the start or the last forget_peak()."""
        return self._memory("VmHWM")

    def forget_peak(self):
        with open(f"{self.folder}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def cpu(self):
        """Processor time of all threads, seconds."""
        with open(f"{self.folder}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"{self.folder}/fd"))


class SecondClient:
    """A well-behaved client in a process of its own: how it fared shows what an attack does to others.

    Asks for POST /softmax on a new connection, or for `path`, every `pause` seconds until left.
    """

    def __init__(self, service, pause=0.02, path=None, keep_alive=False):
        self.service, self.pause, self.keep_alive = service, pause, keep_alive
        self.request = request(path) if path else SMALL
        self.content = None if path else PROBABILITIES

    def __enter__(self):
        self.pipe, theirs = multiprocessing.Pipe()
        self.child = multiprocessing.Process(target=self._run, args=(theirs,), daemon=True)
        self.child.start()
        return self

    def __exit__(self, *_):
        self.pipe.send("stop")
        # Seconds of each request, infinite for one that failed.
        self.times = sorted(self.pipe.recv())
        self.child.join()

    def _run(self, pipe):
        # The parent's connections are its own: a copy held here would keep them open.
        for descriptor in os.listdir("/proc/self/fd"):
            if int(descriptor) > 2 and int(descriptor) != pipe.fileno():
                with contextlib.suppress(OSError):
                    os.close(int(descriptor))
        times, wire = [], None
        while not times or not pipe.poll(self.pause):
            begin = time.monotonic()
            try:
                wire = wire or Wire(self.service, timeout=5)
                wire.socket.sendall(self.request)
                status, _, content = wire.reply(5)
                right = status == 200 and content == (self.content or content)
            except (OSError, AssertionError):
                right, wire = False, None
            times.append(time.monotonic() - begin if right else float("inf"))
            if wire and not self.keep_alive:
                wire.close()
                wire = None
        pipe.send(times)

    @property
    def worst(self):
        return self.times[-1]

    def quantile(self, q):
        return self.times[min(len(self.times) - 1, int(q * len(self.times)))]


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < float("inf") else "failed"
