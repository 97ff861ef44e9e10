// Runs of numbers: RFC 8259 grammar, and conversion by <charconv>, whose from_chars rounds correctly.

#include "CSimdjson.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <system_error>

namespace {

bool is_digit(uint8_t byte) { return uint8_t(byte - '0') <= 9; }

bool begins_number(uint8_t byte) { return byte == '-' || is_digit(byte); }

bool is_white_space(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

/// Which of eight bytes are no digits: for each of them its top bit, for bytes above the first such one perhaps as well.
uint64_t non_digits(const uint8_t *at) {
    static_assert(std::endian::native == std::endian::little);
    uint64_t eight;
    std::memcpy(&eight, at, 8);
    // A byte's top bit is set where the byte is below "0" or above "9". Carries and borrows go upwards only, so the
    // lowest such bit is right.
    return ((eight + 0x4646464646464646u) | (eight - 0x3030303030303030u)) & 0x8080808080808080u;
}

/// The first byte from `at` that is not a digit; eight bytes at a time where there are eight.
const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end) {
    while (end - at >= 8) {
        if (const uint64_t others = non_digits(at)) { return at + std::countr_zero(others) / 8; }
        at += 8;
    }
    while (at < end && is_digit(*at)) { ++at; }
    return at;
}

/// Whether all of [at, end) is one number of the commonest form: one digit, a point, 8 to 24 digits, perhaps a sign.
///
/// The same for every number of that form, so that no branch depends on how many digits it has.
bool is_long_fraction(const uint8_t *at, const uint8_t *end) {
    at += *at == '-';
    const ptrdiff_t digits = end - at - 2;
    if (digits < 8 || digits > 24 || at[1] != '.' || !is_digit(*at)) { return false; }
    const uint8_t *fraction = at + 2;
    return !(non_digits(fraction) | non_digits(fraction + std::min<ptrdiff_t>(8, digits - 8)) | non_digits(end - 8));
}

/// number = [ "-" ] ( "0" / digit1-9 *DIGIT ) [ "." 1*DIGIT ] [ ( "e" / "E" ) [ "-" / "+" ] 1*DIGIT ]
///
/// Returns the byte after the number, or nothing, with `at` on the byte that broke the rule.
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

/// Converts the number at the beginning of [begin, end) and returns the byte after it; nothing where it is too large for
/// its format.
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
csimdjson_run parse_run(const csimdjson_document &document, size_t first, size_t limit, Number *numbers) {
    csimdjson_run run{0, false};
    for (size_t token = first; token < document.token_count && run.numbers < limit; token += 2) {
        const uint8_t *begin = document.bytes + document.tokens[token];
        const uint8_t *end = document.bytes + document.tokens[token + 1];
        if (!begins_number(*begin)) { break; }
        Number number;
        if (!convert(begin, end, number)) {
            run.failed = true;
            break;
        }
        numbers[run.numbers++] = number;
        if (token + 1 >= document.token_count || *end != ',') { break; }
    }
    return run;
}

/// The byte after the number that [at, end) begins with; nothing where there is none, or it is too large.
///
/// Beyond JSON's grammar std::from_chars takes infinities and NaN, leading zeros, and a point without digits on both
/// sides: those are looked for here. It leaves an "e" without digits, after which nothing then is as it should be.
template <typename Number>
const uint8_t *read_number(const uint8_t *at, const uint8_t *end, Number &number) {
    const uint8_t *begin = at;
    if (at < end && *at == '-') { ++at; }
    if (at == end || !is_digit(*at)) { return nullptr; }
    const bool is_zero = *at++ == '0';
    while (at < end && is_digit(*at)) {
        if (is_zero) { return nullptr; }
        ++at;
    }
    if (at < end && *at == '.' && (++at == end || !is_digit(*at))) { return nullptr; }
    return convert(begin, end, number);
}

const uint8_t *skip_white_space(const uint8_t *at, const uint8_t *end) {
    while (at < end && is_white_space(*at)) { ++at; }
    return at;
}

template <typename Number>
csimdjson_read read_numbers(
    const uint8_t *text, const uint8_t *end, bool infinities, Number *numbers, size_t room) {
    constexpr char infinity[] = "\"-Infinity\"";
    constexpr ptrdiff_t infinity_size = sizeof infinity - 1;
    const uint8_t *at = text;
    for (size_t count = 0; count < room;) {
        at = skip_white_space(at, end);
        if (infinities && end - at >= infinity_size && std::memcmp(at, infinity, infinity_size) == 0) {
            numbers[count++] = -std::numeric_limits<Number>::infinity();
            at += infinity_size;
        } else {
            at = read_number(at, end, numbers[count++]);
            if (!at) { break; }
        }
        at = skip_white_space(at, end);
        if (at == end) { break; }
        if (*at == ']') { return {count, size_t(at - text)}; }
        if (*at++ != ',') { break; }
    }
    return {0, 0};
}

}  // namespace

size_t csimdjson_numbers_count(const csimdjson_document *document, size_t first, size_t limit) noexcept {
    const uint8_t *bytes = document->bytes;
    const uint32_t *tokens = document->tokens;
    const size_t count = document->token_count;
    size_t numbers = 0;
    for (size_t token = first; token < count && numbers < limit && begins_number(bytes[tokens[token]]); token += 2) {
        ++numbers;
        if (token + 1 >= count || bytes[tokens[token + 1]] != ',') { break; }
    }
    return numbers;
}

ptrdiff_t csimdjson_numbers_check(const csimdjson_document *document, size_t first, size_t end) noexcept {
    const uint8_t *bytes = document->bytes;
    const uint8_t *document_end = bytes + document->byte_count;
    for (size_t token = first; token < end && token < document->token_count; ++token) {
        const uint8_t *at = bytes + document->tokens[token];
        if (!begins_number(*at)) { continue; }
        const uint8_t *next = bytes + document->tokens[token + 1];
        if (is_long_fraction(at, next)) { continue; }
        if (number_end(at, document_end) == nullptr) { return at - bytes; }
        while (at < next && is_white_space(*at)) { ++at; }
        if (at < next) { return at - bytes; }
    }
    return -1;
}

csimdjson_run csimdjson_numbers_parse(
    const csimdjson_document *document, size_t first, size_t limit, csimdjson_format format,
    void *numbers) noexcept {
    return format == csimdjson_binary64 ? parse_run(*document, first, limit, static_cast<double *>(numbers))
                                        : parse_run(*document, first, limit, static_cast<float *>(numbers));
}

size_t csimdjson_text_number(const uint8_t *text, size_t count, double *number) noexcept {
    const uint8_t *end = read_number(text, text + count, *number);
    return end ? size_t(end - text) : 0;
}

csimdjson_read csimdjson_text_numbers(
    const uint8_t *text, size_t count, csimdjson_format format, bool infinities, void *numbers,
    size_t room) noexcept {
    return format == csimdjson_binary64
        ? read_numbers(text, text + count, infinities, static_cast<double *>(numbers), room)
        : read_numbers(text, text + count, infinities, static_cast<float *>(numbers), room);
}
