// Text to numbers: grammar, digits and rounding in one pass. Included once for each instruction set, in a namespace of
// its own.
//
// A number is w * 10^q with an integer w of at most 19 digits: what is longer, what has no end within 32 bytes, what is
// subnormal or out of range, and what is no number at all is left to read_rare, so that this path only has to be right
// where it answers.

typedef uint8_t u8x32 __attribute__((ext_vector_type(32)));
typedef bool b32 __attribute__((ext_vector_type(32)));

/// Bytes that may be read from the first of a number on.
constexpr ptrdiff_t window = 64;

INLINE uint64_t load_eight(const uint8_t *at) {
    uint64_t eight;
    std::memcpy(&eight, at, 8);
    return eight;
}

INLINE uint64_t mask_of(b32 lanes) { return __builtin_bit_cast(uint32_t, lanes); }

/// The number that eight bytes 0 to 9 are, the first digit in the lowest byte.
INLINE uint64_t join_eight(uint64_t digits) {
    digits = digits * 10 + (digits >> 8);  // pairs in every other byte
    constexpr uint64_t mask = 0x000000FF000000FF;
    return ((digits & mask) * (100 + (uint64_t{1000000} << 32))
            + ((digits >> 16) & mask) * (1 + (uint64_t{10000} << 32))) >> 32;
}

/// The number that the first `count` <= 4 bytes of `at` are, all of them digits; 0 for none.
INLINE uint64_t join_few(const uint8_t *at, unsigned count) {
    uint32_t four;
    std::memcpy(&four, at, 4);
    // The digits move to the end, zeros before them; what stood behind them, and what it borrowed, is shifted out.
    const uint32_t digits = uint32_t(uint64_t{uint32_t(four - uint32_t(zeros))} << (32 - 8 * count));
    const uint32_t pairs = digits * 10 + (digits >> 8);
    return (pairs & 0xFF) * 100 + ((pairs >> 16) & 0xFF);
}

/// The number that the first `count` bytes of `at` are, all of them digits; 1 <= count <= 16.
#if NUMBER_TEXT_AVX2
INLINE uint64_t join_sixteen(const uint8_t *at, unsigned count) {
    // Moves the digits to the end, zeros before them: a negative index gives 0.
    alignas(32) static constexpr int8_t order[32] = {
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i *>(at));
    const __m128i digits = _mm_shuffle_epi8(
        _mm_sub_epi8(text, _mm_set1_epi8('0')), _mm_loadu_si128(reinterpret_cast<const __m128i *>(order + count)));
    const __m128i twos = _mm_maddubs_epi16(digits, _mm_set1_epi16(1 << 8 | 10));
    const __m128i fours = _mm_madd_epi16(twos, _mm_set1_epi32(1 << 16 | 100));
    const __m128i packed = _mm_packus_epi32(fours, fours);
    const __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(1 << 16 | 10000));
    const uint64_t halves = uint64_t(_mm_cvtsi128_si64(eights));
    return (halves & 0xFFFFFFFF) * 100000000 + (halves >> 32);
}
#else
INLINE uint64_t join_sixteen(const uint8_t *at, unsigned count) {
    const unsigned __int128 both =
        ((unsigned __int128)(load_eight(at + 8) - zeros) << 64 | (load_eight(at) - zeros)) << (128 - 8 * count);
    return join_eight(uint64_t(both)) * 100000000 + join_eight(uint64_t(both >> 64));
}
#endif

/// w * 10^q rounded to nearest, ties to even: Eisel-Lemire (Lemire 2021, algorithm 1), which never needs more than 128
/// bits of the power (Mushtak and Lemire 2023). `false` where the result is not a normal number.
template <typename Number>
INLINE bool round_decimal(uint64_t w, int q, typename number_format<Number>::bits &bits) {
    using format = number_format<Number>;
    if (q < least_power || q > 308) { return false; }
    const int leading = __builtin_clzll(w);
    w <<= leading;
    power_of_ten power = powers.at[q - least_power];
    // The algorithm is proved for powers cut off, but rounded up from 10^-27 to 10^-1; up to 10^55 they are exact.
    power.low -= q < -27 || q > 55;
    unsigned __int128 product = (unsigned __int128)w * power.high;
    constexpr int spare = 64 - format::fraction_bits - 3;
    constexpr uint64_t spare_bits = (uint64_t{1} << spare) - 1;
    if ((uint64_t(product >> 64) & spare_bits) == spare_bits) {
        product += uint64_t((unsigned __int128)w * power.low >> 64);
    }
    const uint64_t high = uint64_t(product >> 64), low = uint64_t(product);
    const int upper = int(high >> 63);
    uint64_t significand = high >> (upper + spare);
    // floor(log2(10^q)) + 63
    const int power_of_two = ((q * 217706) >> 16) + 63;
    const int exponent = power_of_two + upper - leading + format::bias - format::fraction_bits;
    // A tie rounds to even where the product is exact.
    if (__builtin_expect(low <= 1, false) && q >= format::least_tie && q <= format::greatest_tie
        && (significand & 3) == 1 && significand << (upper + spare) == high) {
        significand &= ~uint64_t{1};
    }
    significand = (significand + 1) >> 1;
    // A carry out of the significand goes into the exponent.
    const uint64_t sum = (uint64_t(exponent - 1) << format::fraction_bits) + significand;
    if (exponent <= 0 || sum >= uint64_t{format::exponent_mask} << format::fraction_bits) { return false; }
    bits = typename format::bits(sum);
    return true;
}

constexpr uint64_t tens[20] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
    10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
    10000000000000000000u};

/// Reads the point behind `whole` digits, which are `w`, and the digits behind it; `false` where that is for read_rare to
/// do. Afterwards the number is w * 10^q, and `end` the place behind it.
INLINE bool read_fraction(
    const uint8_t *at, unsigned whole, uint64_t others, uint64_t significant, uint64_t &w, int &q, unsigned &end) {
    const unsigned first = whole + 1;
    const unsigned fraction = unsigned(__builtin_ctzll(others >> first));
    end = first + fraction;
    if (fraction == 0 || end >= 31) { return false; }
    // Zeros behind "0." are passed: they count in q alone.
    const unsigned leading = w == 0 ? unsigned(__builtin_ctzll(significant >> first)) : 0;
    const unsigned count = fraction - leading;
    if ((w == 0 ? 0 : whole) + count > 19) { return false; }
    q = -int(fraction);
    if (count > 0) {
        const unsigned sixteen = count < 16 ? count : 16, few = count - sixteen;
        const uint8_t *digits = at + first + leading;
        w = w * tens[count] + join_sixteen(digits, sixteen) * tens[few] + join_few(digits + 16, few);
    }
    return true;
}

/// Reads the number that `at` begins with, from which `window` bytes can be read; returns the byte after it, or nothing
/// where that is for read_rare to do.
template <typename Number>
INLINE const uint8_t *read_common(const uint8_t *at, Number &number) {
    using format = number_format<Number>;
    u8x32 text;
    std::memcpy(&text, at, sizeof text);
    const bool is_negative = text[0] == '-';
    at += is_negative;
    // Bit i is set where byte i behind the sign is no digit, and where it is no "0". Those from 31 on end everything.
    const uint64_t others = ~mask_of(__builtin_convertvector(text - (u8x32)uint8_t{'0'} <= 9, b32)) >> is_negative;
    const uint64_t significant = mask_of(__builtin_convertvector(text != (u8x32)uint8_t{'0'}, b32)) >> is_negative;

    const unsigned whole = unsigned(__builtin_ctzll(others));
    uint64_t w = uint64_t{*at} - '0';
    unsigned end;
    int q = 0;
    if (__builtin_expect(whole == 1, true)) {
        // The places are constants here, so that the end waits for less.
        end = 1;
        if (at[1] == '.' && !read_fraction(at, 1, others, significant, w, q, end)) { return nullptr; }
    } else {
        if (whole == 0 || w == 0 || whole > 19) { return nullptr; }
        const unsigned sixteen = whole < 16 ? whole : 16, few = whole - sixteen;
        w = join_sixteen(at, sixteen) * tens[few] + join_few(at + 16, few);
        end = whole;
        if (at[whole] == '.' && !read_fraction(at, whole, others, significant, w, q, end)) { return nullptr; }
    }
    if ((at[end] | 0x20) == 'e') {
        ++end;
        const bool is_small = at[end] == '-';
        end += is_small || at[end] == '+';
        const unsigned count = unsigned(__builtin_ctzll(others >> end));
        if (count == 0 || count > 4 || end + count >= 31) { return nullptr; }
        const int exponent = int(join_few(at + end, count));
        q += is_small ? -exponent : exponent;
        end += count;
    }
    typename format::bits bits = 0;
    if (w != 0 && !round_decimal<Number>(w, q, bits)) { return nullptr; }
    bits |= typename format::bits(is_negative) << (sizeof bits * 8 - 1);
    std::memcpy(&number, &bits, sizeof bits);
    return at + end;
}

/// Reads `number (, number)*` up to a "]": see number_text_read.
template <typename Number>
number_text_result read(
    const uint8_t *text, const uint8_t *end, bool infinities, Number *numbers, size_t room) {
    constexpr char infinity[] = "\"-Infinity\"";
    constexpr ptrdiff_t infinity_size = sizeof infinity - 1;
    // The last bytes are read from a copy with a window of zeros behind it.
    uint8_t copy[2 * window];
    const uint8_t *at = text, *readable_end = end;
    size_t passed = 0;
    for (size_t count = 0; count < room; ++at) {
        if (__builtin_expect(readable_end - at < window, false)) {
            const size_t rest = size_t(end - at);
            passed = size_t(at - text);
            std::memcpy(copy, at, rest);
            std::memset(copy + rest, 0, sizeof copy - rest);
            text = at = copy;
            end = copy + rest;
            readable_end = copy + sizeof copy;
        }
        const uint8_t *next = read_common(at, numbers[count]);
        if (next && *next == ',') {
            ++count;
            at = next;
            // A branch, which is foreseen: an addition would make the next number wait for this byte.
            if (__builtin_expect(next[1] == ' ', false)) { ++at; }
            continue;
        }
        if (!next) {
            if (const uint8_t *const begin = skip_white_space(at, end); begin != at) {
                at = begin - 1;
                continue;
            }
            if (infinities && end - at >= infinity_size && std::memcmp(at, infinity, infinity_size) == 0) {
                numbers[count] = -std::numeric_limits<Number>::infinity();
                next = at + infinity_size;
            } else {
                next = read_rare(at, end, numbers[count]);
                if (!next) { break; }
            }
        }
        ++count;
        at = skip_white_space(next, end);
        if (at == end || *at == ']') { return {count, passed + size_t(at - text)}; }
        if (*at != ',') { break; }
    }
    return {0, 0};
}

/// Finds brackets and commas: see number_text_mark.
void mark(const uint8_t *text, size_t blocks, uint64_t *brackets, uint64_t *commas) {
    for (size_t block = 0; block < blocks; ++block) {
        brackets[block] = commas[block] = 0;
        for (int half = 0; half < 64; half += 32, text += 32) {
            u8x32 bytes;
            std::memcpy(&bytes, text, sizeof bytes);
            const b32 is_bracket = __builtin_convertvector(
                (bytes == (u8x32)uint8_t{'['}) | (bytes == (u8x32)uint8_t{']'}), b32);
            brackets[block] |= mask_of(is_bracket) << half;
            commas[block] |= mask_of(__builtin_convertvector(bytes == (u8x32)uint8_t{','}, b32)) << half;
        }
    }
}

/// Reads the number that a text begins with: see number_text_read_one.
size_t read_one(const uint8_t *text, size_t count, double *number) {
    uint8_t copy[window];
    const uint8_t *at = text;
    if (count < size_t(window)) {
        std::memcpy(copy, text, count);
        std::memset(copy + count, 0, sizeof copy - count);
        at = copy;
    }
    const uint8_t *next = read_common(at, *number);
    if (next) { return size_t(next - at); }
    next = read_rare(text, text + count, *number);
    return next ? size_t(next - text) : 0;
}
