"""Bodies that stall, that are not wanted or that fill the memory for bodies; replies that are not taken to the end."""

import time

from attack import KEPT, register
from ceiling import MIB
from h2wire import H2Wire
from wire import Wire, jacobian_of, request, wait_for

ATTACKS = []
attack = register(ATTACKS, "HTTP")

# Of a body of 16 MiB.
MOST = 15_000_000
# Seconds within which what stalls has to end: the deadline of 2 s, ten seconds of credit at most, and a slow machine.
PATIENCE = 25


def head(path="/softmax", length=16 * MIB, kind="application/json", method="POST", fields=""):
    return (
        f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{fields}\r\n"
    ).encode()


@attack(bodies=16, slack=KEPT)
def a_body_that_stalls_before_its_end(target):
    """Fast at first: bytes of long ago are no credit for a silence."""
    with Wire(target) as wire:
        wire.send(head())
        wire.send(b" " * MOST)
        begin = time.monotonic()
        wire.read_to_end(PATIENCE)
        assert wire.statuses() == [b"408"], wire.received[:200]
        return f"408, {wire.ended} after {time.monotonic() - begin:.1f} s"


@attack(bodies=16, slack=KEPT)
def an_http2_body_that_stalls_before_its_end(target):
    with H2Wire(target) as wire:
        wire.until(lambda: "SettingsFrame" in wire.seen)
        wire.send(wire.headers(1, [("content-length", str(16 * MIB))], end=False, path="/softmax"))
        wire.upload(1, b" " * MOST, end=False)
        begin = time.monotonic()
        over = wire.until(lambda: 1 in wire.done or 1 in wire.resets or wire.ended, PATIENCE)
        assert over, f"still open after {PATIENCE} s of silence"
        assert wire.status.get(1, 408) == 408, wire.status
        return f"{wire.status.get(1, 'no status')} after {time.monotonic() - begin:.1f} s"


@attack(connections=12, bodies=32, most=112, slack=KEPT, flags={"--max-body": 4 * MIB, "--body-memory": 32 * MIB})
def stalled_bodies_that_fill_the_memory_for_bodies(target):
    """Twelve that all but fill it and are silent then; afterwards there is room for a body again."""
    wires = [Wire(target, timeout=2) for _ in range(12)]
    for wire in wires:
        wire.send(head(length=4 * MIB))
        # One that there is no room for is refused, or not read.
        wire.send(b" " * (15 * MIB // 4))
    for wire in wires:
        wire.read_to_end(PATIENCE)
        assert set(wire.statuses()) <= {b"408", b"503"}, wire.received[:200]
        wire.close()
    statuses = sorted(status.decode() for wire in wires for status in wire.statuses())
    with Wire(target) as wire:
        wire.send(request("/softmax", b'{"logits":[2,1,0]}' + b" " * (3 * MIB)))
        assert wire.reply(10)[0] == 200
    return f"{statuses.count('408')} × 408, {statuses.count('503')} × 503, then 200 for 3 MB"


@attack(connections=4)
def readers_that_stop_midway(target):
    """They take 10 MB of 45 at once and nothing more."""
    wires = [Wire(target, receive_buffer=65536) for _ in range(4)]
    for wire in wires:
        wire.send(jacobian_of(1500))
    for wire in wires:
        count = 0
        while count < 10_000_000 and wire.poll(10, 1 << 18):
            count += len(wire.received)
            wire.received.clear()
    begin = time.monotonic()
    for wire in wires:
        wait_for(lambda: not wire.is_connected(), "closed", PATIENCE)
        wire.close()
    return f"4 × closed after {time.monotonic() - begin:.1f} s"


@attack
def an_http2_reader_that_stops_midway(target):
    with H2Wire(target) as wire:
        wire.send(wire.post(1, "/jacobian", jacobian_of(1500).partition(b"\r\n\r\n")[2]))
        wire.until(lambda: len(wire.content.get(1, b"")) > 10_000_000, 30)
        wire.gives_window = False
        begin = time.monotonic()
        assert wire.until(lambda: 1 in wire.resets or wire.ended, PATIENCE), f"still open after {PATIENCE} s"
        return f"{'reset' if 1 in wire.resets else wire.ended} after {time.monotonic() - begin:.1f} s"


# What can be told from the head alone, and the status.
UNWANTED = [
    (head("/nope"), 404), (head("/livez"), 405), (head(kind="text/plain"), 415), (head(length=16 * MIB + 1), 413),
    (head(method="DELETE"), 405), (head(fields="Content-Encoding: gzip\r\n"), 415)]


@attack
def bodies_announced_to_where_none_is_wanted(target):
    """Refused at once: the body is neither invited nor waited for, and what comes of it is not kept."""
    for text, expected in UNWANTED:
        with Wire(target, timeout=5) as wire:
            wire.send(text)
            assert wire.poll(1.5), f"no reply to {text[:30]} before its body"
            wire.send(b" " * 200_000)
            wire.half_close()
            wire.read_to_end()
            assert wire.statuses() == [b"%d" % expected], f"{wire.statuses()} for {text[:30]}, expected {expected}"
    return f"{len(UNWANTED)} refused at once"


@attack
def expectations_where_no_body_is_wanted(target):
    """RFC 9110 section 10.1.1: the final status, and no invitation before it."""
    for text, expected in UNWANTED:
        with Wire(target, timeout=5) as wire:
            wire.send(text.replace(b"Host: a\r\n", b"Host: a\r\nExpect: 100-continue\r\n"))
            status, _, _ = wire.reply(1.5)
            assert status == expected, f"{status} for {text[:30]}, expected {expected}"
            wire.half_close()
            assert wire.read_to_end() == b"", wire.received[:100]
    return f"{len(UNWANTED)} refused, none invited"


@attack
def http2_bodies_sent_to_where_none_is_wanted(target):
    """100 of them on one connection, with content for as long as there is a window."""
    with H2Wire(target) as wire:
        wire.until(lambda: "SettingsFrame" in wire.seen)
        for stream in range(1, 200, 2):
            wire.send(wire.headers(stream, [("content-type", "application/json")], end=False, path="/nope"))
            assert wire.until(lambda: stream in wire.status, 1.5), f"no reply before the body: {wire.outcome()}"
            assert wire.status[stream] == 404, wire.status[stream]
            if wire.room(stream) >= 16384:
                wire.spend(stream, b" " * 16384)
            if not target.more():
                break
        return f"404 at once for each; {wire.outcome()}"
