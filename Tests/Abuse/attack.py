"""What an attack is, and how long it goes on."""

import time
from dataclasses import dataclass, field
from typing import Callable

from ceiling import MIB, ceiling
from wire import Wire


# MiB that the heap may keep at its end of bodies that were refused, HeapKeeping.kept: all of it is given back only a
# second after large requests that were served.
KEPT = 64


@dataclass
class Attack:
    """A client that means harm, or one that means well and is as fast as it can be: see `register`.

    What the service may keep in memory for it meanwhile is the README's ceiling for what it holds at once.
    """
    name: str
    # Attacks a target once, or until target.more() is false; says in a few words what the service did about it, and
    # fails where that is not what it should do.
    function: Callable
    # What it holds at once: connections, MiB of unfinished bodies, MiB of bodies that are parsed and computed.
    connections: int = 1
    bodies: float = 0
    parsed: float = 0
    # MiB of resident memory that are known to be enough, where that is less than the ceiling.
    most: float = float("inf")
    # MiB it may leave behind: what the allocator keeps for next time.
    slack: float = 8
    # The service's flags, where they are not those of all attacks.
    flags: dict = field(default_factory=dict)

    @property
    def peak(self):
        """MiB of resident memory that there may be, the program's own included."""
        stated = ceiling({
            "connections": self.connections, "body-memory": self.bodies * MIB, "max-body": self.parsed * MIB,
            "compute-threads": 1, "work-budget": 0})
        return min(stated / MIB, self.most)


def register(attacks, prefix):
    """A decorator that adds a function to a list of attacks, under its own name."""

    def attack(function=None, **bounds):
        def add(function):
            attacks.append(Attack(f"{prefix} {function.__name__.replace('_', ' ')}", function, **bounds))
            return function

        return add(function) if function else add

    return attack


class Target:
    """A service under attack until `size` bytes were sent to it or `seconds` have passed."""

    def __init__(self, service, size, seconds):
        self.service, self.port = service, service.port
        self.size, self.begin = size, time.monotonic()
        self.until = self.begin + seconds
        self.sent_before = Wire.total_sent

    @property
    def sent(self):
        """Bytes sent so far."""
        return Wire.total_sent - self.sent_before

    @property
    def seconds(self):
        return time.monotonic() - self.begin

    def more(self):
        """Whether to go on."""
        return self.sent < self.size and time.monotonic() < self.until

    def pace(self, count, rate):
        """Waits as long as `count` things by now are more than `rate` a second."""
        ahead = count / rate - self.seconds
        if ahead > 0:
            time.sleep(ahead)
