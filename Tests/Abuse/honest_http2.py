"""Honest clients at full speed over HTTP/2, by kind of frame and of window: none loses a request."""

import time

from attack import register
from ceiling import MIB
from h2wire import H2Wire, data, ping, raw, reset, window
from hyperframe.frame import SettingsFrame
from wire import PROBABILITIES, SMALL

ATTACKS = []
honest = register(ATTACKS, "honest HTTP/2")

BODY = SMALL.partition(b"\r\n\r\n")[2]


def right(wire, stream, content=PROBABILITIES):
    """The stream is over and its reply the right one; forgets it."""
    status = wire.reply(stream, 30)
    got = bytes(wire.content.pop(stream, b""))
    assert status == 200 and got == content, (status, got[:200], wire.outcome())
    wire.status.pop(stream)
    wire.done.discard(stream)
    wire.windows.pop(stream, None)


def at_full_speed(target, before=lambda stream: b"", after=None, at_once=20, body=data, aside=None):
    """Requests, so many at once, with other frames before and after each; every reply is right, no GOAWAY comes.

    `aside` makes what goes between two groups of requests from the connection and an unused stream.

    The connection's window is given back when half of it is used, as libraries do, where `after` does not give it.
    """
    count, stream, unread = 0, 1, 0
    with H2Wire(target, timeout=30) as wire:
        wire.gives_window = False
        while count < 200 or target.more():
            streams = range(stream, stream + 2 * at_once, 2)
            stream += 2 * at_once
            wire.exchange(b"".join(
                before(each) + wire.headers(each, [("content-type", "application/json")], end=False, path="/softmax")
                + body(each, BODY, end=True) for each in streams))
            for each in streams:
                right(wire, each)
                wire.resets.pop(each, None)
            count += at_once
            unread += at_once * len(PROBABILITIES)
            if after:
                wire.exchange(b"".join(after(each) for each in streams))
            if aside:
                wire.send(aside(wire, stream))
                stream += 2
            if after is not window_updates and unread > 32768:
                wire.send(window(0, unread))
                unread = 0
        assert wire.goaway is None and wire.ended is None, wire.outcome()
        return f"all right, {count}"


@honest
def one_request_after_the_other(target):
    return at_full_speed(target, at_once=1)


@honest
def a_hundred_streams_at_once(target):
    return at_full_speed(target, at_once=100)


def window_updates(stream):
    return window(0, len(PROBABILITIES)) + window(stream, len(PROBABILITIES))


@honest
def two_window_updates_for_every_reply(target):
    """What HAProxy sends, and what has cost its clients requests (haproxy#2245)."""
    return at_full_speed(target, after=window_updates)


@honest
def a_ping_for_every_request(target):
    """gRPC's clients estimate the bandwidth by one for each DATA frame that comes after the last one's reply."""
    return at_full_speed(target, before=lambda stream: ping(), at_once=1)


@honest
def a_priority_for_every_request(target):
    """Clients of RFC 7540."""
    return at_full_speed(target, before=lambda stream: raw(2, 0, stream, b"\0\0\0\0\x10"))


@honest
def a_reset_after_every_complete_reply(target):
    """Proxies that are done with a stream say so by RST_STREAM: NO_ERROR or CANCEL."""
    return at_full_speed(target, after=lambda stream: reset(stream, 8 if stream % 4 == 1 else 0))


@honest
def an_empty_piece_in_every_body(target):
    """From clients that flush what they have, which may be nothing."""
    return at_full_speed(target, body=lambda stream, content, end: (
        data(stream, content[:9]) + data(stream) + data(stream, content[9:]) + data(stream, end=True)))


@honest
def settings_that_change_now_and_then(target):
    """A client that grows its windows while it measures: ten times on each of many connections."""
    count = 0
    while count < 100 or target.more():
        with H2Wire(target, timeout=30) as wire:
            for index in range(10):
                wire.send(SettingsFrame(0, {4: 65535 * (index + 2)}).serialize() + wire.post(
                    2 * index + 1, "/softmax", BODY))
                right(wire, 2 * index + 1)
            assert wire.goaway is None, wire.outcome()
        count += 10
        target.pace(count, 5000)
    return f"all right, {count}"


@honest
def a_new_connection_for_every_request(target):
    count = 0
    while count < 100 or target.more():
        with H2Wire(target, timeout=30) as wire:
            wire.send(wire.post(1, "/softmax", BODY))
            right(wire, 1)
        count += 1
        target.pace(count, 500)
    return f"all right, {count}"


@honest
def some_requests_given_up(target):
    """Five a second, as people do who close a page; all others on the connection are answered."""
    given_up = 0

    def give_up(wire, stream):
        nonlocal given_up
        if given_up >= 5 * target.seconds:
            return b""
        given_up += 1
        return wire.headers(stream, end=False, path="/softmax") + reset(stream)

    return f"{at_full_speed(target, aside=give_up)}; {given_up} given up"


@honest
def requests_refused_before_their_body(target):
    """A 404 whose body need not come any more is the server's doing, not an attack: others go on."""
    count, stream = 0, 1
    with H2Wire(target, timeout=30) as wire:
        while count < 200 or target.more():
            wire.send(wire.headers(stream, [("content-type", "application/json")], end=False, path="/nope"))
            assert wire.until(lambda: stream in wire.status and (stream in wire.done or stream in wire.resets), 30), (
                f"no 404 before the body; {wire.outcome()}")
            assert wire.status.pop(stream) == 404
            # As clients do that learn that a body is not wanted: they give it up, or end it where it is.
            wire.send(reset(stream, 0) if count % 4 else data(stream, end=True))
            wire.send(wire.post(stream + 2, "/softmax", BODY))
            right(wire, stream + 2)
            stream += 4
            count += 2
        assert wire.goaway is None and wire.ended is None, wire.outcome()
        return f"all right, {count}"


def uploads_in_turn(target, sizes, small=0):
    """Many uploads at once on one connection by a client that sends a piece of each in turn, whatever the others do.

    An asynchronous client is one of these: a window that is withheld from one upload while the others wait for their
    turn stalls all of them. Between the rounds small requests are asked, as many as `small`, and answered.
    """
    count, stream = 0, 1
    with H2Wire(target, timeout=30) as wire:
        assert wire.until(lambda: "SettingsFrame" in wire.seen)
        while count < len(sizes) or target.more():
            left, content = {}, {}
            for size in sizes:
                wire.send(wire.headers(
                    stream, [("content-type", "application/json"), ("content-length", str(size))], end=False,
                    path="/softmax"))
                content[stream], left[stream] = BODY + b" " * (size - len(BODY)), size
                stream += 2
            streams = list(content)
            while left:
                for each in list(left):
                    assert wire.until(lambda: wire.room(each) > 0, 10), (
                        f"no window in 10 s for upload {streams.index(each) + 1} of {len(sizes)}; {wire.outcome()}")
                    begin = len(content[each]) - left[each]
                    piece = content[each][begin:begin + min(16384, wire.room(each))]
                    left[each] -= len(piece)
                    wire.spend(each, piece, end=not left[each])
                    if not left[each]:
                        del left[each]
                for _ in range(small):
                    wire.send(wire.post(stream, "/softmax", BODY))
                    right(wire, stream)
                    stream += 2
            for each in streams:
                right(wire, each)
            count += len(sizes)
        assert wire.goaway is None and wire.ended is None, wire.outcome()
        return f"all right, {count}"


@honest(bodies=9, parsed=9, flags={"--max-body": 1_000_000})
def thirty_uploads_of_300_KB_at_once(target):
    return uploads_in_turn(target, [300_000] * 30)


@honest(bodies=60, parsed=60)
def six_uploads_of_10_MB_at_once_among_small_requests(target):
    return uploads_in_turn(target, [10_000_000] * 6, small=1)


@honest(bodies=16, parsed=16)
def an_upload_as_large_as_is_allowed(target):
    content = BODY + b" " * (16 * MIB - 100)
    count, stream = 0, 1
    with H2Wire(target, timeout=30) as wire:
        assert wire.until(lambda: "SettingsFrame" in wire.seen)
        while count < 1 or target.more():
            wire.send(wire.headers(stream, [("content-type", "application/json")], end=False, path="/softmax"))
            wire.upload(stream, content)
            right(wire, stream)
            stream += 2
            count += 1
    return f"all right, {count}"


@honest
def steady_uploads_just_above_the_floor(target):
    """600 bytes a second on each of 20 streams where 500 are asked for, far past the deadline of 2 s."""
    rounds = max(30, min(80, round((target.until - target.begin) * 10)))
    content = BODY + b" " * (60 * rounds - len(BODY))
    streams = range(1, 40, 2)
    with H2Wire(target, timeout=30) as wire:
        assert wire.until(lambda: "SettingsFrame" in wire.seen)
        for stream in streams:
            wire.send(wire.headers(stream, [("content-type", "application/json")], end=False, path="/softmax"))
        begin = time.monotonic()
        for index in range(rounds):
            time.sleep(max(0.0, begin + 0.1 * index - time.monotonic()))
            while wire.read():
                pass
            for stream in streams:
                assert wire.room(stream) >= 60, wire.outcome()
                wire.spend(stream, content[60 * index:60 * (index + 1)], end=index == rounds - 1)
        for stream in streams:
            right(wire, stream)
        assert wire.goaway is None, wire.outcome()
        return f"20 × right within {time.monotonic() - begin:.0f} s"


@honest(parsed=1)
def downloads_through_small_windows(target):
    """5000 bytes a stream, opened as they are used: a frame of ours for a frame of theirs."""
    body = b'{"logits":[' + b",".join(b"%d" % (index % 7) for index in range(100)) + b"]}"
    count, stream, expected = 0, 1, None
    with H2Wire(target, {4: 5000}, timeout=30) as wire:
        while count < 5 or target.more():
            wire.send(b"".join(wire.post(each, "/jacobian", body) for each in range(stream, stream + 10, 2)))
            for each in range(stream, stream + 10, 2):
                assert wire.reply(each, 30) == 200
                got = bytes(wire.content.pop(each))
                expected = expected or got
                assert got == expected and got.count(b",") == 9999, got[:200]
            stream += 10
            count += 5
        assert wire.goaway is None and wire.ended is None, wire.outcome()
        return f"all right, {count}"


@honest(flags={"--idle-deadline": 75})
def pings_on_an_idle_connection(target):
    """Keep-alive: two a second between requests that are rare."""
    count = 0
    with H2Wire(target, timeout=30) as wire:
        wire.send(wire.post(1, "/softmax", BODY))
        right(wire, 1)
        while count < 4 or target.more():
            wire.send(ping())
            count += 1
            assert wire.until(lambda: wire.seen.get("PingFrame", 0) == count), f"no reply; {wire.outcome()}"
            target.pace(count, 2)
        wire.send(wire.post(3, "/softmax", BODY))
        right(wire, 3)
        assert wire.goaway is None, wire.outcome()
    return f"{count} answered"
