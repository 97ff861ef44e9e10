#!/usr/bin/env python3
"""Writes golden.txt: rows and their exact results, from reference.py. Prints nothing; the same file on every run.

A case is a line `case NAME BITS TEMPERATURE KIND ...`, KIND being `list` with the logits or `normal` with a seed, a
scale and the number of classes (see `normal_like`, and its twin in GoldenFile.swift); a line `vector` of the same form;
and a line per result, `QUANTITY INDEX HIGH LOW EXPONENT KAPPA` for the number (HIGH + LOW) 2^EXPONENT with
1 <= |HIGH| <= 2, or `QUANTITY INDEX zero|-inf`. INDEX is `j` or `j,i`. KAPPA is 0 where nothing cancels.
"""

import math
import pathlib
import struct

from mpmath import mp, mpf

from reference import Row, exponent_of

MASK = (1 << 64) - 1


def split_mix(seed):
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def normal_like(seed, scale, count):
    """Sums of twelve uniforms, exact in float64: mean 0, deviation `scale` (a power of two)."""
    source = split_mix(seed)
    return [
        (sum(next(source) >> 16 for _ in range(12)) - 6 * 2**48) * 2.0**-48 * scale for _ in range(count)
    ]


def to_format(x, bits):
    return x if bits == 64 else struct.unpack("<f", struct.pack("<f", x))[0]


def hexadecimal(x):
    return "-inf" if x == -math.inf else float(x).hex()


def number(exact, kappa=0):
    if exact == 0:
        return "zero"
    if exact == -mp.inf:
        return "-inf"
    e = exponent_of(exact)
    scaled = exact / mpf(2) ** e
    high = float(scaled)
    shown = "inf" if kappa > mpf(2) ** 1000 else f"{float(kappa):.6g}"
    return f"{high.hex()} {float(scaled - high).hex()} {e} {shown}"


def chosen(row):
    count = len(row.y)
    if count <= 10:
        return list(range(count))
    stride = 997 if count > 9970 else count // 9
    low = min(range(count), key=lambda i: row.y[i])
    return sorted({row.m, low, count - 1, *list(range(0, count, stride))[:10]})


def write_case(out, name, bits, temperature, description, logits, vector):
    logits = [to_format(x, bits) for x in logits]
    vector_row = [to_format(x, bits) for x in vector[1]]
    row = Row(logits, temperature, vector_row)
    if description is None:
        description = "list " + " ".join(hexadecimal(x) for x in logits)
    out.append(f"case {name} {bits} {float(temperature).hex()} {description}")
    out.append("vector " + (vector[0] or "list " + " ".join(hexadecimal(x) for x in vector_row)))
    logs, vjp, log_vjp, log_jvp = row.log(), row.vjp(False), row.vjp(True), row.jvp(True)
    indices = chosen(row)
    for j in indices:
        for quantity, value, kappa in (
            ("softmax", row.y[j], 0),
            ("log", logs[j], 0),
            ("complement", row.complement[j], 0),
            ("diagonal", row.diagonal(False)[j], 0),
            ("logdiagonal", row.diagonal(True)[j], 0),
            ("vjp", vjp[0][j], vjp[1][j]),
            ("logvjp", log_vjp[0][j], log_vjp[1][j]),
            ("logjvp", log_jvp[0][j], log_jvp[1][j]),
        ):
            out.append(f"{quantity} {j} {number(value, kappa)}")
    for a, j in enumerate(indices):
        i = indices[(a + 1) % len(indices)]
        out.append(f"entry {j},{i} {number(row.entry(j, i, False))}")
        out.append(f"logentry {j},{i} {number(row.entry(j, i, True))}")


def write_extremes(out, bits):
    """Vectors and temperatures from the ends of the range, mixed within a row; see `ready_vector` in the kernels."""
    hidden = -math.inf
    wide = bits == 64
    top, cold = (1e308, 1e-200) if wide else (3e38, 1e-37)
    rows = {
        "gap-1061-large-vector": ([0.0, -1061.0 if wide else -110.0], 1, [top, 0.0]),
        "gap-1059-cold": ([0.0, -1059 * cold if wide else -90 * cold], cold, [0.5, -1.0]),
        "gap-1061-cold": ([0.0, -1061 * cold if wide else -110 * cold], cold, [0.5, -1.0]),
        "gap-1400-coldest": ([0.0, -1e-305 if wide else -1e-36], 2.0**-1023 if wide else 2.0**-127, [2.0, 1.0]),
        "gaps-cold-masked": ([-1061 * cold, hidden, 0.0, -1300 * cold, -3 * cold], cold, [1.0, 2.0, -0.5, 4.0, 8.0]),
        "ties-cold": ([cold, cold, -cold], cold, [1.0, 2.0, -0.5]),
        "gap-2100-both": ([0.0, -2100 * cold if wide else -170 * cold], cold, [top * cold / 8, -top * cold / 8]),
        "tiny-vector": ([1e-5, 0.0], 1e-5, [1e-312 if wide else 1e-44, 0.0]),
        "least-vector": ([2e-5, 1e-5, 0.0], 1e-5, [5e-324 if wide else 1.5e-45, 0.0, 0.0]),
        "tiny-vector-cold": ([0.0, -500 * cold if wide else -40 * cold], cold, [0.0, 5e-324 if wide else 1.5e-45]),
        "wide-vector": ([0.0, -1500.0 if wide else -180.0, -5.0], 1, [0.0, top, 1e-200 if wide else 1e-40]),
        "wide-vector-near": ([0.0, -1000.0 if wide else -100.0, -5.0], 1, [0.0, top, 1e-130 if wide else 1e-10]),
        "wide-vector-peak": ([0.0, -3.0, -5.0], 1, [top / 4, 1e-200 if wide else 1e-40, -top / 4]),
        "masked-large": ([1.0, hidden, 0.0], 1, [1e-130 if wide else 1e-30, top, 0.0]),
        "masked-beside-tiny": ([1.0, hidden, 0.0], 1, [1e-312 if wide else 1e-44, 1.0, 0.0]),
        "subnormal-y-cold": ([0.0, -7.5e-8], 1e-10, [1.0, 2.0]),
        "every-magnitude": (
            [-float(gap) for gap in (range(0, 2200, 200) if wide else range(0, 198, 18))], 1,
            [(-1) ** i * 2.0 ** ((i * 997) % 2090 - 1070 if wide else (i * 101) % 270 - 145) for i in range(11)]),
    }
    for name, (logits, temperature, vector) in rows.items():
        write_case(out, name, bits, temperature, None, logits, (None, vector))


def main():
    out = []
    for bits in (64, 32):
        for scale in (1, 8):
            for count in (1, 2, 3, 10, 64, 1000, 32000):
                seed = 1000 * scale + count
                vector = (f"normal {seed + 1} 1 {count}", normal_like(seed + 1, 1, count))
                for temperature in (1, 0.7) if count in (3, 10, 1000) else (1,):
                    write_case(
                        out, f"normal-{scale}-{count}-{temperature}", bits, temperature, f"normal {seed} {scale} {count}",
                        normal_like(seed, scale, count), vector)
        huge = 1e300 if bits == 64 else 1e38
        tiny = 2.0**-1060 if bits == 64 else 2.0**-140
        most = math.ldexp(2 - 2.0**-52, 1023) if bits == 64 else math.ldexp(2 - 2.0**-23, 127)
        hidden = -math.inf
        rows = {
            **{f"gap-{gap}": ([0.25, -float(gap), 0.125 - gap, -gap - 0.5], 1) for gap in (20, 40, 80, 200, 700)},
            **{f"lone-gap-{gap}": ([-float(gap), 0.0], 1) for gap in (20, 40, 80, 200, 700, 744, 745, 1000)},
            "ties": ([3.0, 1.0, 3.0, -2.0, 3.0, 1.0], 1),
            "all-equal": ([0.1] * 7, 1),
            "all-equal-nine": ([-4.7] * 9, 3),
            "huge": ([huge, -huge, huge / 2], 1),
            "huge-equal": ([-huge, -huge], 1),
            "greatest": ([most, -most, most], 1),
            "shifted-up": ([1e6 + 0.5, 1e6, 1e6 - 3.25, 1e6 + 2], 1),
            "shifted-down": ([-1e6 + 0.5, -1e6, -1e6 - 3.25], 1),
            "subnormal-results": ([0.0, -710.0, -720.0, -740.0] if bits == 64 else [0.0, -88.0, -95.0, -102.0], 1),
            "subnormal-logits": ([tiny, 3 * tiny, -tiny, 0.0], 1),
            "subnormal-logits-cold": ([tiny, 3 * tiny, -tiny, 0.0], tiny if bits == 32 else 2.0**-1020),
            "signed-zeros": ([0.0, -0.0, 1.0], 1),
            "masked": ([hidden, 1.0, 2.5, hidden, -0.75], 1),
            "masked-but-one": ([hidden, 7.0, hidden], 1),
            "cold": ([0.001, 0.0, -0.0005, 0.0012], 2.0**-20),
            "very-cold": ([1.0, 0.5, -3.0], 1e-30),
            "hot": ([300.0, -500.0, 20.0], 1e5),
            "very-hot": ([huge, -huge, 0.0], huge),
            "overflowing-difference": ([most, -most, 0.0], most / 3),
            "near-one": ([0.0, 2.0**-30, -(2.0**-40)], 1),
        }
        for name, (logits, temperature) in rows.items():
            vector = (None, [x / 2 for x in normal_like(len(logits), 1, len(logits))])
            write_case(out, name, bits, temperature, None, logits, vector)
        # Cancellation in c - D: nearly constant vectors, and one whose components are nearly the weighted mean.
        base = [0.5, -0.25, 1.25, 2.0, -1.0]
        for power in (10, 20, 40):
            vector = [1 + k * 2.0**-power for k in (0, 1, -2, 3, 5)]
            write_case(out, f"close-vector-{power}", bits, 1, None, base, (None, vector))
        for power in (8, 20, 33) if bits == 64 else (8, 16, 23):
            d = Row([to_format(x, bits) for x in base], 1, [1.0, 5.0, -3.0, 2.0, 0.0])
            mean = float(sum(y * v for y, v in zip(d.y, d.v)) / (1 - d.y[4]))
            vector = [1.0, 5.0, -3.0, 2.0, mean * (1 + 2.0**-power)]
            write_case(out, f"cancelling-{power}", bits, 1, None, base, (None, vector))
        write_case(out, "large-vector", bits, 1, None, base, (None, [x * huge for x in (1.0, -0.5, 0.25, 0.75, -1.0)]))
        write_case(out, "small-vector", bits, 1, None, base, (None, [x / huge for x in (1.0, -0.5, 0.25, 0.75, -1.0)]))
        write_extremes(out, bits)
    (pathlib.Path(__file__).resolve().parent / "golden.txt").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
