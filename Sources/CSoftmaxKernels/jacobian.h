// Entries of the Jacobian from prepared probabilities Y = y * 2^600, held as pairs; a masked class is -0.
//
// softmax: J_ji = -y_j y_i off the diagonal and y_j (1 - y_j) on it; log-softmax: -y_i and 1 - y_j; all over the
// temperature. The complement 1 - y of the argmax is T R, elsewhere y <= 1/2 and the subtraction is benign.
#pragma once

#include "operations.h"

/// A number yet to be multiplied by a power of two.
struct scaled_lanes {
    struct pair value;
    bits exponent;
};

INLINE bits is_masked(lanes probability) { return as_bits(probability) == INT64_MIN; }

/// What multiplies Y_i in row j off the diagonal.
INLINE struct scaled_lanes row_factor(struct pair yj, struct pair reciprocal, int64_t k, bool is_logarithmic) {
    if (is_logarithmic) {
        lanes keep = choose(is_masked(yj.high), broadcast(0), broadcast(-1));
        return (struct scaled_lanes){scale(reciprocal, keep), (bits)(-SCALE_EXPONENT - k)};
    }
    struct pair a = negate(multiply(yj, reciprocal));
    bits large = magnitude(a.high) > 1;
    bits one = -SCALE_EXPONENT - k + (bits)0, two = one - SCALE_EXPONENT;
    return (struct scaled_lanes){scale(a, choose(large, broadcast(UNSCALE), broadcast(1))), large ? one : two};
}

INLINE lanes off_diagonal(struct pair yi, struct pair factor, struct power power) {
    struct pair p = two_product(yi.high, factor.high);
    p.low += yi.high * factor.low + yi.low * factor.high;
    return finish(p, power);
}

INLINE lanes diagonal(
    struct pair yj, bits is_peak, struct pair complement, struct pair reciprocal, int64_t k, bool is_logarithmic) {
    struct pair y = scale(yj, broadcast(UNSCALE));
    struct pair rest = two_sum(broadcast(1), -y.high);
    rest = fast_two_sum(rest.high, rest.low - y.low);
    struct power power = split_power((bits)(-SCALE_EXPONENT - k));
    if (is_logarithmic) {
        rest = choose_pair(is_peak, complement, scale(rest, broadcast(SCALE)));
        lanes value = finish(multiply(rest, reciprocal), power);
        return choose(is_masked(yj.high), broadcast(0), value);
    }
    // Exactly one factor carries 2^600: the complement at the argmax, the probability elsewhere.
    struct pair p = multiply(choose_pair(is_peak, y, yj), choose_pair(is_peak, complement, rest));
    return finish(multiply(p, reciprocal), power);
}

/// Overwrites e with Y.
static void make_probabilities(const struct layout *layout, const struct tile *tile, const struct row *row) {
    for (int64_t b = 0; b < layout->blocks; b++) {
        struct pair y = multiply(exponential_at(tile, b), row->normaliser);
        bits masked = load(tile->logits + b * LANES) == -INFINITY;
        store(tile->high + b * LANES, choose(masked, broadcast(-0.0), y.high));
        store(tile->low + b * LANES, y.low);
    }
}

static void evaluate_diagonal(
    const struct layout *layout, const struct tile *tile, const struct row *row, const struct temperature *t,
    bool is_logarithmic) {
    make_probabilities(layout, tile, row);
    bits index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += class_step(layout)) {
        lanes value = diagonal(
            exponential_at(tile, b), index == row->peak.index, row->complement, t->reciprocal, t->exponent,
            is_logarithmic);
        store(tile->high + b * LANES, value);
    }
}

INLINE struct pair sample_complement(const struct softmax_sample *sample) {
    return (struct pair){broadcast(sample->complement_high), broadcast(sample->complement_low)};
}

INLINE struct pair sample_reciprocal(const struct softmax_sample *sample) {
    return (struct pair){broadcast(sample->scale_high), broadcast(sample->scale_low)};
}

INLINE void jacobian_rows_of(
    const struct softmax_sample *sample, int64_t first, int64_t count, void *output, const bool is_single) {
    const double *high = sample->probabilities, *low = high + softmax_probability_count(sample->classes) / 2;
    int64_t classes = sample->classes;
    struct pair reciprocal = sample_reciprocal(sample);
    for (int64_t row = 0; row < count; row++) {
        int64_t j = first + row;
        struct pair yj = {broadcast(high[j]), broadcast(low[j])};
        struct scaled_lanes factor = row_factor(yj, reciprocal, sample->scale_exponent, sample->is_logarithmic);
        struct power power = split_power(factor.exponent);
        for (int64_t i = 0; i < classes; i += LANES) {
            lanes value = off_diagonal((struct pair){load(high + i), load(low + i)}, factor.value, power);
            store_some(output, row * classes + i, value, classes - i, is_single);
        }
        lanes own = diagonal(
            yj, (bits)(int64_t)(j == sample->argmax ? -1 : 0), sample_complement(sample), reciprocal,
            sample->scale_exponent, sample->is_logarithmic);
        store_number(output, row * classes + j, own[0], is_single);
    }
}

static void jacobian_rows(const struct softmax_sample *sample, int64_t first, int64_t count, void *output) {
    if (sample->is_single)
        jacobian_rows_of(sample, first, count, output, true);
    else
        jacobian_rows_of(sample, first, count, output, false);
}

static void jacobian_entries(
    const struct softmax_sample *sample, const struct softmax_entry *entries, int64_t count, void *output) {
    const double *high = sample->probabilities, *low = high + softmax_probability_count(sample->classes) / 2;
    struct pair reciprocal = sample_reciprocal(sample);
    for (int64_t start = 0; start < count; start += LANES) {
        struct pair yj, yi;
        bits j, i;
        for (int lane = 0; lane < LANES; lane++) {
            struct softmax_entry entry = entries[start + lane < count ? start + lane : count - 1];
            j[lane] = entry.output;
            i[lane] = entry.input;
            yj.high[lane] = high[entry.output];
            yj.low[lane] = low[entry.output];
            yi.high[lane] = high[entry.input];
            yi.low[lane] = low[entry.input];
        }
        struct scaled_lanes factor = row_factor(yj, reciprocal, sample->scale_exponent, sample->is_logarithmic);
        lanes value = off_diagonal(yi, factor.value, split_power(factor.exponent));
        lanes own = diagonal(
            yj, j == sample->argmax, sample_complement(sample), reciprocal, sample->scale_exponent,
            sample->is_logarithmic);
        store_some(output, start, choose(j == i, own, value), count - start, sample->is_single);
    }
}
