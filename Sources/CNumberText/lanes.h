// Eight 64-bit lanes, in registers as wide as the instruction set has them, and what else every build shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#pragma clang diagnostic ignored "-Wpsabi"
#pragma STDC FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))

namespace number_text {

typedef uint64_t u64x8 __attribute__((ext_vector_type(8)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x32 __attribute__((ext_vector_type(32)));
typedef uint32_t u32x8 __attribute__((ext_vector_type(8)));
typedef uint16_t u16x32 __attribute__((ext_vector_type(32)));
typedef double f64x8 __attribute__((ext_vector_type(8)));

/// Eight times the digit 0.
constexpr uint64_t zeros = 0x3030303030303030;

/// What a binary interchange format of IEEE 754 is made of.
template <typename Number>
struct number_format {
    typedef std::numeric_limits<Number> limits;
    static constexpr bool is_binary64 = limits::digits == 53;

    typedef std::conditional_t<is_binary64, uint64_t, uint32_t> bits;
    static constexpr int fraction_bits = limits::digits - 1;
    static constexpr int exponent_mask = 2 * limits::max_exponent - 1;
    /// A normal number is its significand, an integer, times 2^(exponent field - bias).
    static constexpr int bias = limits::max_exponent - 1 + fraction_bits;
    /// Decimal places that any number needs at most.
    static constexpr int digits = limits::max_digits10;
    /// The decimal exponents between which a product of a 64-bit integer and a power of ten may be halfway between two
    /// numbers (Lemire 2021, section 6).
    static constexpr int least_tie = is_binary64 ? -4 : -17, greatest_tie = is_binary64 ? 23 : 10;
};

}  // namespace number_text
