#!/usr/bin/env python3
"""Writes Sources/CSoftmaxKernels/exponential_table.h: 2^(j/128) as pairs, and ln2/128 in three parts.

Needs mpmath. Prints nothing; the file is the same on every run.
"""

import pathlib

from mpmath import mp, mpf

mp.prec = 400
ROOT = pathlib.Path(__file__).resolve().parents[3]


def rounded(x, bits):
    """x to the nearest number of that many significant bits."""
    saved, mp.prec = mp.prec, bits
    y = +mpf(x)
    mp.prec = saved
    return y


def hexadecimal(x):
    return float(x).hex()


lines = [
    "// Written by Tests/SoftmaxCoreTests/Golden/tables.py.",
    "#pragma once",
    "",
    "// ln2/128 = LN2_A + LN2_B + LN2_C to 2^-150; LN2_A has 34 bits.",
]
step = mp.log(2) / 128
a = rounded(step, 34)
b = rounded(step - a, 53)
c = rounded(step - a - b, 53)
for name, value in (("A", a), ("B", b), ("C", c)):
    lines.append(f"#define LN2_{name} {hexadecimal(value)}")
lines += ["", "/// 2^(j/128) = high + low to 2^-106.", "static const double exponential_table[128][2] = {"]
for j in range(128):
    exact = mpf(2) ** (mpf(j) / 128)
    high = rounded(exact, 53)
    lines.append(f"    {{{hexadecimal(high)}, {hexadecimal(rounded(exact - high, 53))}}},")
lines.append("};")
(ROOT / "Sources/CSoftmaxKernels/exponential_table.h").write_text("\n".join(lines) + "\n")
