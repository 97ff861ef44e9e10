// The powers of ten that reading and printing share: 10^k for -342 <= k <= 324 as 128-bit significands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace number_text {

constexpr int least_power = -342;
constexpr int greatest_power = 324;

/// 10^k = (high * 2^64 + low) * 2^(b - 127) with b = floor(log2(10^k)), rounded up; so high >= 2^63.
struct power_of_ten {
    uint64_t high, low;
};

struct powers_of_ten {
    power_of_ten at[greatest_power - least_power + 1];
};

/// The whole table by exact arithmetic on integers of 1024 bits, when this file is compiled.
///
/// 10^k and 5^k have the same significand. 5^k for k >= 0 has at most 753 bits; for k < 0 it is floor(2^1023 / 5^-k),
/// which k divisions by 5 give exactly and of which 228 bits are left at the least.
constexpr powers_of_ten make_powers_of_ten() {
    constexpr int limbs = 32;
    powers_of_ten powers{};
    for (const bool negative : {false, true}) {
        uint32_t number[limbs] = {};  // least significant limb first
        number[negative ? limbs - 1 : 0] = negative ? uint32_t{1} << 31 : 1;
        const int count = negative ? -least_power : greatest_power;
        bool is_exact = true;
        for (int k = 0; k <= count; ++k) {
            int top = limbs - 1;
            while (number[top] == 0) { --top; }
            uint32_t parts[5] = {};  // most significant first
            for (int i = 0; i < 5 && i <= top; ++i) { parts[i] = number[top - i]; }
            for (int i = 0; i < top - 3; ++i) { is_exact = is_exact && number[i] == 0; }
            int shift = 0;
            while ((parts[0] << shift & uint32_t{1} << 31) == 0) { ++shift; }
            uint64_t words[2] = {uint64_t{parts[0]} << 32 | parts[1], uint64_t{parts[2]} << 32 | parts[3]};
            if (shift > 0) {
                words[0] = words[0] << shift | words[1] >> (64 - shift);
                words[1] = words[1] << shift | parts[4] >> (32 - shift);
                is_exact = is_exact && parts[4] << shift == 0;
            }
            const bool is_rounded = !is_exact || (negative && k > 0);
            words[1] += is_rounded;
            words[0] += is_rounded && words[1] == 0;
            powers.at[(negative ? -k : k) - least_power] = {words[0], words[1]};
            uint64_t carry = 0;
            for (int i = 0; i < limbs; ++i) {
                const int limb = negative ? limbs - 1 - i : i;
                const uint64_t value = negative ? carry << 32 | number[limb] : uint64_t{number[limb]} * 5 + carry;
                number[limb] = uint32_t(negative ? value / 5 : value);
                carry = negative ? value % 5 : value >> 32;
            }
        }
    }
    return powers;
}

/// Indexed by k - least_power. Checked whole against exact integers by Tests/Numbers.
inline constexpr powers_of_ten powers = make_powers_of_ten();

}  // namespace number_text
