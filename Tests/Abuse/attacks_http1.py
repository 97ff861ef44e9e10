"""Attacks in HTTP/1.1."""

import os
import random

from attack import register
from wire import PROBABILITIES, SMALL, Wire, request, wait_for

ATTACKS = []
attack = register(ATTACKS, "HTTP/1.1")

MIB = 1 << 20
LOOPS = os.cpu_count()


def flood(service, beginning, block, total, expected):
    """Sends `block` over and over after `beginning`, `total` bytes at most; the reply has to be `expected`."""
    with Wire(service, timeout=5) as wire:
        wire.send(beginning)
        sent = 0
        while sent < total and wire.ended is None:
            # Reads as it goes: a reset would take the reply with it.
            while wire.poll():
                pass
            if wire.ended is None and wire.send(block):
                sent += len(block)
        wire.half_close()
        wire.read_to_end()
        assert wire.statuses() == [expected], wire.received[:200]
        return f"{expected.decode()}, {wire.ended} after {sent / MIB:.1f} MiB"


@attack
def endless_field_value(service):
    return flood(service, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 16384, 64 * MIB, b"431")


@attack
def endless_fields(service):
    return flood(service, b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: a\r\n" * 2000, 64 * MIB, b"431")


@attack
def endless_request_target(service):
    return flood(service, b"GET /", b"a" * 16384, 64 * MIB, b"414")


POST = b"POST /softmax HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@attack
def endless_chunk_extension(service):
    return flood(service, POST + b"1;a=", b"a" * 16384, 64 * MIB, b"400")


@attack
def endless_chunk_size(service):
    return flood(service, POST, b"0" * 16384, 64 * MIB, b"400")


@attack
def chunks_of_one_byte(service):
    return flood(service, POST, b"1\r\n[\r\n" * 4000, 64 * MIB, b"400")


@attack
def endless_trailers(service):
    return flood(service, POST + b"1\r\n1\r\n0\r\n", b"X: a\r\n" * 2000, 64 * MIB, b"400")


@attack(peak=80 * 1024, slack=20 * 1024 * LOOPS)
def endless_chunked_bodies(service):
    """Of however many there are, the allocator may keep the 16 MiB of one for each event loop."""
    outcomes = [flood(service, POST, b"10000\r\n" + b" " * 65536 + b"\r\n", 64 * MIB, b"413") for _ in range(6)]
    return f"6 × {outcomes[-1]}"


@attack
def huge_content_lengths(service):
    answers = []
    for length in (16 * MIB + 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**40):
        with Wire(service) as wire:
            wire.send(b"POST /softmax HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length)
            answers.append(wire.reply()[0])
            wire.half_close()
            wire.read_to_end()
    # From 2⁶³ on it may be called too large, or no number.
    assert answers[:3] == [413] * 3 and all(answer in (400, 413) for answer in answers), answers
    return f"{' '.join(map(str, answers))}, closed"


@attack
def announced_bodies_that_never_come(service):
    """What is announced must not be allocated: 200 × 16 MiB would be 3.2 GiB."""
    head = b"POST /softmax HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n[" % (16 * MIB)
    wires = [Wire(service) for _ in range(200)]
    for wire in wires:
        wire.send(head)
    for wire in wires:
        wire.read_to_end()
    assert all(wire.statuses() == [b"408"] for wire in wires), [wire.statuses() for wire in wires]
    for wire in wires:
        wire.close()
    return "200 × 408, closed"


@attack
def garbage_for_a_head(service):
    """8-bit noise, with and without the beginning of a request before it."""
    noise = random.Random(1)
    seen = set()
    for beginning in (b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
        for _ in range(100):
            with Wire(service) as wire:
                wire.send(beginning + noise.randbytes(4096))
                wire.half_close()
                wire.read_to_end()
                # A byte under 0x20 ends it; were there none, half a head gets no reply.
                assert wire.statuses() in ([b"400"], [b"414"], [b"505"], [b"501"], []), wire.received[:200]
                seen.update(wire.statuses())
    return f"300 × {b', '.join(sorted(seen)).decode()}, closed"


@attack
def pipelining_10_000_requests_without_reading(service):
    """The kernel takes their replies, 2.3 MB, or the server stops reading: it does not pile them up itself."""
    with Wire(service, timeout=0.5, receive_buffer=4096) as wire:
        held = not wire.send(SMALL * 10_000)
        wire.half_close()
        wire.read_to_end(20)
        answered = wire.received.count(PROBABILITIES)
        assert set(wire.statuses()) == {b"200"} and (held or answered == 10_000), (held, answered)
        return f"{answered} answered, {'then held back, ' if held else ''}{wire.ended}"


@attack
def pipelining_10_000_requests_and_reading(service):
    with Wire(service) as wire:
        for _ in range(100):
            assert wire.send(SMALL * 100)
            while wire.poll():
                pass
        wait_for(lambda: not wire.poll(0.1) and wire.received.count(PROBABILITIES) == 10_000, "10 000 replies", 20)
        return "10 000 × 200"


@attack
def pipelining_for_amplification(service):
    """10 000 short requests for a long reply, 40 KB each, from a client that does not read."""
    with Wire(service, timeout=0.5, receive_buffer=4096) as wire:
        wire.send(request("/openapi.json") * 10_000)
        # The write deadline: what the kernel holds is all there will be.
        wait_for(lambda: not is_connected(wire), "closed by the write deadline", 10)
        wire.read_to_end()
        return f"{wire.received.count(b'HTTP/1.1 200')} begun, {wire.ended}"


def is_connected(wire):
    """Whether the peer still holds the connection, told without reading from it (TCP_INFO's state)."""
    return wire.socket.getsockopt(6, 11, 1)[0] == 1


@attack(peak=96 * 1024, slack=32 * 1024)
def json_nested_eight_million_deep(service):
    for _ in range(6):
        with Wire(service) as wire:
            wire.send(request("/softmax", b'{"logits":' + b"[" * (8 * MIB)))
            status = wire.reply()[0]
            assert status == 400, status
    return f"6 × {status}"


@attack
def conflicting_framing(service):
    """What a smuggler sends: every one is refused and ends the connection, so nothing hides behind it."""
    behind = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    framings = [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Content-Length: 4\r\nContent-Length: 5",
        b"Content-Length: +4", b"Content-Length: 4, 4", b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked", b"Content-Length: 0x4",
        b"Transfer-Encoding:\x0bchunked", b"X: a\nContent-Length: 4", b" Content-Length: 4",
    ]
    for framing in framings:
        with Wire(service) as wire:
            wire.send(b"POST /softmax HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n0\r\n\r\n" + behind)
            wire.half_close()
            wire.read_to_end()
            assert wire.statuses() in ([b"400"], [b"501"]), (framing, wire.statuses())
    return f"{len(framings)} × 400 or 501, closed"


@attack
def connections_that_come_and_go(service):
    """5000 connections that say nothing and leave, every other one with a reset."""
    for index in range(5000):
        wire = Wire(service)
        if index % 2:
            wire.reset()
        else:
            wire.close()
    return "5000 taken and forgotten"
