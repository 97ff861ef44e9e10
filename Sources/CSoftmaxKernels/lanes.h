// Eight float64 lanes, and unevaluated pairs of them.
//
// Every function is branch-free and works on each lane by itself, so that a lane's bits depend on that lane only. The
// width of the vector registers only changes how many instructions eight lanes take.
//
// Error-free transformations: Knuth's TwoSum, Dekker's Fast2Sum and TwoProd (see "Handbook of Floating-Point
// Arithmetic", 2nd ed., chapters 4 and 14). u = 2^-53 is the unit roundoff.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "CSoftmaxKernels.h"
#include "sizes.h"

#pragma clang diagnostic ignored "-Wpsabi"
#pragma STDC FP_CONTRACT OFF

#if defined(__aarch64__)
#define SOFTMAX_FMA 1
#endif

#define INLINE static inline __attribute__((always_inline))

typedef double lanes __attribute__((ext_vector_type(8)));
typedef float narrow_lanes __attribute__((ext_vector_type(8)));
typedef int64_t bits __attribute__((ext_vector_type(8)));

/// An unevaluated sum: |low| is at most about u |high|.
struct pair {
    lanes high, low;
};

INLINE lanes broadcast(double x) { return (lanes)x; }

INLINE bits as_bits(lanes x) {
    bits b;
    memcpy(&b, &x, sizeof b);
    return b;
}

INLINE lanes as_lanes(bits b) {
    lanes x;
    memcpy(&x, &b, sizeof x);
    return x;
}

INLINE lanes load(const double *p) {
    lanes x;
    memcpy(&x, p, sizeof x);
    return x;
}

INLINE void store(double *p, lanes x) { memcpy(p, &x, sizeof x); }

INLINE lanes choose(bits mask, lanes yes, lanes no) { return mask ? yes : no; }

INLINE struct pair choose_pair(bits mask, struct pair yes, struct pair no) {
    return (struct pair){choose(mask, yes.high, no.high), choose(mask, yes.low, no.low)};
}

INLINE lanes magnitude(lanes x) { return as_lanes(as_bits(x) & INT64_MAX); }

INLINE bool any(bits mask) {
    bits half = mask | __builtin_shufflevector(mask, mask, 4, 5, 6, 7, 4, 5, 6, 7);
    return (half[0] | half[1] | half[2] | half[3]) != 0;
}

/// 2^e for -1022 <= e <= 1023.
INLINE lanes power_of_two(bits e) { return as_lanes((e + 1023) << 52); }

/// a + b exactly, if the sum does not overflow.
INLINE struct pair two_sum(lanes a, lanes b) {
    lanes s = a + b;
    lanes t = s - a;
    return (struct pair){s, (a - (s - t)) + (b - t)};
}

/// a + b exactly, if |a| >= |b| or a is zero.
INLINE struct pair fast_two_sum(lanes a, lanes b) {
    lanes s = a + b;
    return (struct pair){s, b - (s - a)};
}

/// a * b exactly, if the product and its error are in the normal range; the bits are the same with and without FMA.
INLINE struct pair two_product(lanes a, lanes b) {
    lanes p = a * b;
#if defined(SOFTMAX_FMA)
    return (struct pair){p, __builtin_elementwise_fma(a, b, -p)};
#else
    lanes ta = a * 0x1.0000002p+27, tb = b * 0x1.0000002p+27;  // Veltkamp's split into 26 + 26 bits
    lanes ah = ta - (ta - a), bh = tb - (tb - b);
    lanes al = a - ah, bl = b - bh;
    return (struct pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
#endif
}

/// a * b with a relative error below 5 u^2.
INLINE struct pair multiply(struct pair a, struct pair b) {
    struct pair p = two_product(a.high, b.high);
    return fast_two_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

/// a + b with an error below 3 u^2 (|a| + |b|), also if they cancel.
INLINE struct pair add(struct pair a, struct pair b) {
    struct pair s = two_sum(a.high, b.high);
    return two_sum(s.high, s.low + (a.low + b.low));
}

INLINE struct pair negate(struct pair a) { return (struct pair){-a.high, -a.low}; }

/// a * factor, which is exact for a power of two unless it overflows or underflows.
INLINE struct pair scale(struct pair a, lanes factor) { return (struct pair){a.high * factor, a.low * factor}; }

/// 1 / a with a relative error below 5 u^2, by one division and one Newton step.
INLINE struct pair reciprocal(struct pair a) {
    lanes r = 1.0 / a.high;
    struct pair p = two_product(r, a.high);
    lanes residual = ((1.0 - p.high) - p.low) - r * a.low;
    return fast_two_sum(r, r * residual);
}

/// The factor 2^e for -2045 <= e <= 2046 as two factors, of which only the last can cause rounding.
struct power {
    lanes first, last;
};

INLINE struct power split_power(bits e) {
    bits last = e > 1000 ? 1000 : e;
    last = last < -1000 ? -1000 : last;
    bits first = e - last;
    first = first < -1022 ? -1022 : first;
    return (struct power){power_of_two(first), power_of_two(last)};
}

/// The pair times 2^e, rounded to one number; adding zero turns -0 into 0.
INLINE lanes finish(struct pair a, struct power p) { return ((a.high + a.low) * p.first) * p.last + 0.0; }
