// exp(d + t) for d <= 0 at three precisions, either scaled by 2^600 or with a separate exponent.
//
// d = n ln2/128 + r with |r| <= ln2/256 < 2^-8.5; exp(d) = 2^(n div 128) * 2^((n mod 128)/128) * exp(r), the middle
// factor from a table of pairs (P. T. P. Tang, "Table-driven implementation of the exponential function in IEEE
// floating-point arithmetic", ACM TOMS 15(2), 1989).
//
// The factor 2^600 keeps every value, its low part and its products within the normal range: exp(-1060) is 2^-1529.3.
// Below -1060 the result is 0: even multiplied by 2^400 such a value is less than half the smallest float64. Values
// that are multiplied by more than 2^400 have a separate exponent (wide.h) and are 0 below exp(-2300) = 2^-3318.2:
// multiplied by two factors below 2^1024 each, that is still far below the smallest float64.
#pragma once

#include "exponential_table.h"
#include "lanes.h"

/// The relative error of an exponential: about 2^-51 (for float32), 2^-68, 2^-101.
enum precision { NARROW, WIDE, ACCURATE };

#define SCALE_EXPONENT 600
#define SCALE 0x1p+600
#define UNSCALE 0x1p-600
#define LOWEST_EXPONENT (-1060.0)
#define LOWEST_WIDE_EXPONENT (-2300.0)

typedef double two_lanes __attribute__((ext_vector_type(2)));
typedef double four_lanes __attribute__((ext_vector_type(4)));

INLINE four_lanes table_rows(int64_t a, int64_t b) {
    two_lanes x, y;
    memcpy(&x, &exponential_table[a & 127], sizeof x);
    memcpy(&y, &exponential_table[b & 127], sizeof y);
    return __builtin_shufflevector(x, y, 0, 1, 2, 3);
}

/// 2^(n/128 - floor(n/128)) from the low seven bits of each lane.
INLINE struct pair table_lookup(bits n) {
    four_lanes t02 = table_rows(n[0], n[2]), t13 = table_rows(n[1], n[3]);
    four_lanes t46 = table_rows(n[4], n[6]), t57 = table_rows(n[5], n[7]);
    four_lanes h0 = __builtin_shufflevector(t02, t13, 0, 4, 2, 6), l0 = __builtin_shufflevector(t02, t13, 1, 5, 3, 7);
    four_lanes h1 = __builtin_shufflevector(t46, t57, 0, 4, 2, 6), l1 = __builtin_shufflevector(t46, t57, 1, 5, 3, 7);
    return (struct pair){
        __builtin_shufflevector(h0, h1, 0, 1, 2, 3, 4, 5, 6, 7),
        __builtin_shufflevector(l0, l1, 0, 1, 2, 3, 4, 5, 6, 7),
    };
}

/// 2^(floor(n/128) + extra); bits of n above the low 19 are ignored.
INLINE lanes table_power(bits n, int64_t extra) { return as_lanes(((n & ~127) << 45) + ((extra + 1023) << 52)); }

/// r as a pair to 2^-110: |d| is at most 2300, n below 2^19 and LN2_A has 34 bits, so that d - n LN2_A is exact.
INLINE struct pair reduced(lanes d, struct pair tail, lanes n) {
    struct pair b = two_product(n, broadcast(LN2_B));
    struct pair r = two_sum(d - n * LN2_A, -b.high);
    struct pair s = two_sum(r.high, tail.high);
    return fast_two_sum(s.high, s.low + (r.low + ((tail.low - b.low) - n * LN2_C)));
}

/// exp(r) in pairs by Horner's rule, with terms below 2^-60 in plain float64. Relative error about 2^-103.
INLINE struct pair exponential_series(struct pair r) {
    lanes x = r.high;
    lanes t = 0x1.71de3a556c734p-19 + x * 0x1.27e4fb7789f5cp-22;  // 1/9! + r/10!
    t = 0x1.a01a01a01a01ap-13 + x * (0x1.a01a01a01a01ap-16 + x * t);
    t = 0x1.6c16c16c16c17p-10 + x * t;  // 1/6! + r/7! + …
    static const double coefficients[5][2] = {
        {0x1.1111111111111p-7, 0x1.1111111111111p-63},  // 1/120
        {0x1.5555555555555p-5, 0x1.5555555555555p-59},  // 1/24
        {0x1.5555555555555p-3, 0x1.5555555555555p-57},  // 1/6
        {0x1p-1, 0},
        {1, 0},
    };
    struct pair sum = {t, broadcast(0)};
    for (int i = 0; i < 5; i++) {
        struct pair product = multiply(r, sum);
        sum = fast_two_sum(broadcast(coefficients[i][0]), product.high);
        sum = fast_two_sum(sum.high, sum.low + (product.low + coefficients[i][1]));
    }
    struct pair product = multiply(r, sum);
    sum = fast_two_sum(broadcast(1), product.high);
    return fast_two_sum(sum.high, sum.low + product.low);
}

/// d * 128 / ln 2 rounded to the nearest integer n; the low bits of `shifted` are those of n.
INLINE lanes nearest_step(lanes d, bits *shifted) {
    lanes sum = d * 0x1.71547652b82fep+7 + 0x1.8p+52;
    *shifted = as_bits(sum);
    return sum - 0x1.8p+52;
}

/// exp(d + tail) / 2^floor(n/128), between 0.99 and 2.01. Only ACCURATE uses `tail.low`.
INLINE struct pair mantissa_of(
    lanes d, struct pair tail, lanes n, bits index, const enum precision precision) {
    struct pair table = table_lookup(index);
    if (precision == ACCURATE) return multiply(table, exponential_series(reduced(d, tail, n)));

    lanes a = d - n * LN2_A, b = n * LN2_B - tail.high;
    lanes r = a - b;
    lanes square = r * r;
    if (precision == NARROW) {
        lanes even = 0.5 + square * 0x1.5555555555555p-5, odd = 0x1.5555555555555p-3 + square * 0x1.1111111111111p-7;
        lanes p = r + square * (even + r * odd);
        return (struct pair){table.high + table.high * p, broadcast(0)};
    }
    // Where |a| < |b| this residue is inexact, but then r < 2^-24 and the loss is below 2^-77.
    lanes residue = (a - r) - b;
    lanes even = 0.5 + square * (0x1.5555555555555p-5 + square * 0x1.6c16c16c16c17p-10);
    lanes odd = 0x1.5555555555555p-3 + square * 0x1.1111111111111p-7;
    lanes rest = square * (even + r * odd) + residue;  // exp(r) - 1 - r
    struct pair product = two_product(table.high, r);
    struct pair sum = fast_two_sum(table.high, product.high);
    lanes low = sum.low + ((product.low + table.low) + (table.high * rest + table.low * r));
    return fast_two_sum(sum.high, low);
}

/// exp(d + tail) * 2^600; 0 where d < -1060 or is -infinity, whatever the tail.
INLINE struct pair exponential(lanes d, struct pair tail, const enum precision precision) {
    bits none = d < LOWEST_EXPONENT;
    d = choose(none, broadcast(0), d);
    tail.high = choose(none, broadcast(0), tail.high);

    bits index;
    lanes n = nearest_step(d, &index);
    lanes power = choose(none, broadcast(0), table_power(index, SCALE_EXPONENT));
    struct pair e = mantissa_of(d, tail, n, index, precision);
    if (precision == NARROW) return (struct pair){e.high * power, broadcast(0)};
    return scale(e, power);
}
