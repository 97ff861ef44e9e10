"""Many connections: seats that are taken and not used, connections that come and go."""

from collections import deque

from attack import register
from h2wire import H2Wire
from wire import PROBABILITIES, SMALL, Wire

ATTACKS = []
attack = register(ATTACKS, "HTTP")

# More than the 1024 connections that the service has seats for.
MANY = 1200
# As long as by default: whoever waits for it waits in vain here.
IDLE = {"--idle-deadline": 75, "--head-deadline": 10}


def occupy(target, open_one, name):
    """Opens connections and keeps them, at 500 a second; each of them is served."""
    wires, opened = deque(), 0
    while opened < MANY or target.more():
        wires.append(open_one())
        opened += 1
        if len(wires) > MANY:
            wires.popleft().close()
        target.pace(opened, 500)
    for wire in wires:
        while wire.poll():
            pass
        wire.close()
    closed = sum(wire.ended is not None for wire in wires)
    assert closed >= MANY - 1040, f"{closed} of {MANY} closed"
    return f"{name} closed after {opened} opened"


@attack(connections=1040, most=64, flags=IDLE)
def seats_taken_by_kept_alive_connections(target):
    """They ask once and stay: the one that has been idle longest makes room for the next."""
    def ask():
        wire = Wire(target, timeout=5)
        wire.send(SMALL)
        status, _, content = wire.reply(5)
        assert (status, content) == (200, PROBABILITIES), status
        return wire

    return occupy(target, ask, "those idle longest")


@attack(connections=1040, most=64, slack=24, flags=IDLE)
def seats_taken_by_idle_http2_connections(target):
    body = SMALL.partition(b"\r\n\r\n")[2]

    def ask():
        wire = H2Wire(target, timeout=5)
        wire.send(wire.post(1, "/softmax", body))
        assert wire.reply(1, 5) == 200, wire.outcome()
        return wire

    return occupy(target, ask, "those idle longest")


@attack(connections=1040, most=64, flags=IDLE)
def seats_taken_by_silent_connections(target):
    """They never say a word; the second client is served all the same."""
    return occupy(target, lambda: Wire(target, timeout=5), "those silent longest")


@attack
def connections_that_come_and_go(target):
    """A thousand a second that say nothing and leave, every other one with a reset."""
    count = 0
    while count < 500 or target.more():
        wire = Wire(target)
        if count % 2:
            wire.reset()
        else:
            wire.close()
        count += 1
        target.pace(count, 1000)
    return f"taken and forgotten after {count}"


@attack
def requests_that_are_left_alone(target):
    """500 a second, whole, and no one there for the reply."""
    count = 0
    while count < 500 or target.more():
        wire = Wire(target)
        wire.send(SMALL)
        wire.reset()
        count += 1
        target.pace(count, 500)
    return f"taken and forgotten after {count}"
