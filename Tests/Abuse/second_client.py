"""A well-behaved client beside an attack."""

import contextlib
import itertools
import multiprocessing
import os
import time

from h2wire import H2Wire
from wire import PROBABILITIES, SMALL, Wire, request


class SecondClient:
    """A well-behaved client in a process of its own: how it fared shows what an attack does to others.

    Asks for POST /softmax, or for `path`, every `pause` seconds until left: on `connections` in turn, which are "new"
    (one for this request), "kept" (HTTP/1.1, kept alive) and "HTTP/2" (one connection, a stream each).
    """

    def __init__(self, service, pause=0.02, path=None, connections=("new",)):
        self.service, self.pause, self.connections = service, pause, connections
        self.request = request(path) if path else SMALL
        self.content = None if path else PROBABILITIES

    def __enter__(self):
        self.pipe, theirs = multiprocessing.Pipe()
        self.child = multiprocessing.Process(target=self._run, args=(theirs,), daemon=True)
        self.child.start()
        # It is served before anything is attacked.
        self.pipe.recv()
        return self

    def __exit__(self, *_):
        self.pipe.send("stop")
        # Seconds of each request, infinite for one that got no reply or a wrong one; what the first of those got.
        times, self.fault = self.pipe.recv()
        self.times = sorted(times)
        self.child.join()

    def _run(self, pipe):
        # The parent's connections are its own: a copy held here would keep them open.
        for descriptor in os.listdir("/proc/self/fd"):
            if int(descriptor) > 2 and int(descriptor) != pipe.fileno():
                with contextlib.suppress(OSError):
                    os.close(int(descriptor))
        times, fault, self.open = [], None, {}
        for kind in itertools.cycle(self.connections):
            begin = time.monotonic()
            try:
                got = self._ask(kind)
                right = got[0] == 200 and got[1] == (self.content or got[1])
            except (OSError, AssertionError, KeyError) as error:
                got, right = f"{type(error).__name__}: {error}", False
            times.append(time.monotonic() - begin if right else float("inf"))
            if not right:
                fault = fault or f"{kind}: {got}"
                self._leave(kind)
            if len(times) == len(self.connections):
                pipe.send("begun")
            if len(times) >= len(self.connections) and pipe.poll(self.pause):
                break
        pipe.send((times, fault))

    def _ask(self, kind):
        """The status and content of one reply."""
        if kind == "HTTP/2":
            wire = self.open.get(kind) or H2Wire(self.service, timeout=30)
            self.open[kind] = wire
            self.stream = getattr(self, "stream", -1) + 2
            wire.send(wire.post(self.stream, "/softmax", SMALL.partition(b"\r\n\r\n")[2]))
            return wire.reply(self.stream, 30), bytes(wire.content.pop(self.stream, b""))
        wire = self.open.get(kind) or Wire(self.service, timeout=30)
        self.open[kind] = wire
        wire.socket.sendall(self.request)
        status, _, content = wire.reply(30)
        if kind == "new":
            self._leave(kind)
        return status, content

    def _leave(self, kind):
        if wire := self.open.pop(kind, None):
            wire.close()
        if kind == "HTTP/2":
            self.stream = -1

    @property
    def lost(self):
        """Requests without a reply or with a wrong one."""
        return self.times.count(float("inf"))

    @property
    def worst(self):
        return self.times[-1]

    def quantile(self, q):
        return self.times[min(len(self.times) - 1, int(q * len(self.times)))]
