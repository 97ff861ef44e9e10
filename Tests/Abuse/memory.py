"""Everything at once, as large as the limits allow, over each version: memory stays below what the README states.

usage: see run.
"""

import concurrent.futures
import sys
import time

from ceiling import MIB, ceiling_of_service
from h2wire import H2Wire, data
from process import Process
from service import Service, run_tests, test
from wire import Wire, eventually, jacobian_of, request

CONNECTIONS = 16
# Small enough that what is not bounded passes the ceiling in seconds.
FLAGS = [
    "--max-connections", str(CONNECTIONS), "--reserved-connections", "0", "--max-body", str(4 * MIB),
    "--body-memory", str(8 * MIB), "--work-budget", str(16 * MIB), "--compute-threads", "2", "--write-deadline", "2"]
STREAMS = range(1, 200, 2)


def rows_of(numbers, text):
    """A softmax request's body: 1000 classes, so many numbers."""
    row = b"[" + b",".join([text] * 1000) + b"]"
    return b'{"logits":[' + b",".join([row] * (numbers // 1000)) + b"]}"


# The most numbers a body can hold, and fewer that are longer.
BODIES = [rows_of(2_000_000, b"1"), rows_of(1_000_000, b"1e1"), rows_of(300_000, b"-12.5678901")]


def at_once(client, count=CONNECTIONS):
    """Runs so many clients, each with its number; their results."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(client, range(count)))


def bounded(attacks):
    """Runs the attacks against one service: its peak is below the ceiling, and it serves and forgets afterwards."""
    limit = ceiling_of_service(FLAGS)
    with Service(*FLAGS) as service:
        process = Process(service)
        before = process.resident()
        process.forget_peak()
        peaks, statuses = [], set()
        for attack in attacks:
            statuses.update(status for found in at_once(lambda index: attack(service, index)) for status in found)
            peaks.append(process.peak() // 1024)
        assert peaks[-1] * MIB < limit, f"{peaks} MiB, stated are {limit / MIB:.0f}"
        assert statuses <= {200, 408, 503} and 200 in statuses, statuses
        assert service.post("/softmax", {"logits": [0, 0]})[0] == 200
        assert eventually(lambda: process.resident() < before + 128 * 1024), (before, process.resident())
        return f"{peaks[-1]} MiB at most, {' '.join(map(str, peaks))} by attack; stated are {limit / MIB:.0f} MiB"


def large_requests(service, index):
    """Bodies up to the limit, read at once, and replies far above it."""
    statuses = []
    for round in range(2):
        which = (index + round) % 4
        text = jacobian_of(1500) if which == 3 else request("/softmax", BODIES[which])
        with Wire(service, timeout=60) as wire:
            wire.send(text)
            statuses.append(wire.reply(60)[0])
    return statuses


def unread_replies(service, index):
    with Wire(service, receive_buffer=4096) as wire:
        wire.send(jacobian_of((180, 255, 1000, 1500)[index % 4]))
        time.sleep(1)
        wire.poll(5)
        return [int(status) for status in wire.statuses()]


def unfinished_bodies(service, index):
    with Wire(service) as wire:
        wire.send(b"POST /softmax HTTP/1.1\r\nHost: a\r\nX: %b\r\n" % (b"x" * 15_000))
        wire.send(b"Content-Length: %d\r\n\r\n" % (4 * MIB) + BODIES[0][:3 * MIB])
        time.sleep(1)
        wire.poll()
        return [int(status) for status in wire.statuses()]


def unread_streams(service, index):
    """100 streams on a connection that opens no window, or one of a byte a stream."""
    with H2Wire(service, {4: index % 2}) as wire:
        wire.gives_window = False
        classes = (180, 255, 89, 1000)[index // 2 % 4]
        body = jacobian_of(classes).partition(b"\r\n\r\n")[2]
        for stream in STREAMS:
            wire.send(wire.post(stream, "/jacobian", body))
        wire.until(lambda: len(wire.resets) == 100, 4)
        return wire.status.values()


def unfinished_streams(service, index):
    """100 requests of 15 KB of fields and a full window of content each, none complete."""
    with H2Wire(service, timeout=2) as wire:
        wire.until(lambda: 0 in wire.windows and wire.windows[0] > 1 << 19, 5)
        for stream in STREAMS:
            wire.send(wire.headers(stream, [("x", "%d" % stream + "x" * 15_000)], end=False, path="/softmax"))
            wire.send(data(stream, b" " * 1000))
        for stream in STREAMS:
            wire.read()
            if wire.windows[0] > 65535 and stream not in wire.done:
                wire.send(data(stream, b" " * 64_000))
                wire.windows[0] -= 64_000
        wire.until(lambda: False, 1)
        return wire.status.values()


def large_streams(service, index):
    """Bodies up to the limit on three streams at once, and replies far above it that are read slowly."""
    with H2Wire(service, timeout=60) as wire:
        for stream, body in zip((1, 3, 5), (BODIES[index % 3], BODIES[0], None)):
            if body is None:
                wire.send(wire.post(stream, "/jacobian", jacobian_of(1500).partition(b"\r\n\r\n")[2]))
                continue
            wire.send(wire.headers(stream, [("content-type", "application/json")], end=False, path="/softmax"))
            wire.upload(stream, body)
        wire.until(lambda: {1, 3, 5} <= wire.done | wire.resets.keys(), 60)
        return wire.status.values()


@test
def memory_stays_below_the_stated_ceiling_over_http_1():
    return bounded([large_requests, unread_replies, unfinished_bodies])


@test
def memory_stays_below_the_stated_ceiling_over_http_2():
    return bounded([unread_streams, unfinished_streams, large_streams])


if __name__ == "__main__":
    sys.exit(run_tests())
