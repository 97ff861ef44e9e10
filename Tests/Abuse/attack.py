"""What an attack is."""

from dataclasses import dataclass
from typing import Callable


@dataclass
class Attack:
    name: str
    # Attacks a service, says in a few words what it did about it, and fails where that is not what it should do.
    function: Callable
    # KiB of resident memory it may take while it lasts.
    peak: int = 32 * 1024
    # KiB it may leave behind: what the allocator keeps for next time.
    slack: int = 8 * 1024


def register(attacks, prefix):
    """A decorator that adds a function to a list of attacks, under its own name."""

    def attack(function=None, **bounds):
        def add(function):
            attacks.append(Attack(f"{prefix} {function.__name__.replace('_', ' ')}", function, **bounds))
            return function

        return add(function) if function else add

    return attack
