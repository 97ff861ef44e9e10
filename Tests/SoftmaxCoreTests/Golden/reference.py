"""Softmax, log-softmax and their derivatives of one row at 150 digits, and the distance to them in ulp. Needs mpmath.

Nothing here subtracts what is nearly equal, so that 150 digits are enough at any gap: 1 - y of the argmax is T/(1+T)
with T the sum over the others, and log(1+T) is log1p.
"""

import math

from mpmath import mp, mpf

mp.dps = 150


def cancellation(size, value):
    """The cancellation number κ: the size of the terms divided by that of their sum."""
    if value:
        return size / abs(value)
    return mp.inf if size else mpf(0)


class Row:
    """One row: logits (floats, -inf masks), a vector (floats) or None, a temperature."""

    def __init__(self, logits, temperature=1.0, vector=None):
        self.tau = mpf(temperature)
        self.m = max(range(len(logits)), key=lambda i: (logits[i], -i))
        peak = mpf(logits[self.m])
        self.masked = [z == -math.inf for z in logits]
        self.gaps = [None if hidden else (mpf(z) - peak) / self.tau for z, hidden in zip(logits, self.masked)]
        self.e = [mpf(0) if g is None or g < -3000 else mp.exp(g) for g in self.gaps]
        self.t = mp.fsum(e for i, e in enumerate(self.e) if i != self.m)
        self.y = [e / (1 + self.t) for e in self.e]
        self.complement = [
            self.t / (1 + self.t) if i == self.m else 1 - y for i, y in enumerate(self.y)
        ]
        self.v = None if vector is None else [mpf(0) if h else mpf(x) for x, h in zip(vector, self.masked)]

    def log(self):
        l = mp.log1p(self.t) if self.t > mpf(10) ** -100 else self.t - self.t**2 / 2
        return [-mp.inf if g is None else g - l for g in self.gaps]

    def diagonal(self, logarithmic):
        if logarithmic:
            return [mpf(0) if h else c / self.tau for c, h in zip(self.complement, self.masked)]
        return [y * c / self.tau for y, c in zip(self.y, self.complement)]

    def entry(self, j, i, logarithmic):
        if j == i and logarithmic:
            return mpf(0) if self.masked[j] else self.complement[j] / self.tau
        if j == i:
            return self.y[j] * self.complement[j] / self.tau
        if self.masked[j]:
            return mpf(0)
        return -self.y[i] / self.tau if logarithmic else -self.y[j] * self.y[i] / self.tau

    def _referenced(self, logarithmic):
        vm = self.v[self.m]
        c = [mpf(0) if h else v - vm for v, h in zip(self.v, self.masked)]
        d = mp.fsum(y * x for y, x in zip(self.y, c))
        spread = mp.fsum(y * abs(x) for y, x in zip(self.y, c))
        values, kappas = [], []
        for x, y, hidden in zip(c, self.y, self.masked):
            difference = x - d
            factor = mpf(0) if hidden else (1 if logarithmic else y)
            values.append(factor * difference / self.tau)
            kappas.append(cancellation(abs(x) + spread, difference))
        return values, kappas

    def jvp(self, logarithmic):
        """Values and their cancellation numbers κ."""
        return self._referenced(logarithmic)

    def vjp(self, logarithmic):
        """Values and their cancellation numbers κ."""
        if not logarithmic:
            return self._referenced(False)
        others = mp.fsum(v for i, v in enumerate(self.v) if i != self.m)
        total = others + self.v[self.m]
        spread = mp.fsum(abs(v) for v in self.v)
        values, kappas = [], []
        for i, (v, y) in enumerate(zip(self.v, self.y)):
            if self.masked[i]:
                value, size = mpf(0), mpf(0)
            elif i == self.m:
                value = v * self.complement[i] - y * others
                size = abs(v) * self.complement[i] + y * (spread - abs(v))
            else:
                value, size = v - y * total, abs(v) + y * spread
            values.append(value / self.tau)
            kappas.append(cancellation(size, value))
        return values, kappas


def exponent_of(x):
    """floor(log2 |x|)."""
    return int(mp.frexp(x)[1]) - 1


def ulp_of(exact, bits):
    least, digits = (-1074, 52) if bits == 64 else (-149, 23)
    if exact == 0:
        return mpf(2) ** least
    return mpf(2) ** max(exponent_of(exact) - digits, least)


def is_subnormal(exact, bits):
    return exact != 0 and abs(exact) < mpf(2) ** (-1022 if bits == 64 else -126)


def error_in_ulp(got, exact, bits):
    """|got - exact| in units in the last place of the exact value."""
    largest = (2 - mpf(2) ** (-52 if bits == 64 else -23)) * mpf(2) ** (1023 if bits == 64 else 127)
    if exact == -mp.inf or abs(exact) >= largest * (1 + mpf(2) ** (-54 if bits == 64 else -25)):
        return 0.0 if got == (math.inf if exact > 0 else -math.inf) else math.inf
    if not math.isfinite(got):
        return math.inf
    return float(abs(mpf(got) - exact) / ulp_of(exact, bits))
