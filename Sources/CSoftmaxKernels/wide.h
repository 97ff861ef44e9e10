// Rows with an integer exponent for every number, so that nothing overflows or underflows before the last step.
//
// Three kinds of row are computed here, one at a time:
// - products whose vector or temperature exceeds the range of exponentials scaled by 2^600 (`ready_vector`);
// - derivatives at a temperature below 2^-400 (`is_cold_exponent`);
// - products in which c - D cancels too much for exponentials with a relative error of 2^-68.
//
// Sums are relative to their largest term and omit terms below 2^-1000 of it. Scaling by powers of two changes no
// digit, and the lanes are added in the order of tile.h.
#pragma once

#include "operations.h"

/// value * 2^exponent; a value of 0 has an exponent of about ABSENT.
struct scaled_lanes {
    struct pair value;
    bits exponent;
};

/// The exponent of 0: so low that no product brings it near another exponent.
#define ABSENT (-(INT64_C(1) << 20))
/// The exponent that marks a masked class.
#define MASKED (4 * ABSENT)

INLINE bits larger(bits a, bits b) { return a > b ? a : b; }

INLINE int64_t largest_lane(bits a) {
    int64_t largest = a[0];
    for (int lane = 1; lane < LANES; lane++) largest = a[lane] > largest ? a[lane] : largest;
    return largest;
}

/// 2^e for -1000 <= e <= 1000; 0 for smaller e.
INLINE lanes relative_power(bits e) { return choose(e < -1000, broadcast(0), power_of_two(larger(e, (bits)(-1000)))); }

INLINE lanes finish_scaled(struct scaled_lanes a) {
    bits e = larger(a.exponent, (bits)(-2000));
    return finish(a.value, split_power(e > 2000 ? 2000 : e));
}

INLINE struct scaled_lanes choose_scaled(bits mask, struct scaled_lanes yes, struct scaled_lanes no) {
    return (struct scaled_lanes){choose_pair(mask, yes.value, no.value), mask ? yes.exponent : no.exponent};
}

/// The number with its value scaled to 1 ..< 2.
INLINE struct scaled_lanes normalised(struct pair a) {
    bits large = magnitude(a.high) > 0x1p+500, small = magnitude(a.high) < 0x1p-500;
    a = scale(a, choose(large, broadcast(UNSCALE), choose(small, broadcast(SCALE), broadcast(1))));
    bits e = ((as_bits(a.high) >> 52) & 0x7ff) - 1023;
    bits exponent = e + (SCALE_EXPONENT & large) - (SCALE_EXPONENT & small);
    return (struct scaled_lanes){scale(a, power_of_two(-e)), a.high == 0 ? ABSENT : exponent};
}

/// a - b, exact except for bits below 2^-2000 of it.
INLINE struct scaled_lanes difference(lanes a, lanes b) {
    // Where the difference could overflow, subtract halves.
    bits halve = (magnitude(a) > 0x1p+1022) | (magnitude(b) > 0x1p+1022);
    lanes factor = choose(halve, broadcast(0.5), broadcast(1));
    struct scaled_lanes c = normalised(two_sum(a * factor, b * -factor));
    c.exponent -= halve;
    return c;
}

/// a + b, with the larger of the two exponents.
INLINE struct scaled_lanes scaled_sum(struct scaled_lanes a, struct scaled_lanes b) {
    bits e = larger(a.exponent, b.exponent);
    struct pair x = scale(a.value, relative_power(a.exponent - e)), y = scale(b.value, relative_power(b.exponent - e));
    return (struct scaled_lanes){add(x, y), e};
}

INLINE struct scaled_lanes scaled_product(struct scaled_lanes a, struct scaled_lanes b) {
    return (struct scaled_lanes){multiply(a.value, b.value), a.exponent + b.exponent};
}

INLINE struct scaled_lanes scaled_negation(struct scaled_lanes a) {
    return (struct scaled_lanes){negate(a.value), a.exponent};
}

/// The exponents of a row's exponentials, which replace the logits in the tile.
INLINE bits exponents_at(const struct tile *tile, int64_t b) { return as_bits(load(tile->logits + b * LANES)); }

INLINE struct scaled_lanes scaled_exponential_at(const struct tile *tile, int64_t b) {
    return (struct scaled_lanes){exponential_at(tile, b), exponents_at(tile, b)};
}

/// The numbers that all results of a row share.
struct wide_row {
    struct peak peak;
    struct scaled_lanes total;       ///< T
    struct pair normaliser;          ///< R = 1/(1 + T)
    struct scaled_lanes complement;  ///< T R
};

INLINE void wide_exponentials_of(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const struct temperature *t,
    const enum precision precision) {
    for (int64_t b = 0; b < layout->blocks; b++) {
        lanes z = load(tile->logits + b * LANES);
        struct gap g = gap_between(z, peak->value, t, true);
        bits none = g.high < LOWEST_WIDE_EXPONENT;
        lanes d = choose(none, broadcast(0), g.high);
        struct pair zero = {broadcast(0), broadcast(0)}, tail = choose_pair(none, zero, g.tail);
        bits index;
        lanes n = nearest_step(d, &index);
        struct pair e = choose_pair(none, zero, mantissa_of(d, tail, n, index, precision));
        // The bits of `index` are those of 1.5 * 2^52 plus n.
        bits exponent = (index - as_bits(broadcast(0x1.8p+52))) >> 7;
        exponent = none ? (z == -INFINITY ? MASKED : ABSENT) : exponent;
        store(tile->logits + b * LANES, as_lanes(exponent));
        store(tile->high + b * LANES, e.high);
        store(tile->low + b * LANES, e.low);
    }
}

/// Fills the tile with exponentials and their exponents, and `row` with the numbers derived from them.
static void solve_wide_row(
    const struct layout *layout, const struct tile *tile, const struct temperature *t, enum precision precision,
    struct wide_row *row) {
    find_peak(layout, tile->logits, &row->peak);
    if (precision == ACCURATE)
        wide_exponentials_of(layout, tile, &row->peak, t, ACCURATE);
    else
        wide_exponentials_of(layout, tile, &row->peak, t, WIDE);

    bits top = (bits)ABSENT, index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += layout->step)
        top = larger(top, index == row->peak.index ? ABSENT : exponents_at(tile, b));
    int64_t exponent = largest_lane(top);

    struct accumulator sum = {0};
    index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += layout->step) {
        lanes factor = relative_power(exponents_at(tile, b) - exponent);
        factor = choose(index == row->peak.index, broadcast(0), factor);
        accumulate(&sum, scale(exponential_at(tile, b), factor), precision == ACCURATE);
    }
    row->total = (struct scaled_lanes){folded(&sum, false), (bits)exponent};
    row->normaliser = normaliser(scale(row->total.value, relative_power(row->total.exponent + SCALE_EXPONENT)));
    row->complement = (struct scaled_lanes){multiply(row->total.value, row->normaliser), row->total.exponent};
}

/// D = Σ y c with c = v - v_m; see `differentiate`.
static struct scaled_lanes wide_weighted_sum(
    const struct layout *layout, const struct tile *tile, const struct wide_row *row, lanes at_peak) {
    bits top = (bits)ABSENT, index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += layout->step) {
        bits exponent = exponents_at(tile, b) + difference(load(tile->vector + b * LANES), at_peak).exponent;
        top = larger(top, index == row->peak.index ? ABSENT : exponent);
    }
    int64_t exponent = largest_lane(top);

    struct accumulator sum = {0};
    index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += layout->step) {
        struct scaled_lanes e = scaled_exponential_at(tile, b);
        struct scaled_lanes c = difference(load(tile->vector + b * LANES), at_peak);
        lanes factor = relative_power(e.exponent + c.exponent - exponent);
        factor = choose(index == row->peak.index, broadcast(0), factor);
        struct pair p = two_product(e.value.high, c.value.high);
        p.low += e.value.low * c.value.high + e.value.high * c.value.low;
        accumulate(&sum, scale(p, factor), true);
    }
    return (struct scaled_lanes){multiply(row->normaliser, folded(&sum, false)), (bits)exponent};
}

/// `differentiate` for one row.
static void differentiate_wide(
    const struct layout *layout, const struct tile *tile, const struct wide_row *row, const struct temperature *t,
    lanes at_peak, bool is_logarithmic) {
    struct scaled_lanes minus_d = scaled_negation(wide_weighted_sum(layout, tile, row, at_peak));
    struct scaled_lanes factor = {t->reciprocal, (bits)(-t->exponent)};
    if (!is_logarithmic) factor.value = multiply(row->normaliser, t->reciprocal);
    for (int64_t b = 0; b < layout->blocks; b++) {
        struct scaled_lanes s = scaled_sum(difference(load(tile->vector + b * LANES), at_peak), minus_d);
        bits masked = exponents_at(tile, b) == MASKED;
        if (!is_logarithmic) s = scaled_product(scaled_exponential_at(tile, b), s);
        lanes value = finish_scaled(scaled_product(s, factor));
        store(tile->high + b * LANES, choose(masked, broadcast(0), value));
    }
}

/// Σ' g, the sum over all classes except the argmax.
static struct scaled_lanes wide_vector_sum(
    const struct layout *layout, const struct tile *tile, const struct wide_row *row) {
    bits top = (bits)ABSENT, index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += layout->step) {
        bits exponent = normalised((struct pair){load(tile->vector + b * LANES), broadcast(0)}).exponent;
        top = larger(top, index == row->peak.index ? ABSENT : exponent);
    }
    int64_t exponent = largest_lane(top);

    struct accumulator sum = {0};
    index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += layout->step) {
        struct scaled_lanes g = normalised((struct pair){load(tile->vector + b * LANES), broadcast(0)});
        lanes factor = relative_power(g.exponent - exponent);
        factor = choose(index == row->peak.index, broadcast(0), factor);
        accumulate(&sum, scale(g.value, factor), true);
    }
    return (struct scaled_lanes){folded(&sum, false), (bits)exponent};
}

/// `differentiate_logarithm` for one row.
static void differentiate_logarithm_wide(
    const struct layout *layout, const struct tile *tile, const struct wide_row *row, const struct temperature *t,
    lanes at_peak) {
    struct scaled_lanes own_at_peak = normalised((struct pair){at_peak, broadcast(0)});
    struct scaled_lanes r = {row->normaliser, (bits)0}, reciprocal = {t->reciprocal, (bits)(-t->exponent)};
    struct scaled_lanes others = wide_vector_sum(layout, tile, row);
    struct scaled_lanes all = scaled_product(scaled_sum(others, own_at_peak), r);
    struct scaled_lanes kept = scaled_product(own_at_peak, row->complement);
    struct scaled_lanes given = scaled_product(others, r);
    bits index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += class_step(layout)) {
        bits is_peak = index == row->peak.index;
        bits masked = exponents_at(tile, b) == MASKED;
        struct scaled_lanes own = normalised((struct pair){load(tile->vector + b * LANES), broadcast(0)});
        own = choose_scaled(is_peak, kept, own);
        struct scaled_lanes share = scaled_product(scaled_exponential_at(tile, b), all);
        share = choose_scaled(is_peak, given, share);
        lanes value = finish_scaled(scaled_product(scaled_sum(own, scaled_negation(share)), reciprocal));
        store(tile->high + b * LANES, choose(masked, broadcast(0), value));
    }
}
