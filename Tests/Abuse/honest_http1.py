"""Honest clients at full speed over HTTP/1.1, one for each defence: none loses a request."""

import time

from attack import register
from ceiling import MIB
from wire import LIVE, LIVELY, PROBABILITIES, SMALL, Wire, jacobian_of, request

ATTACKS = []
honest = register(ATTACKS, "honest HTTP/1.1")

# A small request in a body as large as is allowed, at little cost to who reads it.
PADDED = b'{"logits":[2,1,0]}' + b" " * (16 * MIB - 100)


def right(wire, seconds=30):
    """The next reply is the right one."""
    status, _, content = wire.reply(seconds)
    assert (status, content) == (200, PROBABILITIES), (status, content[:200])


@honest
def one_request_after_the_other(target):
    count = 0
    with Wire(target, timeout=30) as wire:
        while target.more():
            wire.send(SMALL)
            right(wire)
            count += 1
    return f"all right, {count}"


@honest
def pipelined_sixteen_deep(target):
    count = 0
    with Wire(target, timeout=30) as wire:
        while target.more():
            wire.send(SMALL * 16)
            for _ in range(16):
                right(wire)
            count += 16
    return f"all right, {count}"


@honest
def a_new_connection_for_every_request(target):
    """Every third says so, every third leaves first, every third lets the server close."""
    closing = request("/softmax", b'{"logits":[2,1,0]}', Connection="close")
    count = 0
    while count < 100 or target.more():
        with Wire(target, timeout=30) as wire:
            wire.send(closing if count % 3 else SMALL)
            right(wire)
            if count % 3 == 1:
                wire.read_to_end()
        count += 1
        # The kernel has 28 000 ports and keeps each for a minute.
        target.pace(count, 1000)
    return f"all right, {count}"


@honest(connections=1000, most=100, flags={"--idle-deadline": 75})
def a_thousand_connections_in_turn(target):
    """As many as there are seats for, nearly."""
    wires = [Wire(target, timeout=30) for _ in range(1000)]
    count = 0
    while count < 1000 or target.more():
        group = [wires[(count + index) % 1000] for index in range(50)]
        for wire in group:
            wire.send(SMALL)
        for wire in group:
            right(wire)
        count += 50
    for wire in wires:
        wire.close()
    return f"all right, {count}"


@honest
def heads_as_large_as_is_allowed(target):
    fields = {f"X_{index}": "a" * 160 for index in range(90)}
    text = request("/softmax", b'{"logits":[2,1,0]}', **fields)
    count = 0
    with Wire(target, timeout=30) as wire:
        while target.more():
            wire.exchange(text * 4)
            for _ in range(4):
                right(wire)
            count += 4
    return f"all right, {count}"


@honest
def chunks_of_one_byte(target):
    """What iterencode and its like make of 6000 logits."""
    body = b'{"logits":[' + b",".join([b"2,1,0"] * 2000) + b"]}"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    plain = request("/softmax", body)
    chunked = request("/softmax", b"", "POST", Transfer_Encoding="chunked", Content_Type="application/json") + chunks
    count = 0
    with Wire(target, timeout=30) as wire:
        wire.send(plain)
        expected = wire.reply(30)
        assert expected[0] == 200
        while count < 1 or target.more():
            wire.exchange(chunked)
            status, _, content = wire.reply(30)
            assert (status, content) == (200, expected[2]), (status, content[:200])
            count += 1
    return f"all right, {count}"


@honest(connections=20, most=24)
def steady_uploads_just_above_the_floor(target):
    """600 bytes a second where 500 are asked for, far past the deadline of 2 s."""
    rounds = max(30, min(80, round((target.until - target.begin) * 10)))
    body = b'{"logits":[2,1,0]}' + b" " * (60 * rounds - 18)
    wires = [Wire(target, timeout=30) for _ in range(20)]
    for wire in wires:
        wire.send(request("/softmax", body)[:-len(body)])
    begin = time.monotonic()
    for index in range(rounds):
        time.sleep(max(0.0, begin + 0.1 * index - time.monotonic()))
        for wire in wires:
            wire.send(body[60 * index:60 * (index + 1)])
    for wire in wires:
        right(wire)
        wire.close()
    return f"20 × right within {time.monotonic() - begin:.0f} s"


@honest(bodies=16, parsed=16)
def uploads_as_large_as_is_allowed(target):
    """By length, by length after an invitation, and in chunks."""
    plain = request("/softmax", PADDED)
    head = plain[:-len(PADDED)]
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece)
        for piece in (PADDED[start:start + 65536] for start in range(0, len(PADDED), 65536))) + b"0\r\n\r\n"
    chunked = request("/softmax", b"", "POST", Transfer_Encoding="chunked", Content_Type="application/json")
    count = 0
    while count < 3 or target.more():
        with Wire(target, timeout=30) as wire:
            if count % 3 == 0:
                wire.send(plain)
            elif count % 3 == 1:
                wire.send(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
                assert wire.reply()[0] == 100
                wire.send(PADDED)
            else:
                wire.send(chunked + chunks)
            right(wire)
        count += 1
    return f"all right, {count}"


@honest(connections=4, bodies=64, parsed=64)
def large_uploads_on_four_connections(target):
    plain = request("/softmax", PADDED)
    count = 0
    while count < 4 or target.more():
        wires = [Wire(target, timeout=30) for _ in range(4)]
        for start in range(0, len(plain), 1 << 18):
            for wire in wires:
                wire.send(plain[start:start + (1 << 18)])
        for wire in wires:
            right(wire)
            wire.close()
        count += 4
    return f"all right, {count}"


@honest(connections=8)
def readers_that_are_slow_but_steady(target):
    """Some 100 kB a second each of a reply of 1.8 MB or more: the rest is read at once in the end."""
    wires = [Wire(target, receive_buffer=16384, timeout=30) for _ in range(8)]
    for wire in wires:
        wire.send(jacobian_of(400))
    index = 0
    while target.more():
        for wire in wires:
            wire.poll(0, 10_000)
        index += 1
        target.pace(index, 10)
    replies = [wire.reply(30) for wire in wires]
    assert all(status == 200 and content == replies[0][2] for status, _, content in replies)
    for wire in wires:
        wire.close()
    return f"8 × right, {len(replies[0][2]) / 1e6:.1f} MB each"


@honest
def pipelined_probes(target):
    """What a scraper or a load balancer may ask, all at once."""
    count = 0
    with Wire(target, timeout=30) as wire:
        while target.more():
            wire.exchange(LIVE * 100)
            begun = 0
            while begun < 100:
                assert wire.received.count(LIVELY) or wire.poll(30), wire.ended or "silence"
                begun += wire.take_whole(LIVELY)
            count += 100
    return f"all right, {count}"
