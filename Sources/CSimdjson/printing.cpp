// Numbers as text: the digits by Dragonbox, laid out as std::to_chars does it.
//
// Both find the shortest text that reads back, the nearest to the number where several are as short. Dragonbox takes
// half the time, but writes -1.5E-4 and 1E0 only: see Decision-Numbers.md.

#include "CSimdjson.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include <dragonbox-1.1.3/dragonbox/dragonbox_to_chars.h>

namespace {

/// Below this a whole number's shortest digits, with zeros after them, are the number itself.
template <typename Number>
constexpr Number first_inexact = Number(uint64_t{1} << std::numeric_limits<Number>::digits);

/// Writes d.ddd or d as d.ddde-05; returns the byte after it.
char *lay_out_scientific(char *at, const char *significand, int length, int exponent) {
    // More than there is, where that is sooner done; the room for a whole number is there.
    std::memcpy(at, significand, 18);
    at += length;
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    int magnitude = std::abs(exponent);
    if (magnitude >= 100) {
        *at++ = char('0' + magnitude / 100);
        magnitude %= 100;
    }
    *at++ = char('0' + magnitude / 10);
    *at++ = char('0' + magnitude % 10);
    return at;
}

/// Writes d.ddd·10^exponent without an exponent; returns the byte after it.
char *lay_out_fixed(char *at, const char *significand, int digits, int exponent) {
    if (exponent < 0) {
        // 0.000d, then the rest.
        std::memcpy(at, "0.000000", 8);
        at += 1 - exponent;
        *at++ = *significand;
        std::memcpy(at, significand + 2, 16);
        return at + digits - 1;
    }
    *at++ = *significand;
    const int whole = std::min(digits - 1, exponent);
    std::memcpy(at, significand + 2, size_t(whole));
    std::memset(at + whole, '0', size_t(exponent - whole));
    at += exponent;
    if (digits - 1 <= exponent) { return at; }
    *at++ = '.';
    std::memcpy(at, significand + 2 + exponent, size_t(digits - 1 - exponent));
    return at + digits - 1 - exponent;
}

/// Writes a finite number into csimdjson_printed_number_size - 1 bytes; returns the byte after it.
template <typename Number>
char *print(char *at, Number number) {
    if (!(std::abs(number) < first_inexact<Number>)) {
        return std::to_chars(at, at + csimdjson_printed_number_size - 1, number).ptr;
    }
    if (std::signbit(number)) { *at++ = '-'; }
    if (number == 0) {
        *at++ = '0';
        return at;
    }
    const auto decimal = jkj::dragonbox::to_decimal(
        number, jkj::dragonbox::policy::sign::ignore, jkj::dragonbox::policy::trailing_zero::remove);
    char significand[32];
    const char *mark = jkj::dragonbox::to_chars_detail::to_chars<Number, jkj::dragonbox::default_float_traits<Number>>(
        decimal.significand, decimal.exponent, significand) - 2;
    while (*mark != 'E') { --mark; }
    const int length = int(mark - significand);
    const int digits = length > 1 ? length - 1 : 1;
    const int exponent = decimal.exponent + digits - 1;
    // The shorter of the two, the fixed one where they are as long.
    const int scientific = length + (std::abs(exponent) < 100 ? 4 : 5);
    const int fixed = exponent < 0 ? digits + 1 - exponent : exponent >= digits - 1 ? exponent + 1 : digits + 1;
    return fixed <= scientific ? lay_out_fixed(at, significand, digits, exponent)
                               : lay_out_scientific(at, significand, length, exponent);
}

template <typename Number>
ptrdiff_t print(const Number *numbers, size_t count, uint8_t *text) {
    char *at = reinterpret_cast<char *>(text);
    char *const start = at;
    for (size_t i = 0; i < count; ++i) {
        if (i) { *at++ = ','; }
        if (std::isfinite(numbers[i])) {
            at = print(at, numbers[i]);
        } else if (numbers[i] == -std::numeric_limits<Number>::infinity()) {
            std::memcpy(at, "\"-Infinity\"", 11);
            at += 11;
        } else {
            return -1;
        }
    }
    return at - start;
}

}  // namespace

ptrdiff_t csimdjson_numbers_print(
    const void *numbers, size_t count, csimdjson_format format, uint8_t *text) noexcept {
    return format == csimdjson_binary64 ? print(static_cast<const double *>(numbers), count, text)
                                        : print(static_cast<const float *>(numbers), count, text);
}
