#include "rare.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <system_error>

#include "CNumberText.h"

namespace number_text {
namespace {

const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end) {
    while (at < end && is_digit(*at)) { ++at; }
    return at;
}

/// Whether a number that is out of range is too large, rather than too small, for its format.
///
/// Out of range is far from 1 on either side, so it is enough to see on which side the decimal exponent of the first
/// significant digit lies.
bool is_huge(const uint8_t *at, const uint8_t *end) {
    constexpr int64_t bound = int64_t{1} << 40;
    int64_t magnitude = 0;
    bool significant = false, fraction = false;
    for (; at < end && (*at | 0x20) != 'e'; ++at) {
        if (*at == '.') {
            fraction = true;
        } else if (is_digit(*at)) {
            significant = significant || *at != '0';
            if (fraction && !significant) { --magnitude; }
            if (!fraction && significant) { ++magnitude; }
        }
    }
    int64_t exponent = 0;
    bool negative = false;
    for (; at < end; ++at) {
        if (*at == '-') { negative = true; }
        if (is_digit(*at) && exponent < bound) { exponent = exponent * 10 + (*at - '0'); }
    }
    return magnitude + (negative ? -exponent : exponent) > 0;
}

/// d.ddde-05 or de-05.
char *lay_out_scientific(const char *digits, int count, int exponent, char *at) {
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        std::memcpy(at, digits + 1, size_t(count - 1));
        at += count - 1;
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    const int magnitude = std::abs(exponent);
    if (magnitude >= 100) { *at++ = char('0' + magnitude / 100); }
    *at++ = char('0' + magnitude / 10 % 10);
    *at++ = char('0' + magnitude % 10);
    return at;
}

/// 0.00ddd, dd.d or ddd00.
char *lay_out_fixed(const char *digits, int count, int exponent, char *at) {
    if (exponent < 0) {
        std::memcpy(at, "0.000000", 8);
        std::memcpy(at + 1 - exponent, digits, size_t(count));
        return at + 1 - exponent + count;
    }
    const int whole = std::min(count, exponent + 1);
    std::memcpy(at, digits, size_t(whole));
    std::memset(at + whole, '0', size_t(exponent + 1 - whole));
    at += exponent + 1;
    if (count <= exponent + 1) { return at; }
    *at++ = '.';
    std::memcpy(at, digits + whole, size_t(count - whole));
    return at + count - whole;
}

}  // namespace

template <typename Number>
char *print_special(Number number, char *at) {
    if (number == 0) {
        std::memcpy(at, std::signbit(number) ? "-0," : "0, ", 3);
        return at + 2 + std::signbit(number);
    }
    if (number == -std::numeric_limits<Number>::infinity()) {
        std::memcpy(at, "\"-Infinity\",", 12);
        return at + 12;
    }
    if (!std::isfinite(number)) { return nullptr; }
    at = std::to_chars(at, at + number_text_size, number).ptr;
    *at++ = ',';
    return at;
}

template <typename Number>
char *lay_out_rare(Number number, const char *digits, int count, int exponent, char *at) {
    // From here on a number's shortest digits with zeros after them need not be the number, which std::to_chars prints.
    if (!(std::abs(number) < Number(uint64_t{1} << std::numeric_limits<Number>::digits))) {
        return print_special(number, at);
    }
    if (std::signbit(number)) { *at++ = '-'; }
    const int scientific = count + (count > 1) + (std::abs(exponent) < 100 ? 4 : 5);
    const int fixed = exponent < 0 ? count + 1 - exponent : std::max(exponent + 1, count + (count > exponent + 1));
    at = fixed <= scientific ? lay_out_fixed(digits, count, exponent, at)
                             : lay_out_scientific(digits, count, exponent, at);
    *at++ = ',';
    return at;
}

const uint8_t *number_end(const uint8_t *&at, const uint8_t *end) {
    if (at < end && *at == '-') { ++at; }
    if (at == end || !is_digit(*at)) { return nullptr; }
    at = *at == '0' ? at + 1 : skip_digits(at, end);
    if (at < end && *at == '.') {
        ++at;
        if (at == end || !is_digit(*at)) { return nullptr; }
        at = skip_digits(at, end);
    }
    if (at < end && (*at | 0x20) == 'e') {
        ++at;
        if (at < end && (*at == '+' || *at == '-')) { ++at; }
        if (at == end || !is_digit(*at)) { return nullptr; }
        at = skip_digits(at, end);
    }
    return at;
}

template <typename Number>
const uint8_t *convert(const uint8_t *begin, const uint8_t *end, Number &number) {
    number = 0;
    const auto result =
        std::from_chars(reinterpret_cast<const char *>(begin), reinterpret_cast<const char *>(end), number);
    const uint8_t *stop = reinterpret_cast<const uint8_t *>(result.ptr);
    if (result.ec == std::errc::result_out_of_range || std::isinf(number)) {
        if (is_huge(begin, stop)) { return nullptr; }
        number = *begin == '-' ? -Number{0} : Number{0};
    }
    return stop;
}

template <typename Number>
const uint8_t *read_rare(const uint8_t *at, const uint8_t *end, Number &number) {
    const uint8_t *const begin = at, *const stop = number_end(at, end);
    return stop ? convert(begin, stop, number) : nullptr;
}

template char *print_special(double, char *);
template char *print_special(float, char *);
template char *lay_out_rare(double, const char *, int, int, char *);
template char *lay_out_rare(float, const char *, int, int, char *);
template const uint8_t *convert(const uint8_t *, const uint8_t *, double &);
template const uint8_t *convert(const uint8_t *, const uint8_t *, float &);
template const uint8_t *read_rare(const uint8_t *, const uint8_t *, double &);
template const uint8_t *read_rare(const uint8_t *, const uint8_t *, float &);

}  // namespace number_text
