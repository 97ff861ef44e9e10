"""Load on a server from wrk, h2load or a plain socket: how many replies it gave and what they cost it."""

import dataclasses
import math
import re
import socket
import subprocess
import tempfile
import time

from processes import processor_seconds


@dataclasses.dataclass
class Load:
    """What some load came to; processor time in seconds."""

    requests: int
    user: float
    system: float

    @property
    def processor(self):
        return self.user + self.system

    def microseconds(self):
        """CPU-µs per request: all, user, system."""
        return [part / self.requests * 1e6 for part in (self.processor, self.user, self.system)]


def _measured(server, run):
    user, system = processor_seconds(server.pid)
    requests = run()
    later_user, later_system = processor_seconds(server.pid)
    return Load(requests, later_user - user, later_system - system)


def _output(server, command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{server.name}: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def wrk(server, case, seconds):
    """HTTP/1.1 on kept connections for that time."""
    return _measured(server, lambda: wrk_latencies(server, case, seconds, case.connections)["requests"])


def wrk_latencies(server, case, seconds, connections):
    """Requests a second, and the median and 99th percentile of their latencies in µs, over so many kept connections."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            f"wrk.method = 'POST'\nwrk.body = [=[{case.body.decode()}]=]\n"
            "wrk.headers['Content-Type'] = 'application/json'\n"
            "done = function(summary, latency) io.write(string.format('%d requests, %f %f %f\\n', summary.requests,"
            " summary.requests * 1e6 / summary.duration, latency:percentile(50), latency:percentile(99))) end\n")
        script.flush()
        # wrk knows whole seconds only.
        out = _output(server, [
            "wrk", "-t1", f"-c{connections}", f"-d{max(1, math.ceil(seconds))}s", "-s", script.name,
            f"http://127.0.0.1:{server.port}{case.path}"])
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"{server.name}, {case.name}:\n{out}")
    found = re.search(r"^(\d+) requests, (\S+) (\S+) (\S+)$", out, re.MULTILINE)
    return {"requests": int(found[1]), "rate": float(found[2]), "p50_us": float(found[3]), "p99_us": float(found[4])}


def h2load(server, case, requests, http2=True, streams=1, connections=None):
    """An exact number of requests, over HTTP/2 by prior knowledge or HTTP/1.1."""
    connections = connections or case.connections
    with tempfile.NamedTemporaryFile() as body:
        body.write(case.body)
        body.flush()
        command = [
            "h2load", *([] if http2 else ["--h1"]), "-t1", f"-n{requests}", f"-c{min(connections, requests)}",
            f"-m{streams}", f"-d{body.name}", "-Hcontent-type: application/json",
            f"http://127.0.0.1:{server.port}{case.path}"]

        def run():
            out = _output(server, command)
            succeeded = int(re.search(r"(\d+) 2xx", out).group(1))
            if succeeded != requests:
                raise SystemExit(f"{server.name}, {case.name}: {succeeded} of {requests}\n{out}")
            return succeeded

        return _measured(server, run)


def h2load_for(server, case, seconds, counts, **options):
    """As many requests as take the server about that much processor time; `counts` remembers how many that is.

    Finding out is the warm-up. It goes by processor time, which ticks in hundredths of a second, so that no figure
    rests on a few ticks.
    """
    key = (server.name, case.name)
    if key not in counts:
        count = case.connections
        while (load := h2load(server, case, count, **options)).processor < seconds / 5:
            count *= 4
        counts[key] = max(case.connections, round(count * seconds / load.processor))
    return h2load(server, case, counts[key], **options)


class Plain:
    """One kept HTTP/1.1 connection whose client costs little: it looks at sizes, not at content."""

    def __init__(self, server, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(120)
        self.socket.connect(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @staticmethod
    def request(path, body):
        return (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def reply(self):
        """Reads a reply to its end; returns the bytes received, framing and all."""
        view = memoryview(self.buffer)
        received = self.socket.recv_into(self.buffer)
        while (end := self.buffer.find(b"\r\n\r\n", 0, received)) < 0:
            received += self._more(view[received:])
        head = bytes(self.buffer[:end]).lower()
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(f"unexpected reply: {bytes(self.buffer[:received])[:500]}")
        length = re.search(rb"content-length: (\d+)", head)
        if length:
            total = end + 4 + int(length.group(1))
            while received < total:
                received += self._more(view)
            return received
        # In chunks: the last one ends the read, since the server has nothing more to say.
        tail = bytes(self.buffer[max(0, received - 7):received])
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            count = self._more(view)
            received += count
            tail = (tail + bytes(self.buffer[max(0, count - 7):count]))[-7:]
        return received

    def _more(self, view):
        count = self.socket.recv_into(view)
        if not count:
            raise SystemExit("the server closed within a reply")
        return count

    def ask(self, request):
        """Seconds that the whole exchange took."""
        begin = time.perf_counter()
        self.socket.sendall(request)
        self.reply()
        return time.perf_counter() - begin
