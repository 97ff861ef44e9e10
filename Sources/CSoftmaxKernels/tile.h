// Rows laid out for the lanes, and sums over them in an order that does not depend on the layout.
//
// Along: one row; block b holds classes 8b ... 8b + 7. Across: up to eight rows, transposed; block b holds class b of
// each. Lane l of a row's eight partial sums takes the classes i = l mod 8 in order, and the partial sums are added as
// ((0+4)+(2+6))+((1+5)+(3+7)); so a row has the same bits in either layout, whatever rows are beside it.
#pragma once

#include <float.h>
#include <math.h>

#include "exponential.h"

struct layout {
    bool across;
    int64_t row, rows;  ///< The batch's rows in this tile: one along, up to eight across.
    int64_t classes;
    int64_t blocks;
    bits first_class;  ///< The class in each lane of block 0.
    int64_t step;      ///< Classes from one block to the next.
};

INLINE struct layout layout_along(int64_t row, int64_t classes) {
    return (struct layout){false, row, 1, classes, whole_lanes(classes) / LANES, {0, 1, 2, 3, 4, 5, 6, 7}, LANES};
}

INLINE struct layout layout_across(int64_t row, int64_t rows, int64_t classes) {
    return (struct layout){true, row, rows, classes, classes, (bits)0, 1};
}

INLINE lanes load_numbers(const void *numbers, int64_t index, bool is_single) {
    if (!is_single) return load((const double *)numbers + index);
    narrow_lanes x;
    memcpy(&x, (const float *)numbers + index, sizeof x);
    return __builtin_convertvector(x, lanes);
}

INLINE void store_numbers(void *numbers, int64_t index, lanes x, bool is_single) {
    if (!is_single) {
        store((double *)numbers + index, x);
        return;
    }
    narrow_lanes y = __builtin_convertvector(x, narrow_lanes);
    memcpy((float *)numbers + index, &y, sizeof y);
}

INLINE double load_number(const void *numbers, int64_t index, bool is_single) {
    return is_single ? (double)((const float *)numbers)[index] : ((const double *)numbers)[index];
}

INLINE void store_number(void *numbers, int64_t index, double x, bool is_single) {
    if (is_single)
        ((float *)numbers)[index] = (float)x;
    else
        ((double *)numbers)[index] = x;
}

/// Stores the first `count` lanes.
INLINE void store_some(void *numbers, int64_t index, lanes x, int64_t count, bool is_single) {
    if (count >= LANES) {
        store_numbers(numbers, index, x, is_single);
        return;
    }
    double spare[LANES];
    store(spare, x);
    for (int64_t i = 0; i < count; i++) store_number(numbers, index + i, spare[i], is_single);
}

INLINE void read_tile_of(
    const struct layout *layout, const void *numbers, double padding, double *tile, const bool is_single) {
    int64_t classes = layout->classes, start = layout->row * classes;
    if (layout->across) {
        for (int64_t r = 0; r < LANES; r++) {
            // Lanes beyond the last row repeat it.
            int64_t from = start + (r < layout->rows ? r : layout->rows - 1) * classes;
            for (int64_t c = 0; c < classes; c++) tile[c * LANES + r] = load_number(numbers, from + c, is_single);
        }
        return;
    }
    int64_t whole = classes / LANES * LANES;
    for (int64_t c = 0; c < whole; c += LANES) store(tile + c, load_numbers(numbers, start + c, is_single));
    if (whole == classes) return;
    for (int64_t i = whole; i < whole + LANES; i++)
        tile[i] = i < classes ? load_number(numbers, start + i, is_single) : padding;
}

/// Copies the layout's rows into `tile` as float64.
static void read_tile(const struct layout *layout, const void *numbers, double padding, double *tile, bool is_single) {
    if (is_single)
        read_tile_of(layout, numbers, padding, tile, true);
    else
        read_tile_of(layout, numbers, padding, tile, false);
}

INLINE void write_tile_of(const struct layout *layout, const double *tile, void *numbers, bool is_single) {
    int64_t classes = layout->classes, start = layout->row * classes;
    if (layout->across) {
        for (int64_t r = 0; r < layout->rows; r++)
            for (int64_t c = 0; c < classes; c++)
                store_number(numbers, start + r * classes + c, tile[c * LANES + r], is_single);
        return;
    }
    for (int64_t c = 0; c < classes; c += LANES)
        store_some(numbers, start + c, load(tile + c), classes - c, is_single);
}

/// Copies `tile` to the layout's rows, which rounds once in float32.
static void write_tile(const struct layout *layout, const double *tile, void *numbers, bool is_single) {
    if (is_single)
        write_tile_of(layout, tile, numbers, true);
    else
        write_tile_of(layout, tile, numbers, false);
}

/// The largest logit of each row, and the first class with that logit.
struct peak {
    lanes value;
    bits index;
};

static void find_peak(const struct layout *layout, const double *tile, struct peak *out) {
    struct peak peak = {broadcast(-INFINITY), (bits)INT64_MAX};
    bits index = layout->first_class;
    for (int64_t b = 0; b < layout->blocks; b++, index += layout->step) {
        lanes z = load(tile + b * LANES);
        bits higher = z > peak.value;
        peak.value = choose(higher, z, peak.value);
        peak.index = higher ? index : peak.index;
    }
    if (!layout->across) {
        double value = -INFINITY;
        int64_t first = INT64_MAX;
        for (int lane = 0; lane < LANES; lane++) {
            if (peak.value[lane] > value || (peak.value[lane] == value && peak.index[lane] < first)) {
                value = peak.value[lane];
                first = peak.index[lane];
            }
        }
        peak = (struct peak){broadcast(value), (bits)first};
    }
    *out = peak;
}

/// A compensated running sum; only wide.h uses `rest` (Ogita, Rump & Oishi, "Accurate sum and dot product",
/// SIAM J. Sci. Comput. 26(6), 2005: Sum2 and Sum3).
struct accumulator {
    lanes sum, error, rest;
};

INLINE void accumulate(struct accumulator *a, struct pair term, const bool accurate) {
    struct pair s = two_sum(a->sum, term.high);
    a->sum = s.high;
    if (accurate) {
        struct pair e = two_sum(a->error, s.low);
        struct pair f = two_sum(e.high, term.low);
        a->error = f.high;
        a->rest += e.low + f.low;
    } else {
        a->error += s.low + term.low;
    }
}

INLINE struct pair collapsed(const struct accumulator *a) {
    struct pair s = two_sum(a->sum, a->error);
    return two_sum(s.high, s.low + a->rest);
}

#define FOLD(x, ...) __builtin_shufflevector(x, x, __VA_ARGS__)

/// The sum of the eight partial sums in the fixed order: of eight accumulators, or of the lanes of one.
INLINE struct pair folded(const struct accumulator *a, bool across) {
    if (across) {
        struct pair p[LANES];
        for (int i = 0; i < LANES; i++) p[i] = collapsed(&a[i]);
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++) p[i] = add(p[i], p[i + half]);
        return p[0];
    }
    struct pair p = collapsed(a);
    p = add(p, (struct pair){FOLD(p.high, 4, 5, 6, 7, 0, 1, 2, 3), FOLD(p.low, 4, 5, 6, 7, 0, 1, 2, 3)});
    p = add(p, (struct pair){FOLD(p.high, 2, 3, 0, 1, 6, 7, 4, 5), FOLD(p.low, 2, 3, 0, 1, 6, 7, 4, 5)});
    return add(p, (struct pair){FOLD(p.high, 1, 0, 3, 2, 5, 4, 7, 6), FOLD(p.low, 1, 0, 3, 2, 5, 4, 7, 6)});
}

/// The sum of plain numbers in the same order.
INLINE lanes folded_plain(const lanes *a, bool across) {
    if (across) return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
    lanes x = a[0];
    x += FOLD(x, 4, 5, 6, 7, 0, 1, 2, 3);
    x += FOLD(x, 2, 3, 0, 1, 6, 7, 4, 5);
    return x + FOLD(x, 1, 0, 3, 2, 5, 4, 7, 6);
}
