"""Attacks in HTTP/2."""

import itertools
import random
import struct

from attack import register
from h2wire import CALM, COMPRESSION, FLOW, NAMES, PREFACE, PROTOCOL, SIZE, H2Wire, data, ping, raw, reset, window
from hyperframe.frame import SettingsFrame
from wire import Wire, jacobian_of

ATTACKS = []
attack = register(ATTACKS, "HTTP/2")

# Frames after which an attacker gives up and waits: what ends it then is a deadline, with another code.
ENOUGH = 100_000
# What ends a flood of streams to be reset: PROTOCOL_ERROR where more than 100 come before the first resets are sent.
RESETS = (CALM, PROTOCOL)
ODD = [stream for stream in range(1, 2 * ENOUGH + 1, 2)]


def flood(target, frames, codes=(CALM,), beginning=lambda wire: b"", reads=True, settings=None, batch=50):
    """Sends frames until the server ends the connection, which it has to do with one of the codes.

    Who does not read learns of it late: the server drops what still comes for a while, so that they can.
    """
    with H2Wire(target, settings, timeout=5) as wire:
        assert wire.until(lambda: "SettingsFrame" in wire.seen, 5), "this server does not speak HTTP/2"
        wire.send(beginning(wire))
        sent = 0
        source = frames(wire)
        # With one that is never stopped it goes on until all was sent that is to be.
        while (sent < ENOUGH or target.more()) and wire.ended is None and wire.goaway is None:
            group = b"".join(itertools.islice(source, batch))
            if not group or not wire.send(group):
                break
            sent += batch
            while reads and wire.read():
                pass
        wire.to_the_end()
        # A reset may take the GOAWAY with it where the client does not read.
        assert wire.goaway in codes or (wire.goaway is None and wire.ended == "reset"), wire.outcome()
        return f"{wire.outcome()} after {sent} frames"


def endless(frame):
    return lambda wire: itertools.repeat(frame)


@attack
def ping_flood(target):
    return flood(target, endless(ping()))


@attack
def ping_flood_without_reading(target):
    return flood(target, endless(ping()), reads=False)


def beside_a_download(target, gives_window):
    """A flood of PING from a client that also downloads: it learns why it is cut off."""
    with H2Wire(target, timeout=5) as wire:
        wire.gives_window = gives_window
        wire.send(wire.post(1, "/jacobian", jacobian_of(1500).partition(b"\r\n\r\n")[2]))
        assert wire.until(lambda: wire.content, 10), f"no download; {wire.outcome()}"
        sent = 0
        while sent < ENOUGH and wire.ended is None and wire.goaway is None:
            if not wire.exchange(ping() * 50):
                break
            sent += 50
            while wire.read():
                pass
        wire.until(lambda: wire.goaway is not None)
        assert wire.goaway == CALM, f"{wire.outcome()} after {sent} frames"
        wire.to_the_end()
        return f"{wire.outcome()} after {sent} frames"


@attack
def ping_flood_beside_a_download(target):
    return beside_a_download(target, gives_window=True)


@attack
def ping_flood_beside_a_download_without_a_window(target):
    return beside_a_download(target, gives_window=False)


@attack
def ping_flood_beside_a_download_read_slowly(target):
    """Windows are as wide as can be, so that what is sent waits in the socket; the GOAWAY comes after all of it."""
    with H2Wire(target, {4: 2**31 - 1}, timeout=5) as wire:
        wire.gives_window = False
        wire.send(window(0, 2**31 - 65536) + wire.post(1, "/jacobian", jacobian_of(1500).partition(b"\r\n\r\n")[2]))
        assert wire.until(lambda: wire.content, 10), f"no download; {wire.outcome()}"
        pings = memoryview(ping() * 50)
        sent, left = 0, pings
        while sent < ENOUGH and wire.ended is None and wire.goaway is None:
            wire.read(0.01, 16384)
            try:
                left = left[wire.send_some(left):] or pings
                sent += 50 * (left is pings)
            except BlockingIOError:
                pass
            except (ConnectionResetError, BrokenPipeError):
                break
        wire.until(lambda: wire.goaway is not None)
        assert wire.goaway == CALM, f"{wire.outcome()} after {sent} frames"
        wire.to_the_end()
        return f"{wire.outcome()} after {sent} frames"


@attack
def settings_flood(target):
    return flood(target, endless(SettingsFrame(0).serialize()))


@attack
def settings_flood_without_reading(target):
    return flood(target, endless(SettingsFrame(0).serialize()), reads=False)


@attack
def settings_with_a_thousand_entries(target):
    entry = struct.pack(">HL", 0x99, 1)
    return flood(target, endless(raw(4, 0, 0, entry * 1000)), codes=(CALM, PROTOCOL), batch=1)


@attack
def acknowledgements_of_nothing(target):
    return flood(target, endless(raw(4, 1, 0)), codes=(CALM, PROTOCOL))


@attack
def priority_flood(target):
    return flood(target, lambda wire: (raw(2, 0, stream, b"\0\0\0\0\x10") for stream in ODD))


@attack
def window_update_flood(target):
    return flood(target, endless(window(0, 1)))


@attack
def window_updates_until_overflow(target):
    return flood(target, endless(window(0, 2**31 - 1)), codes=(FLOW,))


@attack
def unknown_frames_flood(target):
    """Ignored, as RFC 9113 section 5.5 has it; they do not put off the deadline of an idle connection."""
    return flood(target, endless(raw(0xBA, 0, 0, b"?" * 100)), codes=(CALM, PROTOCOL, 0), reads=False)


@attack
def empty_data_flood(target):
    return flood(target, endless(data(1)), beginning=lambda wire: wire.headers(1, end=False, path="/softmax"))


@attack
def data_of_padding_flood(target):
    padded = raw(0, 8, 1, b"\xff" + b"\0" * 255)
    return flood(
        target, endless(padded), codes=(CALM, FLOW, PROTOCOL),
        beginning=lambda wire: wire.headers(1, end=False, path="/softmax"))


@attack
def continuation_flood(target):
    return flood(
        target, endless(raw(9, 0, 1, b"\x82")), codes=(CALM, PROTOCOL, COMPRESSION),
        beginning=lambda wire: raw(1, 0, 1, b"\x82"))


@attack
def large_continuations(target):
    literal = b"\0\x01x\x7f" + hpack_length(16368) + b"a" * 16368
    return flood(
        target, endless(raw(9, 0, 1, literal[:16384])), codes=(CALM, PROTOCOL, COMPRESSION), batch=1,
        beginning=lambda wire: raw(1, 0, 1, b"\x82\x87\x84"))


def hpack_length(value):
    """The rest of a 7-bit-prefix integer whose prefix is all ones (RFC 7541 section 5.1)."""
    value -= 127
    encoded = b""
    while value >= 128:
        encoded += bytes([value % 128 + 128])
        value //= 128
    return encoded + bytes([value])


@attack
def empty_continuations(target):
    return flood(
        target, endless(raw(9, 0, 1)), codes=(CALM, PROTOCOL), beginning=lambda wire: raw(1, 0, 1, b"\x82"))


@attack
def rapid_reset(target):
    return flood(target, lambda wire: (wire.headers(stream) + reset(stream) for stream in ODD))


@attack
def rapid_reset_of_large_work(target):
    body = b'{"logits":[' + b",".join([b"1"] * 2000) + b"]}"
    return flood(
        target, lambda wire: (wire.post(stream, "/jacobian", body) + reset(stream) for stream in ODD), batch=5)


@attack
def made_you_reset_by_window_overflow(target):
    """CVE-2025-8671: a valid request, then a frame that makes the server reset it."""
    return flood(target, codes=RESETS, frames=lambda wire: (
        wire.headers(stream, end=False, path="/softmax") + window(stream, 2**31 - 1) for stream in ODD))


@attack
def made_you_reset_by_empty_window_update(target):
    return flood(target, codes=RESETS, frames=lambda wire: (
        wire.headers(stream, end=False, path="/softmax") + window(stream, 0) for stream in ODD))


@attack
def made_you_reset_by_content_length(target):
    """One byte announced, more sent."""
    return flood(target, codes=RESETS, frames=lambda wire: (
        wire.headers(stream, [("content-length", "1")], end=False, path="/softmax") + data(stream, b"[1]", end=True)
        for stream in ODD))


@attack
def made_you_reset_by_fields(target):
    return flood(target, codes=RESETS, frames=lambda wire: (
        wire.headers(stream, [("connection", "x")]) for stream in ODD))


@attack
def refused_streams(target):
    """Far more requests at once than allowed, none finished."""
    return flood(target, codes=(CALM, PROTOCOL), frames=lambda wire: (
        wire.headers(stream, end=False, path="/softmax") for stream in ODD))


@attack
def hpack_bomb(target):
    """One field of 3900 bytes kept in the dynamic table, then 16 000 references of one byte to it: 62 MB."""
    with H2Wire(target) as wire:
        # 3900 bytes, so that the entry fits the table of 4096.
        wire.send(wire.headers(1, [("x", "a" * 3900)]))
        wire.reply(1)
        # :authority without indexing: the field stays the table's first entry.
        bomb = b"\x82\x86\x84\x01\x09localhost" + b"\xbe" * 16000
        for stream in (3, 5, 7):
            wire.send(raw(1, 5, stream, bomb))
        wire.until(lambda: wire.goaway is not None or {3, 5, 7} <= wire.done | wire.resets.keys())
        assert not set(wire.status.values()) - {200, 400, 404, 431} and 200 not in [
            wire.status.get(stream) for stream in (3, 5, 7)], wire.status
        answers = {str(wire.status.get(stream) or NAMES[wire.resets.get(stream, 0)]) for stream in (3, 5, 7)}
        assert "INTERNAL_ERROR" not in answers, answers
        return f"{', '.join(sorted(answers))}; {wire.outcome()}"


@attack
def header_totals(target):
    """Past 16 KB 431, past 64 KB the stream or the connection ends, and the client is told that it was its doing."""
    answers = []
    for count in (3, 6, 17, 40):
        with H2Wire(target) as wire:
            block = wire.encoder.encode(
                [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/livez")])
            for index in range(count):
                block += b"\0\x02" + b"x%c" % (97 + index % 26) + b"\x7f" + hpack_length(4000) + b"a" * 4000
            pieces = [block[start:start + 16384] for start in range(0, len(block), 16384)]
            for index, piece in enumerate(pieces):
                last = 4 if index == len(pieces) - 1 else 0
                wire.send(raw(9 if index else 1, last | (0 if index else 1), 1, piece))
            wire.until(lambda: wire.goaway is not None or 1 in wire.done or 1 in wire.resets)
            answers.append(wire.status.get(1) or (
                f"RST_STREAM {NAMES[wire.resets[1]]}" if 1 in wire.resets else wire.outcome()))
    assert answers[:2] == [200, 431] and 200 not in answers[2:], answers
    assert not any("INTERNAL_ERROR" in str(answer) for answer in answers), answers
    return ", ".join(map(str, answers))


@attack
def dynamic_table_of_gigabytes(target):
    """A table size the server never allowed."""
    with H2Wire(target, {1: 2**32 - 1}) as wire:
        wire.send(raw(1, 5, 1, b"\x3f\xe1\xff\xff\xff\x0f\x82\x86\x84\x41\x01a"))
        wire.to_the_end()
        assert wire.goaway == COMPRESSION, wire.outcome()
        return wire.outcome()


@attack(connections=200, most=64)
def half_prefaces(target):
    wires = [Wire(target) for _ in range(200)]
    for index, wire in enumerate(wires):
        wire.send(PREFACE[:(1, 3, 10, 16, 23)[index % 5]])
    for wire in wires:
        wire.read_to_end(8)
        assert wire.statuses() in ([], [b"408"], [b"400"]), wire.received
        wire.close()
    return "200 closed by the head deadline"


@attack(connections=100, most=64)
def preface_and_nothing(target):
    wires = [H2Wire(target, begin=False) for _ in range(100)]
    for wire in wires:
        wire.acknowledges = False
        wire.send(PREFACE)
    for wire in wires:
        wire.to_the_end(8)
        wire.close()
    return f"100 × {wires[0].outcome()}"


@attack(connections=50, most=64)
def heads_that_never_end(target):
    """HEADERS without END_HEADERS, then nothing."""
    wires = [H2Wire(target) for _ in range(50)]
    for wire in wires:
        wire.acknowledges = False
        wire.send(raw(1, 1, 1, b"\x82\x86\x84"))
    for wire in wires:
        wire.to_the_end(8)
        wire.close()
    return f"50 × {wires[0].outcome()}"


@attack
def bodies_that_never_end(target):
    with H2Wire(target) as wire:
        for stream in ODD[:50]:
            wire.send(wire.headers(stream, end=False, path="/softmax") + data(stream, b"["))
        wire.until(lambda: len(wire.done | wire.resets.keys()) == 50, 8)
        over = len(wire.done | wire.resets.keys())
        assert over == 50 or wire.ended, (over, wire.outcome())
        return f"{sorted(set(wire.status.values()))} {over} of 50 ended; {wire.outcome()}"


@attack
def ambiguous_authorities_and_targets(target):
    cases = {
        "Host ≠ :authority": ([("host", "b")], {"authority": "a"}), "userinfo": ([], {"authority": "u:p@a"}),
        "two Hosts": ([("host", "a"), ("host", "a")], {"authority": None}),
        "no authority": ([], {"authority": None}), "8-bit :path": ([], {"path": "/l\u00efvez"}),
        "space in :path": ([], {"path": "/livez x"}), "relative :path": ([], {"path": "livez"}),
        "empty :path": ([], {"path": ""}), "LF in a value": ([("x", "a\nb")], {}),
        "upper-case name": ([("Xa", "b")], {}),
        "Transfer-Encoding": ([("transfer-encoding", "chunked")], {}), "TE: gzip": ([("te", "gzip")], {}),
        "fragment": ([], {"path": "/livez#x"}),
    }
    answers = {}
    for name, (fields, pseudo) in cases.items():
        with H2Wire(target) as wire:
            wire.send(wire.headers(1, fields, **pseudo))
            answers[name] = wire.reply(1)
    wrong = {name: answer for name, answer in answers.items() if answer not in (400, "RST_STREAM PROTOCOL_ERROR")}
    assert not wrong, wrong
    refused = sum(answer == 400 for answer in answers.values())
    return f"{refused} × 400, {len(answers) - refused} × RST_STREAM PROTOCOL_ERROR"


@attack
def invalid_frames(target):
    """Each ends the connection with the code of RFC 9113."""
    cases = {
        "too long": (raw(0, 0, 1, b"x" * 16385), (SIZE,)), "DATA on 0": (raw(0, 0, 0, b"x"), (PROTOCOL,)),
        "DATA on idle": (data(9, b"x"), (PROTOCOL, 5)), "HEADERS on 2": (raw(1, 5, 2, b"\x82\x86\x84"), (PROTOCOL,)),
        "HEADERS on 0": (raw(1, 5, 0, b"\x82"), (PROTOCOL,)), "short PING": (raw(6, 0, 0, b"1"), (SIZE,)),
        "PING on 1": (raw(6, 0, 1, b"12345678"), (PROTOCOL,)), "SETTINGS of 5": (raw(4, 0, 0, b"12345"), (SIZE,)),
        "ACK with content": (raw(4, 1, 0, b"123456"), (SIZE,)),
        "PUSH_PROMISE": (raw(5, 4, 1, b"\0\0\0\2"), (PROTOCOL,)),
        "RST on idle": (reset(9), (PROTOCOL,)), "RST on 0": (raw(3, 0, 0, b"\0\0\0\0"), (PROTOCOL,)),
        "all padding": (raw(1, 13, 1, b"\xff\x82"), (PROTOCOL,)), "lone CONTINUATION": (raw(9, 4, 1), (PROTOCOL,)),
        "bad index": (raw(1, 5, 1, b"\xff\xff\xff\xff\x7f"), (COMPRESSION,)),
        "initial window": (SettingsFrame(0, {4: 2**31}).serialize(), (FLOW,)),
        "frame size": (SettingsFrame(0, {5: 1}).serialize(), (PROTOCOL,)), "no increment": (window(0, 0), (PROTOCOL,)),
        "a lower stream after a higher": (  # RFC 9113 section 5.1.1
            b"".join(raw(1, 5, stream, bytes.fromhex("828604062f6c6976657a410161")) for stream in (5, 3)),
            (PROTOCOL,)),
        "PRIORITY on 0": (raw(2, 0, 0, b"\0\0\0\0\x10"), (PROTOCOL,)),  # section 6.3
    }
    wrong = {}
    for name, (frames, codes) in cases.items():
        with H2Wire(target) as wire:
            wire.until(lambda: "SettingsFrame" in wire.seen)
            wire.send(frames)
            wire.until(lambda: False, 5)
            if wire.goaway not in codes or not wire.ended:
                wrong[name] = wire.outcome()
    assert not wrong, wrong
    return f"{len(cases)} × GOAWAY with its code, closed"


@attack
def noise_after_the_preface(target):
    noise = random.Random(2)
    for _ in range(100):
        with H2Wire(target) as wire:
            wire.send(noise.randbytes(8192))
            wire.half_close()
            wire.to_the_end(5)
    return "100 × closed"


@attack
def upgrades_that_are_none(target):
    """None of these becomes HTTP/2; each is a request in HTTP/1.1, or refused."""
    cases = [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: !!!!",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nHTTP2-Settings: ",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c", "Connection: Upgrade\r\nUpgrade: websocket",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: " + "A" * 8000,
    ]
    statuses = []
    for case in cases:
        with Wire(target) as wire:
            wire.send(f"GET /livez HTTP/1.1\r\nHost: a\r\n{case}\r\n\r\n".encode())
            wire.half_close()
            wire.read_to_end(5)
            statuses += [int(status) for status in wire.statuses()]
    assert len(statuses) == len(cases) and set(statuses) <= {200, 400}, statuses
    return ", ".join(map(str, statuses))
