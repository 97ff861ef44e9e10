"""Numbers at the edge of every decision that printing and reading take, with the right answers, from exact integers.

Prints lines of
    power K HIGH LOW      10^K = (HIGH 2^64 + LOW) 2^(b - 127), rounded up
    print BITS TEXT       the shortest text of a float64, laid out as std::to_chars does
    read TEXT BITS BITS32 the float64 and the float32 nearest to a decimal; "-" where it is too large
"""

import random
import struct
from fractions import Fraction
from math import lcm


def first_within(factor, modulus, low, high):
    """The least n >= 0 with low <= factor * n mod modulus <= high, by Euclid's algorithm; None where there is none."""
    if low == 0:
        return 0
    factor %= modulus
    if factor == 0:
        return None
    if 2 * factor > modulus:
        return first_within(modulus - factor, modulus, modulus - high, modulus - low)
    n = -(-low // factor)
    if n * factor <= high:
        return n
    m = first_within(-modulus % factor, factor, low % factor, high % factor)
    return None if m is None else -(-(low + modulus * m) // factor)


def near(step, start, modulus, target, first, last, found=2):
    """Integers n in [first, last] with (step * n + start) mod modulus closest to the target on either side: the first
    few within 4 / (last - first + 1) of the modulus. All are fractions."""
    denominator = lcm(*(number.denominator for number in (step, start, modulus, target)))
    a, b, m, t = (int(number * denominator) for number in (step, start, modulus, target))
    offset = a * first + b - t
    width = max(1, 4 * m // (last - first + 1))
    results = []
    for lowest in (0, -width):
        at = first
        for _ in range(found):
            low = (lowest - offset - a * (at - first)) % m
            # The window may pass 0: then the integer at hand is within it.
            n = first_within(a, m, low, low + width) if low + width < m else 0
            if n is None or at + n > last:
                break
            results.append(at + n)
            at += n + 1
    return results


def shortest(significand, exponent, is_power):
    """The digits and the exponent d * 10^p of the shortest decimal that rounds to significand * 2^exponent, by trial."""
    x = Fraction(significand) * Fraction(2) ** exponent
    half = Fraction(2) ** (exponent - 1)
    low, high = x - (half / 2 if is_power else half), x + half
    is_included = significand % 2 == 0
    power = len(str(int(high))) if high >= 1 else -int(len(str(int(1 / high)))) + 1
    while True:
        unit = Fraction(10) ** power
        first, last = -(-low // unit), high // unit
        if not is_included:
            first += first * unit == low
            last -= last * unit == high
        if first <= last:
            digits = min(range(int(first), int(last) + 1), key=lambda d: (abs(d * unit - x), d % 2))
            if digits > 0:
                while digits % 10 == 0:
                    digits, power = digits // 10, power + 1
                return digits, power
        power -= 1


def laid_out(number, digits, power):
    text = str(digits)
    exponent = power + len(text) - 1
    scientific = text[0] + ("." + text[1:] if text[1:] else "") + f"e{exponent:+03d}"
    if power >= 0:
        fixed = str(int(number))  # every digit of it, as std::to_chars prints it
    elif exponent >= 0:
        fixed = text[:exponent + 1] + "." + text[exponent + 1:]
    else:
        fixed = "0." + "0" * (-exponent - 1) + text
    return fixed if len(fixed) <= len(scientific) else scientific


def printing():
    random.seed(1)
    for field in range(1, 2047):
        exponent = field - 1075
        spacing = Fraction(2) ** exponent
        power = int(exponent * 0.30102999566398119521)
        while Fraction(10) ** power > spacing:
            power -= 1
        while Fraction(10) ** (power + 1) <= spacing:
            power += 1
        step = spacing / Fraction(10) ** power
        first, last = 1 << 52, (1 << 53) - 1
        significands = {first, first + 1, last, random.randint(first, last)}
        significands |= set(near(step, Fraction(0), Fraction(1), Fraction(1, 2), first, last))
        for side in (-1, 1):
            significands |= set(near(step, side * step / 2, Fraction(10), Fraction(0), first, last))
        for significand in sorted(significands):
            bits = (field << 52) | (significand - first)
            number = struct.unpack("<d", struct.pack("<Q", bits))[0]
            digits, decimal = shortest(significand, exponent, significand == first and field > 1)
            text = laid_out(number, digits, decimal)
            assert float(text) == number, (number, text)
            yield f"print {bits:016x} {text}"


def rounded(value, fraction_bits, least, greatest):
    """The bits of the binary number nearest to a positive fraction, ties to even; None where it is too large."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length() - 1
    exponent += Fraction(2) ** (exponent + 1) <= value
    exponent = max(exponent, least)
    scaled = value / Fraction(2) ** (exponent - fraction_bits)
    significand = scaled.numerator // scaled.denominator
    rest = scaled - significand
    significand += rest > Fraction(1, 2) or (rest == Fraction(1, 2) and significand % 2 == 1)
    bits = ((exponent - least) << fraction_bits) + significand
    return None if bits >= (greatest - least + 2) << fraction_bits else bits


def reading_line(digits, power):
    value = Fraction(digits) * Fraction(10) ** power
    both = []
    for width, arguments in ((16, (52, -1022, 1023)), (8, (23, -126, 127))):
        bits = rounded(value, *arguments)
        both.append("-" if bits is None else f"{bits:0{width}x}")
    spelled = f"{digits}e{power}" if power else str(digits)
    return f"read {spelled} {' '.join(both)}"


def exact(value):
    """A fraction whose denominator is a power of two as digits and a power of ten."""
    places = value.denominator.bit_length() - 1
    return int(value * Fraction(10) ** places), -places


def reading():
    random.seed(2)
    for fraction_bits, least, greatest in ((52, -1022, 1023), (23, -126, 127)):
        for exponent in range(least - 1, greatest + 1):
            hidden = 1 << fraction_bits
            significand = random.randrange(hidden) + (hidden if exponent >= least else 0)
            half = Fraction(2 * significand + 1) * Fraction(2) ** (max(exponent, least) - fraction_bits - 1)
            digits, power = exact(half)
            yield reading_line(digits, power)
            yield reading_line(digits * 10 + 1, power - 1)
            yield reading_line(digits * 10 - 1, power - 1)
            yield reading_line(digits * 10**300 + 1, power - 300)
            for length in (17, 19, 20):
                cut = max(0, len(str(digits)) - length)
                yield reading_line(digits // 10**cut, power + cut)
    # Integers of 19 digits times powers of ten that are almost halfway between two numbers.
    for power in range(-342, 309):
        value = Fraction(10) ** power
        for fraction_bits in (52, 23):
            first, last = 10**18, 10**19 - 1
            size = (first * value).numerator.bit_length() - (first * value).denominator.bit_length()
            for scale in (size, size + 2):
                step = value / Fraction(2) ** (scale - fraction_bits)
                for w in near(step, Fraction(0), Fraction(1), Fraction(1, 2), first, last, 1):
                    yield reading_line(w, power)


def powers():
    for k in range(-342, 325):
        value = Fraction(10) ** k
        exponent = value.numerator.bit_length() - value.denominator.bit_length()
        exponent -= Fraction(2) ** exponent > value
        scaled = value * Fraction(2) ** (127 - exponent)
        significand = -(-scaled.numerator // scaled.denominator)
        yield f"power {k} {significand >> 64:016x} {significand & (1 << 64) - 1:016x}"


if __name__ == "__main__":
    for line in (*powers(), *printing(), *reading()):
        print(line)
