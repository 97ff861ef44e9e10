"""The requests that are timed. Logits are N(0, 1) from a fixed seed, as the shortest text that reads back (16 or 17
digits for most), which is what JSON clients send."""

import dataclasses
import functools

import numpy as np
import orjson


def values(rows, classes, seed):
    return np.random.default_rng(seed).standard_normal((rows, classes))


def text(numbers):
    """As JSON; one row is a flat array."""
    return orjson.dumps(numbers[0] if len(numbers) == 1 else numbers, option=orjson.OPT_SERIALIZE_NUMPY)


def body(rows, classes, cotangents=False):
    members = [b'"logits":' + text(values(rows, classes, 20))]
    if cotangents:
        members.append(b'"cotangents":' + text(values(rows, classes, 21)))
    return b"{" + b",".join(members) + b"}"


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    path: str
    rows: int
    classes: int
    # Clients at once.
    connections: int = 64
    # So large that the client has to count each reply: wrk counts no reply that its time cut off.
    large: bool = False

    @functools.cached_property
    def body(self):
        return body(self.rows, self.classes, self.path == "/vjp")

    @property
    def numbers(self):
        """Numbers in and numbers out."""
        given = self.rows * self.classes
        if self.path == "/jacobian":
            return given, given * self.classes
        return (2 * given if self.path == "/vjp" else given), given


SMALL = Case("softmax 1×10", "/softmax", 1, 10)
CASES = [
    SMALL,
    Case("softmax 1×1000", "/softmax", 1, 1000),
    Case("softmax 100×1000", "/softmax", 100, 1000, 4, True),
    Case("softmax 10×100 000", "/softmax", 10, 100_000, 2, True),
    Case("Jacobian, C = 10", "/jacobian", 1, 10),
    Case("Jacobian, C = 100", "/jacobian", 1, 100, 16, True),
    Case("Jacobian, C = 1000", "/jacobian", 1, 1000, 2, True),
    Case("VJP 1×1000", "/vjp", 1, 1000),
]
