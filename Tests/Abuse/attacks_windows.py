"""Attacks in HTTP/2 on what waits for windows: replies that nobody takes."""

from attack import register
from attacks_bodies import PATIENCE
from attacks_http2 import ODD
from h2wire import CALM, H2Wire, window

ATTACKS = []
attack = register(ATTACKS, "HTTP/2")


def jacobian_of(classes):
    return b'{"logits":[' + b",".join([b"1"] * classes) + b"]}"


JACOBIAN = jacobian_of(1000)


def held_replies(target, classes, window_size=0):
    """100 streams that ask for a Jacobian each and open no window; what was begun is reset, and what waited follows."""
    with H2Wire(target, {4: window_size}) as wire:
        wire.gives_window = False
        for stream in ODD[:100]:
            wire.send(wire.post(stream, "/jacobian", jacobian_of(classes)))
        wire.until(lambda: len(wire.resets) == 100, 7)
        assert wire.resets and not wire.done, wire.outcome()
        assert sum(map(len, wire.content.values())) <= 100 * window_size
        return f"reset; {wire.outcome()} after {len(wire.resets)} of {len(wire.status)} begun"


@attack(most=17)
def shut_windows_with_replies_made_at_once(target):
    """The largest that are made in one buffer."""
    return held_replies(target, 180)


@attack(most=17)
def shut_windows_with_replies_just_streamed(target):
    return held_replies(target, 255)


@attack(most=17)
def shut_windows_with_replies_made_on_the_loop(target):
    """Small enough to need no thread: 100 of them are 16 MB."""
    return held_replies(target, 89)


@attack(most=17)
def windows_opened_by_a_byte_with_streamed_replies(target):
    """Open windows have pieces made: no more than are taken."""
    return held_replies(target, 1000, window_size=1)


@attack(most=17)
def shut_windows_with_large_replies(target):
    """20 MB each, of which the first piece is made: a few are begun at a time."""
    return held_replies(target, 1000)


@attack
def shut_windows_to_the_end(target):
    """Two rounds of large replies that nobody takes, each reset at its deadline; then the connection is idle."""
    with H2Wire(target, {4: 0}) as wire:
        for stream in ODD[:16]:
            wire.send(wire.post(stream, "/jacobian", JACOBIAN))
        wire.to_the_end(PATIENCE)
        assert len(wire.resets) == 16 and sum(map(len, wire.content.values())) == 0, wire.outcome()
        return f"{len(wire.resets)} reset; {wire.outcome()}"


@attack
def windows_opened_byte_by_byte(target):
    """CVE-2019-9511: a reply that trickles."""
    with H2Wire(target, {4: 0}) as wire:
        wire.gives_window = False
        for stream in ODD[:50]:
            wire.send(wire.post(stream, "/jacobian", JACOBIAN))
        for _ in range(200):
            if wire.ended or not wire.send(b"".join(window(stream, 1) for stream in ODD[:50])):
                break
            wire.read(0.1)
        wire.until(lambda: False, 3)
        got = sum(map(len, wire.content.values()))
        assert wire.ended or wire.goaway == CALM, wire.outcome()
        return f"{wire.outcome()} after {got} bytes"
