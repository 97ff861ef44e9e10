// The results of each operation from a row's exponentials. Every loop overwrites `tile->high` with the results.
//
// e, T and their products are scaled by 2^600; the last step multiplies by `power`, which removes this factor and
// applies the temperature's power of two.
#pragma once

#include "row.h"

/// The numbers that all results of a row share.
struct row {
    struct peak peak;
    struct pair total;       ///< T * 2^600
    struct pair normaliser;  ///< R = 1/(1 + T)
    struct pair complement;  ///< T R * 2^600: 1 - y of the argmax, without a subtraction
};

INLINE bits class_step(const struct layout *layout) { return (bits)layout->step; }

INLINE struct pair exponential_at(const struct tile *tile, int64_t b) {
    return (struct pair){load(tile->high + b * LANES), load(tile->low + b * LANES)};
}

/// y = e R.
static void evaluate_softmax(const struct layout *layout, const struct tile *tile, const struct row *row) {
    struct pair r = row->normaliser;
    for (int64_t b = 0; b < layout->blocks; b++) {
        struct pair e = exponential_at(tile, b);
        struct pair y = two_product(e.high, r.high);
        store(tile->high + b * LANES, (y.high + (y.low + (e.high * r.low + e.low * r.high))) * UNSCALE);
    }
}

INLINE void evaluate_logarithm_of(
    const struct layout *layout, const struct tile *tile, const struct row *row, const struct temperature *t,
    const bool divide) {
    struct pair scaled = scaled_logarithm(row->total);
    struct pair l = scale(scaled, broadcast(UNSCALE));
    lanes at_peak = 0.0 - (scaled.high + scaled.low) * UNSCALE;
    bits index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += class_step(layout)) {
        struct gap g = gap_between(load(tile->logits + b * LANES), row->peak.value, t, divide);
        struct pair s = two_sum(g.high, -l.high);
        lanes y = s.high + (s.low + (g.tail.high - l.low));
        y = choose(g.high == -INFINITY, g.high, y);
        store(tile->high + b * LANES, choose(index == row->peak.index, at_peak, y));
    }
}

/// log y = (z - z_m)/temperature - log(1 + T): both terms are negative, so nothing cancels.
static void evaluate_logarithm(
    const struct layout *layout, const struct tile *tile, const struct row *row, const struct temperature *t) {
    if (t->is_one)
        evaluate_logarithm_of(layout, tile, row, t, false);
    else
        evaluate_logarithm_of(layout, tile, row, t, true);
}

/// y and 1 - y.
static void evaluate_factors(const struct layout *layout, const struct tile *tile, const struct row *row) {
    bits index = layout->first_class;
    lanes at_peak = (row->complement.high + row->complement.low) * UNSCALE;
    for (int64_t b = 0; b < layout->blocks; b++, index += class_step(layout)) {
        struct pair y = multiply(exponential_at(tile, b), row->normaliser);
        struct pair rest = two_sum(broadcast(1), y.high * -UNSCALE);
        lanes complement = rest.high + (rest.low - y.low * UNSCALE);
        store(tile->high + b * LANES, (y.high + y.low) * UNSCALE);
        store(tile->vector + b * LANES, choose(index == row->peak.index, at_peak, complement));
    }
}

/// Prepares the vector: sets the components of masked classes to 0, and finds the component of the argmax.
///
/// Returns a mask of the lanes whose rows wide.h must compute. In the others, with h the row's largest |g|:
/// - h < 2^381, so that no product with e overflows;
/// - h/temperature < 2^401 and 1/temperature <= 2^400, so that the exponentials below exp(-1060), which are 0, change a
///   result by less than 2^-1128, and a subnormal product e c, whose error is 2^-1074, by 2^-600 times that error;
/// - where g is summed without e, h >= 2^-900, so that the products of the sum are normal and keep their digits.
static bits ready_vector(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const struct temperature *t,
    enum summand summand, lanes *at_peak) {
    lanes largest = broadcast(0);
    for (int64_t b = 0; b < layout->blocks; b++) {
        lanes g = load(tile->vector + b * LANES);
        g = choose(load(tile->logits + b * LANES) == -INFINITY, broadcast(0), g);
        store(tile->vector + b * LANES, g);
        g = magnitude(g);
        largest = choose(g > largest, g, largest);
    }
    if (!layout->across) {
        double all = 0;
        for (int lane = 0; lane < LANES; lane++) all = largest[lane] > all ? largest[lane] : all;
        largest = broadcast(all);
        *at_peak = broadcast(tile->vector[peak->index[0]]);
    } else {
        *at_peak = broadcast(0);
        bits index = layout->first_class;
        for (int64_t b = 0; b < layout->blocks; b++, index += class_step(layout))
            *at_peak = choose(index == peak->index, load(tile->vector + b * LANES), *at_peak);
    }
    if (is_cold_exponent(t->exponent)) return ~(bits)0;
    bits exponent = (as_bits(largest) >> 52) - 1023;
    bits wide = (exponent > 380) | (exponent - t->exponent > 400);
    return summand == VECTOR ? wide | ((exponent < -900) & (largest != 0)) : wide;
}

/// With c = v - v_m and D = Σ y c: J v = Jᵀ v = y (c - D) / temperature; of log-softmax, J v = (c - D) / temperature.
///
/// Returns a mask of the lanes in which c - D cancels too much for some class: |c - D| limit < |c| + Σ y |c|.
static bits differentiate(
    const struct layout *layout, const struct tile *tile, const struct row *row, const struct temperature *t,
    lanes at_peak, const struct sums *sums, bool is_logarithmic, double limit) {
    struct pair d = multiply(row->normaliser, sums->weighted);
    lanes spread = row->normaliser.high * sums->magnitude;
    struct pair factor = is_logarithmic ? t->reciprocal : multiply(row->normaliser, t->reciprocal);
    bits exponent = (bits)(-t->exponent - SCALE_EXPONENT);
    struct power power = split_power(exponent), deeper = split_power(exponent - SCALE_EXPONENT);
    bits lost = (bits)0;
    for (int64_t b = 0; b < layout->blocks; b++) {
        struct pair c = scale(two_sum(load(tile->vector + b * LANES), -at_peak), broadcast(SCALE));
        struct pair s = two_sum(c.high, -d.high);
        s = two_sum(s.high, s.low + (c.low - d.low));
        bits is_lossy = magnitude(s.high) * limit < magnitude(c.high) + spread;
        if (is_logarithmic) {
            bits masked = load(tile->logits + b * LANES) == -INFINITY;
            lanes value = finish(multiply(s, factor), power);
            store(tile->high + b * LANES, choose(masked, broadcast(0), value));
            lost |= is_lossy & ~masked;
            continue;
        }
        // c - D is scaled by 2^600, so that the D of a saturated row does not underflow. Where it is large, the scale
        // must be removed before the product with e.
        struct pair e = exponential_at(tile, b);
        bits large = magnitude(s.high) > 0x1p+200;
        s = scale(s, choose(large, broadcast(UNSCALE), broadcast(1)));
        struct power p = {choose(large, power.first, deeper.first), choose(large, power.last, deeper.last)};
        store(tile->high + b * LANES, finish(multiply(multiply(e, s), factor), p));
        lost |= is_lossy & (e.high != 0);
    }
    return lost;
}

/// Jᵀg of log-softmax: (g - y Σg) / temperature, and at the argmax (g_m T R - R Σ' g) / temperature, Σ' without m.
static bits differentiate_logarithm(
    const struct layout *layout, const struct tile *tile, const struct row *row, const struct temperature *t,
    lanes at_peak, const struct sums *sums, double limit) {
    struct pair own_at_peak = {at_peak, broadcast(0)};
    struct pair all = multiply(add(sums->weighted, own_at_peak), row->normaliser);
    struct pair kept = multiply(own_at_peak, row->complement);
    struct pair given = scale(multiply(sums->weighted, row->normaliser), broadcast(SCALE));
    struct power power = split_power((bits)(-t->exponent - SCALE_EXPONENT));
    bits index = layout->first_class, lost = (bits)0;
    for (int64_t b = 0; b < layout->blocks; b++, index += class_step(layout)) {
        bits is_peak = index == row->peak.index;
        bits masked = load(tile->logits + b * LANES) == -INFINITY;
        struct pair own = {load(tile->vector + b * LANES) * SCALE, broadcast(0)};
        own = choose_pair(is_peak, kept, own);
        struct pair share = choose_pair(is_peak, given, multiply(exponential_at(tile, b), all));
        struct pair s = add(own, negate(share));
        lanes value = finish(multiply(s, t->reciprocal), power);
        store(tile->high + b * LANES, choose(masked, broadcast(0), value));
        lost |= (magnitude(s.high) * limit < magnitude(own.high) + magnitude(share.high)) & ~masked;
    }
    return lost;
}
