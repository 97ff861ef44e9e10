// Entries of the Jacobian from prepared probabilities, which are pairs with an exponent; a masked class has -0.
//
// The exponents are -600, as the exponentials are scaled by 2^600; at a temperature below 2^-400 each class has its
// own.
//
// softmax: J_ji = -y_j y_i off the diagonal and y_j (1 - y_j) on it; log-softmax: -y_i and 1 - y_j; all divided by the
// temperature. The complement 1 - y of the argmax is T R; elsewhere y <= 1/2, so that the subtraction does not cancel.
#pragma once

#include "wide.h"

INLINE bits is_masked(lanes probability) { return as_bits(probability) == INT64_MIN; }

/// The factor of y_i in row j, off the diagonal.
INLINE struct scaled_lanes row_factor(
    struct scaled_lanes yj, struct pair reciprocal, int64_t k, bool is_logarithmic) {
    if (is_logarithmic) {
        lanes keep = choose(is_masked(yj.value.high), broadcast(0), broadcast(-1));
        return (struct scaled_lanes){scale(reciprocal, keep), (bits)(-k)};
    }
    struct pair a = negate(multiply(yj.value, reciprocal));
    // y_i may be scaled by 2^600 as well: a large factor is scaled down, so that their product does not overflow.
    bits large = magnitude(a.high) > 1, exponent = yj.exponent - k;
    a = scale(a, choose(large, broadcast(UNSCALE), broadcast(1)));
    return (struct scaled_lanes){a, large ? exponent + SCALE_EXPONENT : exponent};
}

INLINE struct pair off_diagonal(struct pair yi, struct pair factor) {
    struct pair p = two_product(yi.high, factor.high);
    p.low += yi.high * factor.low + yi.low * factor.high;
    return p;
}

/// The diagonal entry of probability yj * `unscale`, scaled by a power of two that the caller's exponent removes: that
/// of the complement at the argmax; elsewhere that of yj, or `log_scale` for log-softmax.
INLINE struct pair diagonal(
    struct pair yj, lanes unscale, lanes log_scale, bits is_peak, struct pair complement, struct pair reciprocal,
    bool is_logarithmic) {
    struct pair y = scale(yj, unscale);
    struct pair rest = two_sum(broadcast(1), -y.high);
    rest = fast_two_sum(rest.high, rest.low - y.low);
    if (is_logarithmic) {
        rest = multiply(choose_pair(is_peak, complement, scale(rest, log_scale)), reciprocal);
        return choose_pair(is_masked(yj.high), (struct pair){broadcast(0), broadcast(0)}, rest);
    }
    struct pair p = multiply(choose_pair(is_peak, y, yj), choose_pair(is_peak, complement, rest));
    return multiply(p, reciprocal);
}

/// The diagonal entry when every exponent is -600.
INLINE lanes plain_diagonal(
    struct pair yj, bits is_peak, struct pair complement, struct pair reciprocal, struct power power,
    bool is_logarithmic) {
    struct pair p = diagonal(
        yj, broadcast(UNSCALE), broadcast(SCALE), is_peak, complement, reciprocal, is_logarithmic);
    return finish(p, power);
}

INLINE lanes wide_diagonal(
    struct scaled_lanes yj, bits is_peak, struct scaled_lanes complement, struct pair reciprocal, int64_t k,
    bool is_logarithmic) {
    struct pair p = diagonal(
        yj.value, relative_power(yj.exponent), broadcast(1), is_peak, complement.value, reciprocal, is_logarithmic);
    bits exponent = is_logarithmic ? (bits)0 : yj.exponent;
    return finish_scaled((struct scaled_lanes){p, (is_peak ? complement.exponent : exponent) - k});
}

/// Overwrites the exponentials of the tile with probabilities.
static void make_probabilities(
    const struct layout *layout, const struct tile *tile, struct pair normaliser, bool wide) {
    for (int64_t b = 0; b < layout->blocks; b++) {
        struct pair y = multiply(exponential_at(tile, b), normaliser);
        bits masked = wide ? exponents_at(tile, b) == MASKED : load(tile->logits + b * LANES) == -INFINITY;
        store(tile->high + b * LANES, choose(masked, broadcast(-0.0), y.high));
        store(tile->low + b * LANES, y.low);
    }
}

static void evaluate_diagonal(
    const struct layout *layout, const struct tile *tile, const struct row *row, const struct temperature *t,
    bool is_logarithmic) {
    make_probabilities(layout, tile, row->normaliser, false);
    bits index = layout->first_class;
    struct power power = split_power((bits)(-SCALE_EXPONENT - t->exponent));
    for (int64_t b = 0; b < layout->blocks; b++, index += class_step(layout)) {
        lanes value = plain_diagonal(
            exponential_at(tile, b), index == row->peak.index, row->complement, t->reciprocal, power, is_logarithmic);
        store(tile->high + b * LANES, value);
    }
}

static void evaluate_wide_diagonal(
    const struct layout *layout, const struct tile *tile, const struct wide_row *row, const struct temperature *t,
    bool is_logarithmic) {
    make_probabilities(layout, tile, row->normaliser, true);
    bits index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += class_step(layout)) {
        lanes value = wide_diagonal(
            scaled_exponential_at(tile, b), index == row->peak.index, row->complement, t->reciprocal, t->exponent,
            is_logarithmic);
        store(tile->high + b * LANES, value);
    }
}

/// A prepared sample, its scalars broadcast to all lanes.
struct sample_view {
    const double *high, *low;
    const double *exponents;  ///< NULL if all are -600.
    struct scaled_lanes complement;
    struct pair reciprocal;
    int64_t scale_exponent;
    bool is_logarithmic;
};

INLINE struct sample_view view_of(const struct softmax_sample *sample) {
    int64_t part = whole_lanes(sample->classes);
    const double *high = sample->probabilities;
    return (struct sample_view){
        .high = high,
        .low = high + part,
        .exponents = is_cold_exponent(sample->scale_exponent) ? high + 2 * part : NULL,
        .complement = {
            {broadcast(sample->complement_high), broadcast(sample->complement_low)},
            (bits)sample->complement_exponent},
        .reciprocal = {broadcast(sample->scale_high), broadcast(sample->scale_low)},
        .scale_exponent = sample->scale_exponent,
        .is_logarithmic = sample->is_logarithmic,
    };
}

INLINE void jacobian_rows_of(
    const struct softmax_sample *sample, int64_t first, int64_t count, void *output, const bool is_single,
    const bool wide) {
    struct sample_view view = view_of(sample);
    int64_t classes = sample->classes;
    for (int64_t row = 0; row < count; row++) {
        int64_t j = first + row;
        struct scaled_lanes yj = {{broadcast(view.high[j]), broadcast(view.low[j])}, (bits)-SCALE_EXPONENT};
        if (wide) yj.exponent = as_bits(broadcast(view.exponents[j]));
        struct scaled_lanes factor = row_factor(yj, view.reciprocal, view.scale_exponent, view.is_logarithmic);
        struct power power = split_power(factor.exponent - SCALE_EXPONENT);
        for (int64_t i = 0; i < classes; i += LANES) {
            struct pair p = off_diagonal((struct pair){load(view.high + i), load(view.low + i)}, factor.value);
            lanes value = wide
                ? finish_scaled((struct scaled_lanes){p, factor.exponent + as_bits(load(view.exponents + i))})
                : finish(p, power);
            store_some(output, row * classes + i, value, classes - i, is_single);
        }
        bits is_peak = (bits)(int64_t)(j == sample->argmax ? -1 : 0);
        lanes own = wide
            ? wide_diagonal(
                yj, is_peak, view.complement, view.reciprocal, view.scale_exponent, view.is_logarithmic)
            : plain_diagonal(
                yj.value, is_peak, view.complement.value, view.reciprocal,
                split_power((bits)(-SCALE_EXPONENT - view.scale_exponent)), view.is_logarithmic);
        store_number(output, row * classes + j, own[0], is_single);
    }
}

static void jacobian_rows(const struct softmax_sample *sample, int64_t first, int64_t count, void *output) {
    if (is_cold_exponent(sample->scale_exponent))
        jacobian_rows_of(sample, first, count, output, false, true);
    else if (sample->is_single)
        jacobian_rows_of(sample, first, count, output, true, false);
    else
        jacobian_rows_of(sample, first, count, output, false, false);
}

static void jacobian_entries(
    const struct softmax_sample *sample, const struct softmax_entry *entries, int64_t count, void *output) {
    struct sample_view view = view_of(sample);
    for (int64_t start = 0; start < count; start += LANES) {
        struct scaled_lanes yj = {.exponent = (bits)-SCALE_EXPONENT}, yi = yj;
        bits j, i;
        for (int lane = 0; lane < LANES; lane++) {
            struct softmax_entry entry = entries[start + lane < count ? start + lane : count - 1];
            j[lane] = entry.output;
            i[lane] = entry.input;
            yj.value.high[lane] = view.high[entry.output];
            yj.value.low[lane] = view.low[entry.output];
            yi.value.high[lane] = view.high[entry.input];
            yi.value.low[lane] = view.low[entry.input];
            if (view.exponents == NULL) continue;
            yj.exponent[lane] = as_bits(broadcast(view.exponents[entry.output]))[lane];
            yi.exponent[lane] = as_bits(broadcast(view.exponents[entry.input]))[lane];
        }
        struct scaled_lanes factor = row_factor(yj, view.reciprocal, view.scale_exponent, view.is_logarithmic);
        struct scaled_lanes other = {off_diagonal(yi.value, factor.value), factor.exponent + yi.exponent};
        bits is_peak = j == sample->argmax;
        lanes own = view.exponents != NULL
            ? wide_diagonal(
                yj, is_peak, view.complement, view.reciprocal, view.scale_exponent, view.is_logarithmic)
            : plain_diagonal(
                yj.value, is_peak, view.complement.value, view.reciprocal,
                split_power((bits)(-SCALE_EXPONENT - view.scale_exponent)), view.is_logarithmic);
        store_some(output, start, choose(j == i, own, finish_scaled(other)), count - start, sample->is_single);
    }
}
