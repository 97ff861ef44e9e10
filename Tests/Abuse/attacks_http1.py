"""Attacks in HTTP/1.1."""

import random

from attack import KEPT, register
from ceiling import MIB
from wire import LIVE, LIVELY, PROBABILITIES, SMALL, Wire, request, wait_for

ATTACKS = []
attack = register(ATTACKS, "HTTP/1.1")


def flood(target, beginning, block, expected, total=64 * MIB):
    """Sends `block` over and over after `beginning`, `total` bytes at most; the reply has to be `expected`."""
    with Wire(target, timeout=5) as wire:
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
        assert wire.statuses() == [expected], f"{wire.statuses()}, {wire.ended}; expected {expected}"
        return f"{expected.decode()}, {wire.ended} after {sent / 1e6:.1f} MB"


@attack
def endless_field_value(target):
    return flood(target, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 16384, b"431")


@attack
def endless_fields(target):
    return flood(target, b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: a\r\n" * 2000, b"431")


@attack
def endless_method(target):
    """No request line at all, however long."""
    return flood(target, b"", b"A" * 16384, b"400")


@attack
def endless_request_target(target):
    return flood(target, b"GET /", b"a" * 16384, b"414")


POST = b"POST /softmax HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@attack
def endless_chunk_extension(target):
    return flood(target, POST + b"1;a=", b"a" * 16384, b"400")


@attack
def endless_chunk_size(target):
    return flood(target, POST, b"0" * 16384, b"400")


@attack
def an_extension_in_every_chunk(target):
    return flood(target, POST, b"1;a=bcdefgh\r\n[\r\n" * 1000, b"400")


@attack
def zeros_before_every_chunk_size(target):
    return flood(target, POST, b"00000001\r\n[\r\n" * 1000, b"400")


@attack(bodies=1, flags={"--max-body": 1_000_000})
def endless_chunks_of_one_byte(target):
    """Valid, and what some clients do: the limit of the body is what ends it."""
    return flood(target, POST, b"1\r\n[\r\n" * 4000, b"413")


@attack
def endless_trailers(target):
    return flood(target, POST + b"1\r\n1\r\n0\r\n", b"X: a\r\n" * 2000, b"400")


@attack(bodies=16, slack=KEPT)
def endless_chunked_bodies(target):
    return flood(target, POST, b"10000\r\n" + b" " * 65536 + b"\r\n", b"413")


@attack
def huge_content_lengths(target):
    answers = []
    for length in (16 * MIB + 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**40):
        with Wire(target) as wire:
            wire.send(b"POST /softmax HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length)
            answers.append(wire.reply()[0])
            wire.half_close()
            wire.read_to_end()
    # From 2⁶³ on it may be called too large, or no number.
    assert answers[:3] == [413] * 3 and all(answer in (400, 413) for answer in answers), answers
    return f"{' '.join(map(str, answers))}, closed"


@attack(connections=200, most=40)
def announced_bodies_that_never_come(target):
    """What is announced must not be allocated: 200 × 16 MiB would be 3.2 GiB."""
    head = b"POST /softmax HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n[" % (16 * MIB)
    wires = [Wire(target) for _ in range(200)]
    for wire in wires:
        wire.send(head)
    for wire in wires:
        wire.read_to_end()
    assert all(wire.statuses() == [b"408"] for wire in wires), [wire.statuses() for wire in wires]
    for wire in wires:
        wire.close()
    return "200 × 408, closed"


@attack
def garbage_for_a_head(target):
    """8-bit noise, with and without the beginning of a request before it."""
    noise = random.Random(1)
    seen = set()
    for beginning in (b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
        for _ in range(100):
            with Wire(target) as wire:
                wire.send(beginning + noise.randbytes(4096))
                wire.half_close()
                wire.read_to_end()
                # A byte under 0x20 ends it; were there none, half a head gets no reply.
                assert wire.statuses() in ([b"400"], [b"414"], [b"505"], [b"501"], []), wire.received[:200]
                seen.update(wire.statuses())
    return f"300 × {b', '.join(sorted(seen)).decode()}, closed"


@attack
def pipelining_without_reading(target):
    """Small requests for as long as they are taken: the server stops reading, it does not pile replies up itself."""
    with Wire(target, timeout=0.5, receive_buffer=4096) as wire:
        sent, held = 0, False
        while not held and wire.ended is None and (sent < 16 * MIB or target.more()):
            held = not wire.send(SMALL * 1000)
            sent += len(SMALL * 1000)
        assert held or wire.ended, f"took {sent / 1e6:.1f} MB and more"
        wire.half_close()
        wire.read_to_end(20)
        assert set(wire.statuses()) == {b"200"}, wire.wrong(bytes(wire.received))
        return f"held back, {wire.ended} after {wire.received.count(PROBABILITIES)} replies"


def pipelined(target, one, content):
    """Requests as fast as the connection takes them, replies read as fast as they come: none is missing."""
    block = one * 500
    with Wire(target) as wire:
        asked = answered = 0
        while target.more():
            assert wire.exchange(block), f"held for 30 s; {wire.ended or 'open'}"
            asked += 500
            answered += wire.take_whole(content)
        while answered < asked and wire.poll(20, 1 << 18):
            answered += wire.take_whole(content)
        assert answered == asked, f"{asked} asked, {answered} answered, {wire.ended or 'open'}"
        return f"all answered within {target.seconds:.0f} s: {asked} × 200"


@attack
def pipelined_probes_with_replies_read(target):
    """Input comes faster than it can be answered: it has to wait in the client, not in the service's memory."""
    return pipelined(target, LIVE, LIVELY)


@attack
def pipelined_requests_with_replies_read(target):
    return pipelined(target, SMALL, PROBABILITIES)


@attack
def pipelining_for_amplification(target):
    """10 000 short requests for a long reply, 40 KB each, from a client that does not read."""
    with Wire(target, timeout=0.5, receive_buffer=4096) as wire:
        wire.send(request("/openapi.json") * 10_000)
        # The write deadline: what the kernel holds is all there will be.
        wait_for(lambda: not wire.is_connected(), "closed by the write deadline", 10)
        wire.read_to_end()
        return f"{wire.ended} after {wire.received.count(b'HTTP/1.1 200')} begun"


@attack(bodies=8, parsed=8)
def json_nested_eight_million_deep(target):
    with Wire(target) as wire:
        wire.send(request("/softmax", b'{"logits":' + b"[" * (8 * MIB)))
        status = wire.reply(30)[0]
        assert status == 400, status
    return f"{status}"


@attack
def conflicting_framing(target):
    """What a smuggler sends: every one is refused and ends the connection, so nothing hides behind it."""
    behind = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    framings = [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Content-Length: 4\r\nContent-Length: 5",
        b"Content-Length: +4", b"Content-Length: 4, 4", b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked", b"Content-Length: 0x4",
        b"Transfer-Encoding:\x0bchunked", b"X: a\nContent-Length: 4", b" Content-Length: 4",
    ]
    for framing in framings:
        with Wire(target) as wire:
            wire.send(b"POST /softmax HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n0\r\n\r\n" + behind)
            wire.half_close()
            wire.read_to_end()
            assert wire.statuses() in ([b"400"], [b"501"]), (framing, wire.statuses())
    return f"{len(framings)} × 400 or 501, closed"
