// The entry points of the kernels, as static functions of the build that includes this file.
#pragma once

#include "jacobian.h"

/// The largest cancellation at which exponentials of the usual precision give the promised digits.
static double cancellation_limit(bool is_single) { return is_single ? 0x1p+20 : 0x1p+14; }

/// The second sum that an operation needs.
INLINE enum summand summand_of(const struct softmax_batch *batch, enum softmax_operation operation) {
    if (operation == SOFTMAX_VJP && batch->is_logarithmic) return VECTOR;
    return operation == SOFTMAX_VJP || operation == SOFTMAX_JVP ? WEIGHTED_DIFFERENCES : NOTHING;
}

static void solve_row(
    const struct layout *layout, const struct tile *tile, const struct peak *peak, const lanes *at_peak,
    enum summand summand, struct sums *sums, struct row *row) {
    if (layout->across)
        sum_across(layout, tile, peak, at_peak, sums, summand);
    else
        sum_along(layout, tile, peak, at_peak, sums, summand);
    row->peak = *peak;
    row->total = sums->total;
    row->normaliser = normaliser(sums->total);
    row->complement = multiply(sums->total, row->normaliser);
}

INLINE struct tile tile_of(const struct softmax_batch *batch) {
    int64_t count = tile_count(batch->classes);
    return (struct tile){
        batch->scratch, batch->scratch + count, batch->scratch + 2 * count, batch->scratch + 3 * count};
}

/// Computes one tile of rows. Returns a mask of the lanes whose rows `run_wide_row` must compute again.
static bits run_tile(
    const struct softmax_batch *batch, enum softmax_operation operation, const struct layout *layout,
    const struct temperature *temperature) {
    struct tile tile = tile_of(batch);
    enum summand summand = summand_of(batch, operation);
    struct peak peak;
    lanes at_peak = broadcast(0);
    struct sums sums = {0};
    struct row row;
    bits wide = (bits)0, lost = (bits)0;
    read_tile(layout, batch->logits, -INFINITY, tile.logits, batch->is_single);
    find_peak(layout, tile.logits, &peak);
    if (summand != NOTHING) {
        read_tile(layout, batch->vector, 0, tile.vector, batch->is_single);
        wide = ready_vector(layout, &tile, &peak, temperature, summand, &at_peak);
        if (!any(~wide)) return wide;
    }
    fill_exponentials(layout, &tile, &peak, temperature, batch->is_single ? NARROW : WIDE);
    solve_row(layout, &tile, &peak, &at_peak, summand, &sums, &row);

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
            ? differentiate_logarithm(layout, &tile, &row, temperature, at_peak, &sums, limit)
            : differentiate(layout, &tile, &row, temperature, at_peak, &sums, batch->is_logarithmic, limit);
        break;
    case SOFTMAX_DIAGONAL: evaluate_diagonal(layout, &tile, &row, temperature, batch->is_logarithmic); break;
    case SOFTMAX_FACTORS:
        evaluate_factors(layout, &tile, &row);
        write_tile(layout, tile.vector, batch->complements, batch->is_single);
        break;
    }
    write_tile(layout, tile.high, batch->output, batch->is_single);
    return wide | lost;
}

/// Computes a product or a diagonal of one row with an exponent for every number.
static void run_wide_row(
    const struct softmax_batch *batch, enum softmax_operation operation, int64_t row_index,
    const struct temperature *temperature) {
    struct layout layout = layout_along(row_index, batch->classes);
    struct tile tile = tile_of(batch);
    enum summand summand = summand_of(batch, operation);
    lanes at_peak = broadcast(0);
    struct wide_row row;
    read_tile(&layout, batch->logits, -INFINITY, tile.logits, batch->is_single);
    if (summand != NOTHING) {
        struct peak peak;
        find_peak(&layout, tile.logits, &peak);
        read_tile(&layout, batch->vector, 0, tile.vector, batch->is_single);
        ready_vector(&layout, &tile, &peak, temperature, summand, &at_peak);
    }
    solve_wide_row(&layout, &tile, temperature, summand == NOTHING ? WIDE : ACCURATE, &row);
    if (summand == NOTHING)
        evaluate_wide_diagonal(&layout, &tile, &row, temperature, batch->is_logarithmic);
    else if (summand == VECTOR)
        differentiate_logarithm_wide(&layout, &tile, &row, temperature, at_peak);
    else
        differentiate_wide(&layout, &tile, &row, temperature, at_peak, batch->is_logarithmic);
    write_tile(&layout, tile.high, batch->output, batch->is_single);
}

/// Whether the layout across takes less work: blocks, plus the work of a row that does not depend on its length, which
/// is as much as eight blocks.
static bool goes_across(int64_t rows, int64_t classes) {
    if (rows < 2 || classes > ACROSS_CLASSES) return false;
    int64_t along = whole_lanes(classes) / LANES + 8;
    return classes + 8 < (rows < LANES ? rows : LANES) * along;
}

static void run_rows(const struct softmax_batch *batch, enum softmax_operation operation) {
    struct temperature temperature;
    set_temperature(&temperature, batch->temperature);
    bool is_wide_diagonal = operation == SOFTMAX_DIAGONAL && is_cold_exponent(temperature.exponent);
    for (int64_t row = 0; row < batch->rows;) {
        int64_t left = batch->rows - row;
        struct layout layout = layout_along(row, batch->classes);
        if (goes_across(left, batch->classes))
            layout = layout_across(row, left < LANES ? left : LANES, batch->classes);
        bits wide = is_wide_diagonal ? ~(bits)0 : run_tile(batch, operation, &layout, &temperature);
        if (any(wide)) {
            // In the layout along, the mask of any lane is that of the only row.
            for (int64_t r = 0; r < layout.rows; r++)
                if (!layout.across || wide[r] != 0) run_wide_row(batch, operation, row + r, &temperature);
        }
        row += layout.rows;
    }
}

static void prepare_sample(const struct softmax_batch *batch, struct softmax_sample *sample) {
    struct temperature temperature;
    set_temperature(&temperature, batch->temperature);
    struct layout layout = layout_along(0, batch->classes);
    int64_t part = whole_lanes(batch->classes);
    struct tile tile = {batch->scratch, NULL, sample->probabilities, sample->probabilities + part};
    struct scaled_lanes complement;
    read_tile(&layout, batch->logits, -INFINITY, tile.logits, batch->is_single);
    if (is_cold_exponent(temperature.exponent)) {
        struct wide_row row;
        solve_wide_row(&layout, &tile, &temperature, WIDE, &row);
        make_probabilities(&layout, &tile, row.normaliser, true);
        memcpy(sample->probabilities + 2 * part, tile.logits, (size_t)part * sizeof(double));
        complement = row.complement;
        sample->argmax = row.peak.index[0];
    } else {
        struct peak peak;
        struct sums sums;
        struct row row;
        find_peak(&layout, tile.logits, &peak);
        fill_exponentials(&layout, &tile, &peak, &temperature, batch->is_single ? NARROW : WIDE);
        solve_row(&layout, &tile, &peak, NULL, NOTHING, &sums, &row);
        make_probabilities(&layout, &tile, row.normaliser, false);
        complement = (struct scaled_lanes){row.complement, (bits)-SCALE_EXPONENT};
        sample->argmax = peak.index[0];
    }
    sample->classes = batch->classes;
    sample->complement_high = complement.value.high[0];
    sample->complement_low = complement.value.low[0];
    sample->complement_exponent = complement.exponent[0];
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
