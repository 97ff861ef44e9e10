#!/usr/bin/env python3
"""Random rows through the library and through mpmath; prints the largest error in ulp per function and format.

Temperatures and vectors come from the whole exponent range, mixed within a row, with masked classes too. Build first:
swift build -c release --product softmax-stress. Needs mpmath (gmpy2 makes it faster). Fails if an error exceeds the bounds
of ErrorBounds.
"""

import argparse
import math
import pathlib
import random
import struct
import subprocess
import sys
import time

from mpmath import mpf

from reference import Row, error_in_ulp, is_subnormal

ROOT = pathlib.Path(__file__).resolve().parents[3]


def to_format(x, bits):
    return x if bits == 64 else struct.unpack("<f", struct.pack("<f", x))[0]


def any_magnitude(rng, bits):
    """A number of either sign, or 0, from the whole exponent range."""
    low, high = (-1074, 1024) if bits == 64 else (-149, 128)
    return rng.choice([0.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0]) * 2.0 ** rng.uniform(low, high - 1e-6)


def random_temperature(rng, bits):
    """A temperature whose reciprocal does not overflow, a third of the time from the whole range."""
    whole = 2.0 ** rng.uniform(-1023.9, 1023.9) if bits == 64 else 2.0 ** rng.uniform(-127.9, 127.9)
    return rng.choice([1.0, 1.0, 0.7, 3.1, 1e-3, 1e5, rng.uniform(0.1, 10), whole, whole, whole])


def random_row(rng, bits, classes, temperature):
    """Logits of a random family."""
    kind = rng.choice(
        ["unit", "wide", "wide", "wider", "saturated", "ties", "equal", "shifted", "masked", "huge", "tiny", "gaps",
         "gaps", "gaps"])
    normal = lambda spread: [rng.gauss(0, spread) for _ in range(classes)]
    if kind == "unit":
        z = normal(1)
    elif kind == "wide":
        z = normal(8)
    elif kind == "wider":
        z = normal(200)
    elif kind == "saturated":
        gap = rng.choice([20, 40, 80, 200, 700, 1000])
        z = [rng.gauss(0, 1) - gap for _ in range(classes)]
        z[rng.randrange(classes)] = rng.gauss(0, 1)
    elif kind == "ties":
        z = [float(rng.randrange(-3, 4)) for _ in range(classes)]
    elif kind == "equal":
        z = [rng.gauss(0, 10)] * classes
    elif kind == "shifted":
        z = [1e6 + x for x in normal(3)]
    elif kind == "masked":
        z = [x if rng.random() < 0.6 else -math.inf for x in normal(5)]
        z[rng.randrange(classes)] = 0.5
    elif kind == "gaps":
        # Gaps of up to the largest multiple of the temperature that can change a result, some classes masked.
        reach, top = rng.choice([50, 800, 1100, 2300]), 1e308 if bits == 64 else 3e38
        hidden = rng.choice([0, 0, 0.3])
        z = [max(-rng.uniform(0, reach) * temperature, -top) for _ in range(classes)]
        z = [-math.inf if rng.random() < hidden else x for x in z]
        z[rng.randrange(classes)] = 0.0
    elif kind == "huge":
        top = 1e300 if bits == 64 else 1e38
        z = [rng.choice([top, -top, top, rng.uniform(-top, top)]) for _ in range(classes)]
    else:
        z = [rng.gauss(0, 1) * 2.0 ** rng.randrange(-1060 if bits == 64 else -140, 2) for _ in range(classes)]
    return [to_format(x, bits) for x in z]


def random_vector(rng, bits, classes):
    kind = rng.choice(["unit", "unit", "onehot", "close", "mixed", "large", "any", "any", "any", "tiny", "any-onehot"])
    if kind == "unit":
        v = [rng.gauss(0, 1) for _ in range(classes)]
    elif kind == "onehot":
        v = [0.0] * classes
        v[rng.randrange(classes)] = 1.0
    elif kind == "any":
        v = [any_magnitude(rng, bits) for _ in range(classes)]
    elif kind == "any-onehot":
        v = [0.0] * classes
        v[rng.randrange(classes)] = any_magnitude(rng, bits)
    elif kind == "tiny":
        v = [rng.choice([1, -1]) * 2.0 ** rng.uniform(*((-1074, -1000) if bits == 64 else (-149, -120))) for _ in range(classes)]
    elif kind == "close":
        base = rng.gauss(0, 1)
        v = [base * (1 + rng.gauss(0, 1) * 2.0**-30) for _ in range(classes)]
    elif kind == "mixed":
        v = [rng.gauss(0, 1) * 2.0 ** rng.randrange(-60, 60) for _ in range(classes)]
    else:
        top = 1e290 if bits == 64 else 1e30
        v = [rng.uniform(-top, top) for _ in range(classes)]
    return [to_format(x, bits) for x in v]


def overflows(exact, bits):
    return error_in_ulp(math.inf if exact > 0 else -math.inf, exact, bits) == 0


def promised(exact, bits, kappa=None):
    if is_subnormal(exact, bits) or exact == 0:
        bound = 0.76
    else:
        bound = 0.51
    if kappa is not None:
        if kappa > mpf(2) ** 44:
            return math.inf
        bound = max(bound, min(0.5 + float(kappa) * 2.0**-15, 1.1) + (0.25 if bound > 0.7 else 0))
    return bound


class Table:
    def __init__(self):
        self.worst, self.counts, self.broken = {}, {}, []
        self.refusals = 0  # of products, because a component overflows

    def check(self, name, bits, got, exact, kappa, context):
        error = error_in_ulp(got, exact, bits)
        label = "subnormal" if is_subnormal(exact, bits) else "normal"
        if kappa is not None and (label == "normal" or kappa > mpf(2) ** 44):
            label = "κ ≤ 2^10" if kappa <= 1024 else "κ ≤ 2^44" if kappa <= mpf(2) ** 44 else "κ > 2^44"
        key = (name, bits, label)
        self.counts[key] = self.counts.get(key, 0) + 1
        if error > self.worst.get(key, -1):
            self.worst[key] = error
        if error > promised(exact, bits, kappa):
            self.broken.append((key, error, context))

    def show(self):
        labels = ["normal", "subnormal", "κ ≤ 2^10", "κ ≤ 2^44"]
        print("| largest error in ulp | numbers | " + " | ".join(labels) + " |")
        print("|---|---|" + "---|" * len(labels))
        for name, bits in sorted({key[:2] for key in self.worst}, key=lambda k: (-k[1], k[0])):
            cells = [self.worst.get((name, bits, label)) for label in labels]
            count = sum(self.counts.get((name, bits, label), 0) for label in labels)
            print(f"| {name}, float{bits} | {count} | " + " | ".join(
                "–" if cell is None else f"{cell:.4f}" for cell in cells) + " |")
        print(f"{self.refusals} products refused, each with a component that overflows")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--binary", default=str(ROOT / ".build/release/softmax-stress"))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    process = subprocess.Popen([options.binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    table, end = Table(), time.monotonic() + options.seconds
    while time.monotonic() < end:
        function, bits = rng.randrange(2), rng.choice([32, 64])
        classes = rng.choice([1, 2, 3, 5, 8, 10, 33, 64, 200, 1000])
        rows = rng.choice([1, 1, 2, 9]) if classes < 100 else 1
        dense = classes <= 10
        temperature = random_temperature(rng, bits)
        logits = [random_row(rng, bits, classes, temperature) for _ in range(rows)]
        vectors = [random_vector(rng, bits, classes) for _ in range(rows)]
        process.stdin.write(struct.pack("<5qd", function, bits, rows, classes, dense, temperature))
        for block in (logits, vectors):
            process.stdin.write(struct.pack(f"<{rows * classes}d", *(x for row in block for x in row)))
        process.stdin.flush()
        count = rows * classes * (6 + (classes if dense else 0))
        answer = process.stdout.read(8 * count)
        if len(answer) != 8 * count:
            sys.exit(f"the library stopped: {answer[:80]!r} at {(function, bits, temperature, logits, vectors)}")
        numbers = struct.unpack(f"<{count}d", answer)
        name = ["softmax", "log-softmax"][function]
        exact_rows = [Row(logits[r], temperature, vectors[r]) for r in range(rows)]
        products = [(row.vjp(function == 1), row.jvp(function == 1)) for row in exact_rows]
        refused = set()
        for k, suffix in ((4, "VJP"), (5, "JVP")):
            if math.isnan(numbers[k * rows * classes]):
                refused.add(k)
                table.refusals += 1
                if not any(overflows(x, bits) for pair in products for x in pair[k - 4][0]):
                    table.broken.append(((name, bits, suffix), "refused", (temperature, logits, vectors)))
        for r, row in enumerate(exact_rows):
            part = lambda k: numbers[(k * rows + r) * classes:(k * rows + r + 1) * classes]
            context = (temperature, logits[r], vectors[r]) if classes <= 10 else (temperature, classes)
            # Only a sample of a large row, so that mpmath has time for many rows.
            some = range(classes) if classes <= 64 else rng.sample(range(classes), 40) + [row.m]
            vjp, jvp = products[r]
            values = row.log() if function else row.y
            diagonal = row.diagonal(function == 1)
            for i in some:
                table.check(name, bits, part(0)[i], values[i], None, context)
                table.check(f"{name} Jacobian", bits, part(1)[i], diagonal[i], None, context)
                table.check("y of the factors", bits, part(2)[i], row.y[i], None, context)
                table.check("1 - y of the factors", bits, part(3)[i], row.complement[i], None, context)
                for k, suffix, (exact, kappas) in ((4, "VJP", vjp), (5, "JVP", jvp)):
                    if k not in refused:
                        table.check(f"{name} {suffix}", bits, part(k)[i], exact[i], kappas[i], context)
                if dense:
                    for j in range(classes):
                        got = numbers[6 * rows * classes + (r * classes + j) * classes + i]
                        table.check(
                            f"{name} Jacobian", bits, got, row.entry(j, i, function == 1), None, context)
    process.stdin.close()
    process.wait()
    table.show()
    for key, error, context in table.broken[:10]:
        print("broken:", key, error, context)
    if table.broken:
        sys.exit(f"{len(table.broken)} numbers break their promise")


if __name__ == "__main__":
    main()
