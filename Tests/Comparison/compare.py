"""Two programs, the same bytes: what they answer and what they log has to be the same bytes, too.

    compare.py OLD NEW [--requests N] [--seed S] [--known FILE]

Every conformance case, every seed of the fuzz targets and N random requests, over HTTP/1.1 and HTTP/2, in pieces cut at
random. Only what must differ is masked: Date, identifiers that the service made, times in the log. Differences are
printed; --known names a file of patterns of cases (a regular expression a line) whose difference is meant.
"""

import argparse
import json
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
sys.path[:0] = [str(TESTS / "Abuse")]

import cases  # noqa: E402
import streams  # noqa: E402

# A batch is sent on one connection, which carries this many requests at most.
BATCH = 50
DATE = re.compile(rb"(?i)(\r\ndate: )[^\r]*")
MADE_ID = re.compile(rb"(?i)(\r\nx-request-id: |\"request_id\":\")[0-9a-f]{16}(?=[\r\"])")


class Service:
    """A program on a free port, with one loop, so that its log is in one order, and a file for its log."""

    def __init__(self, program, flags):
        self.log = tempfile.TemporaryFile("w+b")
        self.errors = tempfile.TemporaryFile("w+b")
        self.process = subprocess.Popen(
            [program, "--port", "0", "--loops", "1", "--compute-threads", "2", *flags],
            stdout=self.log, stderr=self.errors)

    def __enter__(self):
        deadline = time.monotonic() + 30
        while True:
            self.errors.seek(0)
            said = self.errors.read()
            found = re.search(rb":(\d+)\n", said)
            if found:
                self.port = int(found.group(1))
                return self
            assert self.process.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.01)

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(40) == 0, "the program did not end well"

    def lines(self):
        """What was logged until the end, without what differs from run to run, in the order of text."""
        self.log.seek(0)
        records = []
        for line in self.log:
            record = json.loads(line)
            for name in ("time", "duration_us"):
                record.pop(name, None)
            record["remote"] = "peer"
            if re.fullmatch("[0-9a-f]{16}", record.get("request_id", "")):
                record["request_id"] = "made"
            records.append(json.dumps(record))
        return sorted(records)


def exchange(port, pieces, seconds=30):
    """Sends the pieces, then the end; everything that comes back, and how the connection ended."""
    with socket.create_connection(("127.0.0.1", port), seconds) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send():
            try:
                for piece in pieces:
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                # The program has closed already; what it said before is what counts.
                pass

        sender = threading.Thread(target=send)
        sender.start()
        received = bytearray()
        ended = "closed"
        try:
            while data := client.recv(1 << 16):
                received += data
        except OSError as error:
            ended = type(error).__name__
        sender.join()
    return bytes(received), ended


def masked(reply):
    return MADE_ID.sub(rb"\1made", DATE.sub(rb"\1now", reply))


def cut(noise, data):
    """The same bytes in one piece, or in some."""
    if noise.random() < 0.7:
        return [data]
    pieces = []
    while data:
        count = noise.choice((1, 2, 7, 100, 1000, 20_000))
        pieces.append(data[:count])
        data = data[count:]
        if len(pieces) > 40:
            return [*pieces, data]
    return pieces


class Tally:
    """What was compared and what differed."""

    def __init__(self, known):
        self.requests = self.known = 0
        self.patterns = known
        self.differences = []

    def compare(self, name, old, new, requests=1):
        self.requests += requests
        if old == new:
            return
        if any(re.search(pattern, name) for pattern in self.patterns):
            self.known += 1
            return
        self.differences.append(name)
        if len(self.differences) <= 20:
            at = next((i for i, (a, b) in enumerate(zip(str(old), str(new))) if a != b), 0)
            print(f"DIFFERENT {name}\n  old …{str(old)[max(0, at - 200):at + 200]}\n"
                  f"  new …{str(new)[max(0, at - 200):at + 200]}", flush=True)


def batches(items, size):
    for start in range(0, len(items), size):
        yield items[start:start + size]


def run_http1(tally, old, new, noise, bodies):
    """Batches of requests on one connection each."""
    for batch in batches(bodies, BATCH):
        data = b"".join(case.http1(index) for index, case in enumerate(batch))
        pieces = cut(noise, data)
        replies = [masked(exchange(service.port, pieces)[0]) for service in (old, new)]
        if replies[0] == replies[1]:
            tally.requests += len(batch)
            continue
        # Which one it was: each alone.
        for case in batch:
            pieces = [case.http1(0)]
            tally.compare(case.name, *(masked(exchange(service.port, pieces)[0]) for service in (old, new)))


def run_http2(tally, old, new, noise, bodies):
    for batch in batches(bodies, BATCH):
        wire = [streams.ask(service.port, batch) for service in (old, new)]
        for case, *replies in zip(batch, *wire):
            tally.compare("HTTP/2 " + case.name, *replies)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--known")
    options = parser.parse_args()
    known = []
    if options.known:
        lines = pathlib.Path(options.known).read_text().splitlines()
        known = [line for line in lines if line and not line.startswith("#")]
    tally = Tally(known)
    noise = random.Random(options.seed)

    with Service(options.old, cases.SMALL_LIMITS) as old, Service(options.new, cases.SMALL_LIMITS) as new:
        for name, data in cases.conformance() + cases.wire_seeds():
            outcomes = [exchange(service.port, [data]) for service in (old, new)]
            tally.compare(name, *((masked(reply), ended) for reply, ended in outcomes))
        seeds = cases.body_seeds()
        run_http1(tally, old, new, noise, seeds)
        run_http2(tally, old, new, noise, seeds)
    compare_logs(tally, old.lines(), new.lines())
    print(f"corpora: {tally.requests} compared, {len(tally.differences)} different", flush=True)

    with Service(options.old, []) as old, Service(options.new, []) as new:
        began, left = time.monotonic(), options.requests
        while left > 0 and len(tally.differences) < 100:
            batch = [cases.random_case(noise) for _ in range(min(left, 20 * BATCH))]
            run_http1(tally, old, new, noise, batch)
            run_http2(tally, old, new, noise, batch[::5])
            left -= len(batch)
            print(f"{tally.requests} compared, {len(tally.differences)} different, "
                  f"{time.monotonic() - began:.0f} s", flush=True)
    compare_logs(tally, old.lines(), new.lines())
    print(f"{tally.requests} requests compared, {len(tally.differences)} different, {tally.known} meant to be")
    print(f"{tally.requests - len(tally.differences)} passed, {len(tally.differences)} failed")
    return 1 if tally.differences else 0


def compare_logs(tally, old, new):
    if old != new and not tally.differences:
        only_old = sorted(set(old) - set(new))[:3]
        only_new = sorted(set(new) - set(old))[:3]
        tally.compare(f"the log: {len(old)} and {len(new)} lines", only_old, only_new)
    else:
        tally.requests += 1


if __name__ == "__main__":
    sys.exit(main())
