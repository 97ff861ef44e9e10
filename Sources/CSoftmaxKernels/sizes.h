// The sizes of tiles and of the buffers that callers allocate.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LANES 8

/// Rows of at most this many classes may be computed eight at a time, one per lane.
#define ACROSS_CLASSES 128

static inline int64_t whole_lanes(int64_t classes) { return (classes + LANES - 1) / LANES * LANES; }

/// Numbers in one tile.
static inline int64_t tile_count(int64_t classes) {
    return classes <= ACROSS_CLASSES ? classes * LANES : whole_lanes(classes);
}

/// Whether a temperature is below 2^-400, by its exponent. Exponentials below exp(-1060) then change derivatives.
static inline bool is_cold_exponent(int64_t exponent) { return exponent < -400; }
