// The kernels' entry points: one static table of functions for whichever build includes this file.
#pragma once

#include "jacobian.h"

/// Beyond this cancellation the wide exponentials no longer give the promised digits.
static double cancellation_limit(bool is_single) { return is_single ? 0x1p+20 : 0x1p+14; }

static void solve_row(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const lanes *at_peak,
    enum precision precision, enum summand summand, struct sums *sums, struct row *row) {
    if (precision == ACCURATE)
        sum_along_accurately(layout, tile, peak, at_peak, sums, summand);
    else if (layout->across)
        sum_across(layout, tile, peak, at_peak, sums, summand);
    else
        sum_along(layout, tile, peak, at_peak, sums, summand);
    row->peak = *peak;
    row->total = sums->total;
    row->normaliser = normaliser(sums->total);
    row->complement = multiply(sums->total, row->normaliser);
}

/// Computes one tile of rows. Returns the lanes to compute again with ACCURATE exponentials.
static bits run_tile(
    const struct softmax_batch *batch, enum softmax_operation operation, const struct layout *layout,
    const struct temperature *temperature, enum precision precision) {
    int64_t count = tile_count(batch->classes);
    struct tile tile = {
        batch->scratch, batch->scratch + count, batch->scratch + 2 * count, batch->scratch + 3 * count};
    bool has_vector = operation == SOFTMAX_VJP || operation == SOFTMAX_JVP;
    enum summand summand = !has_vector ? NOTHING
        : operation == SOFTMAX_VJP && batch->is_logarithmic ? VECTOR
                                                            : WEIGHTED_DIFFERENCES;
    struct peak peak;
    struct prescaling vector = {0};
    struct sums sums = {0};
    struct row row;
    read_tile(layout, batch->logits, -INFINITY, tile.logits, batch->is_single);
    find_peak(layout, tile.logits, &peak);
    if (has_vector) {
        read_tile(layout, batch->vector, 0, tile.vector, batch->is_single);
        prescale_vector(layout, &tile, &peak, &vector);
    }
    fill_exponentials(layout, &tile, &peak, temperature, precision);
    solve_row(layout, &tile, &peak, &vector.at_peak, precision, summand, &sums, &row);

    bits lost = (bits)0;
    double limit = cancellation_limit(batch->is_single);
    switch (operation) {
    case SOFTMAX_EVALUATE:
        if (batch->is_logarithmic)
            evaluate_logarithm(layout, &tile, &row, temperature);
        else
            evaluate_softmax(layout, &tile, &row);
        break;
    case SOFTMAX_VJP:
    case SOFTMAX_JVP:
        lost = summand == VECTOR
            ? differentiate_logarithm(layout, &tile, &row, temperature, &vector, &sums, limit)
            : differentiate(layout, &tile, &row, temperature, &vector, &sums, batch->is_logarithmic, limit);
        break;
    case SOFTMAX_DIAGONAL: evaluate_diagonal(layout, &tile, &row, temperature, batch->is_logarithmic); break;
    case SOFTMAX_FACTORS:
        evaluate_factors(layout, &tile, &row);
        write_tile(layout, tile.vector, batch->complements, batch->is_single);
        break;
    }
    write_tile(layout, tile.high, batch->output, batch->is_single);
    return lost;
}

/// Whether eight rows at a time take fewer blocks, a row's own work counting as eight.
static bool goes_across(int64_t rows, int64_t classes) {
    if (rows < 2 || classes > ACROSS_CLASSES) return false;
    int64_t along = whole_lanes(classes) / LANES + 8;
    return classes + 8 < (rows < LANES ? rows : LANES) * along;
}

static void run_rows(const struct softmax_batch *batch, enum softmax_operation operation) {
    struct temperature temperature;
    set_temperature(&temperature, batch->temperature);
    enum precision precision = batch->is_single ? NARROW : WIDE;
    for (int64_t row = 0; row < batch->rows;) {
        int64_t left = batch->rows - row;
        struct layout layout = layout_along(row, batch->classes);
        if (goes_across(left, batch->classes))
            layout = layout_across(row, left < LANES ? left : LANES, batch->classes);
        bits lost = run_tile(batch, operation, &layout, &temperature, precision);
        if (any(lost)) {
            bool whole = !layout.across;
            for (int64_t r = 0; r < layout.rows; r++) {
                if (!whole && lost[r] == 0) continue;
                struct layout again = layout_along(row + r, batch->classes);
                run_tile(batch, operation, &again, &temperature, ACCURATE);
            }
        }
        row += layout.rows;
    }
}

static void prepare_sample(const struct softmax_batch *batch, struct softmax_sample *sample) {
    struct temperature temperature;
    set_temperature(&temperature, batch->temperature);
    struct layout layout = layout_along(0, batch->classes);
    int64_t half = softmax_probability_count(batch->classes) / 2;
    struct tile tile = {batch->scratch, NULL, sample->probabilities, sample->probabilities + half};
    struct peak peak;
    struct sums sums;
    struct row row;
    read_tile(&layout, batch->logits, -INFINITY, tile.logits, batch->is_single);
    find_peak(&layout, tile.logits, &peak);
    enum precision precision = batch->is_single ? NARROW : WIDE;
    fill_exponentials(&layout, &tile, &peak, &temperature, precision);
    solve_row(&layout, &tile, &peak, NULL, precision, NOTHING, &sums, &row);
    make_probabilities(&layout, &tile, &row);
    sample->classes = batch->classes;
    sample->argmax = peak.index[0];
    sample->complement_high = row.complement.high[0];
    sample->complement_low = row.complement.low[0];
    sample->scale_high = temperature.reciprocal.high[0];
    sample->scale_low = temperature.reciprocal.low[0];
    sample->scale_exponent = temperature.exponent;
    sample->is_single = batch->is_single;
    sample->is_logarithmic = batch->is_logarithmic;
}

static bool are_below_infinity(const void *numbers, int64_t count, bool is_single, bool both_signs) {
    bits bad = (bits)0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        lanes x = load_numbers(numbers, i, is_single);
        bad |= ~((both_signs ? magnitude(x) : x) < INFINITY);
    }
    bool good = !any(bad);
    for (; i < count; i++) {
        double x = load_number(numbers, i, is_single);
        good &= x < INFINITY && (!both_signs || x > -INFINITY);
    }
    return good;
}

static bool are_finite(const void *numbers, int64_t count, bool is_single) {
    return are_below_infinity(numbers, count, is_single, true);
}

static bool are_logits(const void *logits, int64_t rows, int64_t classes, bool is_single) {
    if (!are_below_infinity(logits, rows * classes, is_single, false)) return false;
    for (int64_t row = 0; row < rows; row++) {
        int64_t c = 0;
        while (c < classes && load_number(logits, row * classes + c, is_single) == -INFINITY) c++;
        if (c == classes) return false;
    }
    return true;
}
