// The numbers that a row's results share: its exponentials, their sum T without the argmax, R = 1/(1 + T), log(1 + T).
//
// Here every exponential is scaled by 2^600 and has a relative error of 2^-68 (float32: 2^-51). wide.h computes the
// rows that need a larger range or a smaller error.
#pragma once

#include "tile.h"

/// A temperature as m * 2^k with 1 <= m < 2.
struct temperature {
    bool is_one;
    lanes mantissa;
    struct pair reciprocal;  ///< 1/m
    int64_t exponent;
    struct power middle, large, small;  ///< 2^-k; for quotients scaled by 2^-600; by 2^600.
};

static void set_temperature(struct temperature *out, double value) {
    int exponent;
    double half = frexp(value, &exponent);
    int64_t k = exponent - 1;
    *out = (struct temperature){
        .is_one = value == 1,
        .mantissa = broadcast(half * 2),
        .reciprocal = reciprocal((struct pair){broadcast(half * 2), broadcast(0)}),
        .exponent = k,
        .middle = split_power((bits)(-k)),
        .large = split_power((bits)(600 - k)),
        .small = split_power((bits)(-k - 600)),
    };
}

/// (z - peak) / temperature as the sum of three numbers.
struct gap {
    lanes high;
    struct pair tail;
};

/// If `high` is -infinity, the tail is unspecified and may be NaN.
INLINE struct gap gap_between(lanes z, lanes peak, const struct temperature *t, const bool divide) {
    struct pair d = two_sum(z, -peak);
    if (!divide) return (struct gap){d.high, {d.low, broadcast(0)}};

    // Where the difference overflows, subtract halves. Both numbers are so large that halving them is exact.
    bits overflow = d.high < -DBL_MAX;
    d = choose_pair(overflow, two_sum(z * 0.5, peak * -0.5), d);
    // Scale the dividend towards 1, so that the remainder is exact.
    bits large = magnitude(d.high) > 0x1p+400, small = magnitude(d.high) < 0x1p-400;
    lanes factor = choose(large, broadcast(0x1p-600), choose(small, broadcast(0x1p+600), broadcast(1)));
    d = scale(d, choose(overflow, broadcast(0x1p-599), factor));

    lanes q0 = d.high / t->mantissa;
    struct pair p0 = two_product(q0, t->mantissa);
    struct pair r0 = two_sum(d.high - p0.high, -p0.low);
    struct pair r1 = two_sum(r0.high, d.low);
    lanes q1 = r1.high / t->mantissa;
    struct pair p1 = two_product(q1, t->mantissa);
    lanes q2 = (((r1.high - p1.high) - p1.low) + (r0.low + r1.low)) / t->mantissa;

    lanes first = choose(large, t->large.first, choose(small, t->small.first, t->middle.first));
    lanes last = choose(large, t->large.last, choose(small, t->small.last, t->middle.last));
    return (struct gap){q0 * first * last, {q1 * first * last, q2 * first * last}};
}

/// The scratch of one tile.
struct tile {
    double *logits;
    double *vector;
    double *high, *low;  ///< e * 2^600 as pairs
};

INLINE void exponentials_of(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const struct temperature *t,
    const enum precision precision, const bool divide) {
    for (int64_t b = 0; b < layout->blocks; b++) {
        struct gap g = gap_between(load(tile->logits + b * LANES), peak->value, t, divide);
        struct pair e = exponential(g.high, g.tail, precision);
        store(tile->high + b * LANES, e.high);
        store(tile->low + b * LANES, e.low);
    }
}

/// e_i = exp((z_i - z_m) / temperature) * 2^600 for the whole tile.
static void fill_exponentials(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const struct temperature *t,
    enum precision precision) {
    if (precision == NARROW && t->is_one)
        exponentials_of(layout, tile, peak, t, NARROW, false);
    else if (precision == NARROW)
        exponentials_of(layout, tile, peak, t, NARROW, true);
    else if (t->is_one)
        exponentials_of(layout, tile, peak, t, WIDE, false);
    else
        exponentials_of(layout, tile, peak, t, WIDE, true);
}

/// The second sum, besides T.
enum summand {
    NOTHING,
    WEIGHTED_DIFFERENCES,  ///< e_i (g_i - g_m), and their magnitudes
    VECTOR,                ///< g_i, without the argmax
};

struct sums {
    struct pair total;     ///< T * 2^600
    struct pair weighted;  ///< scaled by 2^600 if it has the factor e
    lanes magnitude;
};

INLINE void sums_of(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const lanes *vector_at_peak,
    struct sums *out, const bool across, const enum summand summand) {
    struct accumulator total[LANES] = {0}, weighted[LANES] = {0};
    lanes magnitudes[LANES] = {0};
    bits index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += layout->step) {
        int64_t part = across ? b % LANES : 0;
        struct pair e = {load(tile->high + b * LANES), load(tile->low + b * LANES)};
        bits is_peak = index == peak->index;
        struct pair others = choose_pair(is_peak, (struct pair){broadcast(0), broadcast(0)}, e);
        accumulate(&total[part], others, false);
        if (summand == NOTHING) continue;

        lanes g = load(tile->vector + b * LANES);
        if (summand == VECTOR) {
            accumulate(&weighted[part], (struct pair){choose(is_peak, broadcast(0), g), broadcast(0)}, false);
        } else {
            struct pair c = two_sum(g, -*vector_at_peak);
            struct pair p = two_product(others.high, c.high);
            p.low += others.low * c.high + others.high * c.low;
            accumulate(&weighted[part], p, false);
            magnitudes[part] += others.high * magnitude(c.high);
        }
    }
    out->total = folded(total, across);
    if (summand != NOTHING) out->weighted = folded(weighted, across);
    if (summand == WEIGHTED_DIFFERENCES) out->magnitude = folded_plain(magnitudes, across);
}

#define SUMS(across) \
    switch (summand) { \
    case NOTHING: sums_of(layout, tile, peak, at_peak, out, across, NOTHING); break; \
    case WEIGHTED_DIFFERENCES: sums_of(layout, tile, peak, at_peak, out, across, WEIGHTED_DIFFERENCES); break; \
    case VECTOR: sums_of(layout, tile, peak, at_peak, out, across, VECTOR); break; \
    }

static void sum_along(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const lanes *at_peak,
    struct sums *out, enum summand summand) {
    SUMS(false)
}

static void sum_across(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const lanes *at_peak,
    struct sums *out, enum summand summand) {
    SUMS(true)
}

/// 1/(1 + T) from T * 2^600.
INLINE struct pair normaliser(struct pair total) {
    struct pair t = scale(total, broadcast(UNSCALE));
    struct pair s = two_sum(broadcast(1), t.high);
    return reciprocal(fast_two_sum(s.high, s.low + t.low));
}

/// log(1 + T) * 2^600 from T * 2^600, relative error about 2^-63.
///
/// log(1 + T) = n ln2/128 + log(1 + x), with 2^(n/128) near 1 + T from T = 1/32 on and n = 0 below; then
/// log(1 + x) = 2 artanh(x / (2 + x)), whose tail after the first term is below 2^-13 of it.
INLINE struct pair scaled_logarithm(struct pair total) {
    struct pair t = scale(total, broadcast(UNSCALE));
    bits direct = t.high < 0x1p-5;
    struct pair s = two_sum(broadcast(1), t.high);
    s = fast_two_sum(s.high, s.low + t.low);

    bits exponent = (as_bits(s.high) >> 52) - 1023;
    lanes f = as_lanes((as_bits(s.high) & 0xfffffffffffff) | 0x3ff0000000000000) - 1.0;
    lanes fraction = f + f * (1.0 - f) * (0.43 - 0.17 * f);  // log2(1 + f) to 0.0014
    bits n = exponent * 128 + __builtin_convertvector(fraction * 128.0 + 0.5, bits);
    struct pair x = scale(multiply(s, table_lookup(-n)), table_power(-n, 0));
    x = fast_two_sum(x.high - 1.0, x.low);
    x = choose_pair(direct, total, scale(x, broadcast(SCALE)));
    lanes count = choose(direct, broadcast(0), __builtin_convertvector(n, lanes));

    struct pair d = fast_two_sum(broadcast(2), x.high * UNSCALE);
    d.low += x.low * UNSCALE;
    lanes q = x.high / d.high;
    struct pair p = two_product(q, d.high);
    lanes rest = ((((x.high - p.high) - p.low) + x.low) - q * d.low) / d.high;
    lanes v = q * UNSCALE;
    v *= v;
    lanes tail = 0x1.2492492492492p-3 + v * (0x1.c71c71c71c71cp-4 + v * 0x1.745d1745d1746p-4);  // 1/7 + v/9 + v²/11
    tail = v * (0x1.5555555555555p-2 + v * (0.2 + v * tail));
    struct pair series = fast_two_sum(q + q, (rest + rest) + (q + q) * tail);
    struct pair whole = fast_two_sum(count * LN2_A, count * LN2_B);
    return add(scale(whole, broadcast(SCALE)), series);
}
