"""The clients of the soak: what they do on a connection, and what they tell about it."""

import random
import time
from collections import Counter

from h2wire import H2Wire, reset
from traffic import tensor_case
from wire import Wire, request


class Client:
    """One process's worth of mixed traffic against known cases, until the time is up."""

    def __init__(self, service, cases, seed):
        self.service, self.noise = service, random.Random(seed)
        self.cases = cases
        self.small = [case for case in cases if len(case.content) < 20_000]
        self.large = [case for case in cases if len(case.content) > 100_000]
        self.counts, self.faults = Counter(), []

    def run(self, until):
        """Picks activities at random; returns how often each reply was right, by activity, and the faults."""
        while time.monotonic() < until and len(self.faults) < 10:
            activity = self.noise.choice(self.activities)
            try:
                activity(self)
            except (OSError, AssertionError, KeyError, ValueError) as error:
                self.faults.append(f"{activity.__name__}: {type(error).__name__} {error}")
        return self.counts, self.faults

    def judge(self, activity, case, status, content):
        fault = case.fault(status, content)
        if fault:
            self.faults.append(f"{activity}: {fault}")
        self.counts[activity] += 1

    def some(self, count):
        """Known cases and new ones."""
        return [
            tensor_case(self.noise) if self.noise.random() < 0.1 else self.noise.choice(self.cases)
            for _ in range(count)]


def bytes_of(case, **fields):
    # A name of its own, so that error bodies are the same bytes each time.
    return request(case.path, case.body or b"", case.method, X_Request_Id="soak", **fields)


class HTTP1Client(Client):
    def keep_alive(self):
        with Wire(self.service) as wire:
            for case in self.some(20):
                wire.send(bytes_of(case))
                status, _, content = wire.reply(30)
                self.judge("kept alive", case, status, content)

    def one_request(self):
        case, = self.some(1)
        with Wire(self.service) as wire:
            wire.send(bytes_of(case, Connection="close"))
            status, _, content = wire.reply(30)
            wire.read_to_end(5)
        self.judge("one request", case, status, content)

    def pipelined(self):
        cases = self.noise.choices(self.small, k=8)
        with Wire(self.service) as wire:
            wire.send(b"".join(map(bytes_of, cases)))
            wire.half_close()
            for case in cases:
                status, _, content = wire.reply(30)
                self.judge("pipelined", case, status, content)
            assert wire.read_to_end(5) == b""

    def in_small_parts(self):
        case = self.noise.choice(self.small)
        text = bytes_of(case)
        with Wire(self.service) as wire:
            while text:
                count = self.noise.randint(1, 40)
                wire.send(text[:count])
                text = text[count:]
            status, _, content = wire.reply(30)
        self.judge("in small parts", case, status, content)

    def chunked(self):
        case = self.noise.choice([case for case in self.cases if case.body])
        head = request(case.path, b"", "POST", X_Request_Id="soak", Transfer_Encoding="chunked",
                       Content_Type="application/json")
        body, chunks = case.body, []
        while body:
            # Mostly payload: what is mostly framing is refused.
            count = self.noise.randint(100, 60_000)
            chunks.append(b"%x\r\n%b\r\n" % (len(body[:count]), body[:count]))
            body = body[count:]
        with Wire(self.service) as wire:
            wire.send(head + b"".join(chunks) + b"0\r\n\r\n")
            status, _, content = wire.reply(30)
        self.judge("chunked", case, status, content)

    def read_slowly(self):
        case = self.noise.choice(self.large)
        with Wire(self.service, receive_buffer=16384) as wire:
            wire.send(bytes_of(case))
            for _ in range(20):
                wire.poll(5, 4096)
                time.sleep(0.005)
            status, _, content = wire.reply(30)
        self.judge("read slowly", case, status, content)

    def aborted(self):
        with Wire(self.service) as wire:
            text = bytes_of(self.noise.choice(self.large))
            wire.send(text[:self.noise.choice((10, 60, len(text) - 1, len(text)))])
            if self.noise.random() < 0.5:
                wire.poll(0.05, 1000)
            if self.noise.random() < 0.5:
                wire.reset()
        self.counts["aborted"] += 1

    def noise_for_a_request(self):
        with Wire(self.service) as wire:
            wire.send(self.noise.choice((b"", b"GET / HTTP/1.1\r\nHost: a\r\n")) + self.noise.randbytes(500))
            wire.half_close()
            wire.read_to_end(5)
            assert set(wire.statuses()) <= {b"400", b"414", b"431", b"501", b"505"}, wire.received[:200]
        self.counts["noise"] += 1

    activities = [
        keep_alive, keep_alive, one_request, pipelined, in_small_parts, chunked, read_slowly, aborted,
        noise_for_a_request]


class HTTP2Client(Client):
    def streams(self):
        """Twenty requests at once."""
        with H2Wire(self.service) as wire:
            self._exchange(wire, "at once", self.some(20), 1)

    def one_after_the_other(self):
        with H2Wire(self.service) as wire:
            for index, case in enumerate(self.some(10)):
                self._exchange(wire, "one by one", [case], 2 * index + 1)

    def small_windows(self):
        """A window of 5000 bytes a stream, opened as it is used."""
        with H2Wire(self.service, {4: 5000}) as wire:
            self._exchange(wire, "small windows", [*self.some(4), self.noise.choice(self.large)], 1)

    def some_cancelled(self):
        """Large replies given up midway, and others beside them that come whole."""
        with H2Wire(self.service) as wire:
            for stream in (1, 3, 5):
                self._ask(wire, stream, self.noise.choice(self.large))
            wire.until(lambda: wire.content, self.noise.random() * 0.1)
            wire.send(b"".join(reset(stream) for stream in (1, 3, 5)))
            self._exchange(wire, "beside cancelled", self.some(5), 7)
            self.counts["cancelled"] += 3

    def dropped(self):
        with H2Wire(self.service) as wire:
            for stream in (1, 3, 5):
                self._ask(wire, stream, self.noise.choice(self.cases))
            wire.read(0.02)
            if self.noise.random() < 0.5:
                wire.reset()
        self.counts["dropped"] += 1

    def refused_by_the_protocol(self):
        with H2Wire(self.service) as wire:
            wire.send(self.noise.randbytes(300))
            wire.half_close()
            wire.to_the_end(5)
        self.counts["noise"] += 1

    def _ask(self, wire, stream, case):
        fields = [("x-request-id", "soak")]
        if case.body is None:
            wire.send(wire.headers(stream, fields, method=case.method, path=case.path))
        else:
            fields.append(("content-type", "application/json"))
            wire.send(wire.headers(stream, fields, end=False, path=case.path))
            wire.upload(stream, case.body)

    def _exchange(self, wire, activity, cases, first):
        streams = {first + 2 * index: case for index, case in enumerate(cases)}
        for stream, case in streams.items():
            self._ask(wire, stream, case)
        for stream, case in streams.items():
            status = wire.reply(stream, 30)
            self.judge(activity, case, status, bytes(wire.content.get(stream, b"")))

    activities = [
        streams, streams, one_after_the_other, small_windows, some_cancelled, dropped, refused_by_the_protocol]
