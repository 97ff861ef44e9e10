// What is rare: by the standard library's std::to_chars and std::from_chars, or laid out step by step.
#pragma once

#include <cstddef>
#include <cstdint>

namespace number_text {

/// Writes zeros, subnormals, infinities, and what the block form leaves undecided, with a comma; returns the byte after
/// it, or nothing for NaN and +infinity.
template <typename Number>
char *print_special(Number number, char *at);

/// Writes `number`, whose shortest digits are `count` from `digits` on, d.ddd * 10^exponent, with a comma; returns the
/// byte after it.
template <typename Number>
char *lay_out_rare(Number number, const char *digits, int count, int exponent, char *at);

/// The byte after the number that [at, end) begins with, or nothing, with `at` on the byte that broke the rule of RFC 8259
/// section 6:
///
///     number = [ "-" ] ( "0" / digit1-9 *DIGIT ) [ "." 1*DIGIT ] [ ( "e" / "E" ) [ "-" / "+" ] 1*DIGIT ]
const uint8_t *number_end(const uint8_t *&at, const uint8_t *end);

/// The byte after the well-formed number (RFC 8259 section 6) that [at, end) begins with, rounded once; nothing where
/// there is none, or it is too large for the format.
template <typename Number>
const uint8_t *read_rare(const uint8_t *at, const uint8_t *end, Number &number);

/// Converts the well-formed number at the beginning of [begin, end) and returns the byte after it; nothing where it is
/// too large for its format.
template <typename Number>
const uint8_t *convert(const uint8_t *begin, const uint8_t *end, Number &number);

inline bool is_digit(uint8_t byte) { return uint8_t(byte - '0') <= 9; }

inline bool begins_number(uint8_t byte) { return byte == '-' || is_digit(byte); }

inline bool is_white_space(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

inline const uint8_t *skip_white_space(const uint8_t *at, const uint8_t *end) {
    while (at < end && is_white_space(*at)) { ++at; }
    return at;
}

}  // namespace number_text
