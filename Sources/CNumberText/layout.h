// Where the digits, the point and the exponent of a number stand: std::to_chars' rule, which takes the shorter of the
// fixed and the scientific form, the fixed one where they are as long.
#pragma once

#include <cstddef>
#include <cstdint>

namespace number_text {

/// The decimal exponents e of d.ddd * 10^e: all of float64's.
constexpr int least_exponent = -324;
constexpr int greatest_exponent = 308;

/// What the exponent decides of a number's text.
struct suffix {
    /// What follows the digits, the comma after the number included.
    char text[8];
    uint8_t length;
    /// Bytes that stand among or before the digits: the point, and "0.00".
    uint8_t gap;
    uint8_t shape;
    /// With fewer digits there is no point between two of them, or the form depends on their count.
    uint8_t least_count;
    uint8_t unused[4];
};

/// How the first eight bytes of a number's text are made of its first eight digits:
/// (digits & before) | constant | ((digits << shift) & after), bytes in memory's order, the first the lowest.
struct shape {
    uint64_t before, constant, after, shift;
};

/// From 0.000ddd to dddddd.d for -4 <= e <= 6; at 0 the shape of d.ddd, which the scientific form has too.
constexpr int least_fixed = -4, greatest_fixed = 6;

struct layouts {
    suffix suffixes[greatest_exponent - least_exponent + 1];
    shape shapes[greatest_fixed - least_fixed + 1];
};

constexpr layouts make_layouts() {
    layouts made{};
    for (int e = least_fixed; e <= greatest_fixed; ++e) {
        shape &s = made.shapes[e - least_fixed];
        if (e < 0) {
            const int zeros = 1 - e;  // "0." to "0.000"
            for (int i = 0; i < zeros; ++i) { s.constant |= uint64_t{i == 1 ? uint8_t{'.'} : uint8_t{'0'}} << 8 * i; }
            s.after = ~uint64_t{0};
            s.shift = uint64_t(8 * zeros);
        } else {
            const int whole = 8 * (e + 1);
            s.before = (uint64_t{1} << whole) - 1;
            s.constant = uint64_t{'.'} << whole;
            s.after = whole == 56 ? 0 : ~((uint64_t{1} << (whole + 8)) - 1);
            s.shift = 8;
        }
    }
    for (int e = least_exponent; e <= greatest_exponent; ++e) {
        suffix &s = made.suffixes[e - least_exponent];
        const bool is_fixed = e >= least_fixed && e <= greatest_fixed;
        s.gap = uint8_t(is_fixed && e < 0 ? 1 - e : 1);
        s.shape = uint8_t((is_fixed ? e : 0) - least_fixed);
        // Up to 22 the count of digits decides which form is shorter.
        s.least_count = e > greatest_fixed && e <= 22 ? UINT8_MAX : uint8_t(is_fixed && e > 0 ? e + 2 : 2);
        int length = 0;
        if (!is_fixed) {
            const int magnitude = e < 0 ? -e : e;
            s.text[length++] = 'e';
            s.text[length++] = e < 0 ? '-' : '+';
            if (magnitude >= 100) { s.text[length++] = char('0' + magnitude / 100); }
            s.text[length++] = char('0' + magnitude / 10 % 10);
            s.text[length++] = char('0' + magnitude % 10);
        }
        s.text[length++] = ',';
        s.length = uint8_t(length);
    }
    return made;
}

inline constexpr layouts layout = make_layouts();

}  // namespace number_text
