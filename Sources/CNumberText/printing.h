// Numbers to text, eight at a time. Included once for each instruction set, in a namespace of its own.
//
// The digits are Schubfach's (Giulietti, "The Schubfach way to render doubles", 2020): of the decimals in the interval
// that rounds to x = c * 2^q, the one with the fewest digits, the nearest among those. With 10^k <= 2^q < 10^(k+1) the
// interval holds at least one multiple of 10^k and at most one of 10^(k+1), so with V = x / 10^k, I = floor(V) and
// s = I - I mod 10 the digits are those of s, of s + 10, or of V rounded. The three comparisons that decide are made on
// 27 bits behind the point; where a comparison is within the error of its sides (about one number in 10^7, and every
// tie), and for what is no normal number, std::to_chars prints.

/// What is added to the place of a number that std::to_chars has to print.
constexpr uint64_t undecided = 1 << 16;

/// Eight numbers as decimals of `digits` places, the leading ones perhaps 0.
struct decimals {
    /// The first eight digits that count, then all but the first digit: the middle eight and the last eight. As text,
    /// the first digit in the lowest byte.
    uint64_t first[8], middle[8], last[8];
    uint64_t leading_zeros[8];
    /// The decimal exponent of the first digit that counts, less least_exponent; `undecided` or more where std::to_chars
    /// has to print the number.
    uint64_t place[8];
};

INLINE u64x8 all(uint64_t x) { return (u64x8)x; }

/// `yes` in the lanes whose mask is set, else `no`. A mask is the 32 low bits of its lane.
INLINE u64x8 select(u64x8 mask, u64x8 yes, u64x8 no) {
    const u64x8 whole = mask | (mask << 32);
    return (whole & yes) | (~whole & no);
}

/// a < b for lanes below 2^31.
INLINE u64x8 is_less(u64x8 a, u64x8 b) { return u64x8(i32x16(a) < i32x16(b)); }

/// a == b for lanes below 2^32.
INLINE u64x8 is_equal(u64x8 a, u64x8 b) { return u64x8(i32x16(a) == i32x16(b)) & all(0xFFFFFFFF); }

/// |a - b| <= 4 for lanes below 2^31.
INLINE u64x8 is_close(u64x8 a, u64x8 b) { return u64x8(u32x16(a - b + all(4)) <= 8) & all(0xFFFFFFFF); }

INLINE u64x8 high_halves(u64x8 x) { return x >> 32; }
INLINE u64x8 low_halves(u64x8 x) { return x & all(0xFFFFFFFF); }

/// a * b of the low halves.
INLINE u64x8 product(u64x8 a, u64x8 b) { return low_halves(a) * low_halves(b); }

INLINE u16x32 high_product(u16x32 a, uint16_t b) {
    return __builtin_convertvector((__builtin_convertvector(a, u32x32) * uint32_t{b}) >> 16, u16x32);
}

/// Eight digits of every lane's number below 10^8, as bytes 0 to 9, the first digit in the lowest byte.
INLINE u64x8 eight_digits(u64x8 number) {
    const u64x8 thousands = product(number, all(3518437209)) >> 45;
    const u64x8 fours = (number << 32) + thousands - (product(thousands, all(10000)) << 32);
    const u16x32 hundreds = high_product(u16x32(fours), 5243) >> 3;
    const u64x8 pairs = u64x8(hundreds) + (u64x8(u16x32(fours) - hundreds * uint16_t{100}) << 16);
    const u16x32 tens = high_product(u16x32(pairs), 6554);
    return u64x8(tens + ((u16x32(pairs) - tens * uint16_t{10}) << 8));
}

/// floor(x / 10^8) for x < 2^57.
///
/// 10^8 = 256 * 390625, and floor(y / 390625) of y = floor(x / 256) < 2^49 is (y + 1/2) / 390625 - 1/2 rounded to the
/// nearest integer: that is at least 1.2e-6 away from half an integer, and the arithmetic errs by less than 4e-7.
INLINE u64x8 hundred_millionths(u64x8 x) {
    constexpr uint64_t two52 = 0x4330000000000000;  // the bits of 2^52, whose last bit is worth 1
    const f64x8 y = f64x8((x >> 8) | all(two52)) - 0x1p52;
    const f64x8 quotient = y * (1.0 / 390625) + (0.5 / 390625 - 0.5);
    return u64x8(quotient + 0x1p52) ^ all(two52);
}

INLINE u64x8 bits_of(const double *numbers) {
    u64x8 bits;
    std::memcpy(&bits, numbers, sizeof bits);
    return bits;
}

INLINE u64x8 bits_of(const float *numbers) {
    u32x8 bits;
    std::memcpy(&bits, numbers, sizeof bits);
    return __builtin_convertvector(bits, u64x8);
}

template <typename Number>
INLINE void make_decimals(const Number *numbers, decimals &made) {
    using format = number_format<Number>;
    constexpr uint64_t hidden = uint64_t{1} << format::fraction_bits;
    const u64x8 bits = bits_of(numbers);
    const u64x8 exponent = (bits >> format::fraction_bits) & all(format::exponent_mask);
    const u64x8 fraction = bits & all(hidden - 1);
    const u64x8 significand = fraction | all(hidden);

    // k = floor(q log10(2)), q = exponent - bias; biased by 324, as is done to keep every lane positive.
    constexpr uint64_t k_bias = (uint64_t{324} << 22) - uint64_t{1262611} * format::bias;
    const u64x8 k = (product(exponent, all(1262611)) + all(k_bias)) >> 22;
    const u64x8 index = all(uint64_t{324 - least_power}) - k;  // of 10^-k
    u64x8 power_high, power_low;
    for (int i = 0; i < 8; ++i) {
        power_high[i] = powers.at[index[i]].high;
        power_low[i] = powers.at[index[i]].low;
    }
    // 10^-k = G 2^(b+1) with b = floor(-k log2(10)) and 1/2 <= G < 1, and V = (c 2^j) G with j = q + b + 1 in 1...4.
    constexpr uint64_t b_bias = (uint64_t{1137} << 19) - uint64_t{1741647} * uint64_t{-least_power};
    const u64x8 b = (product(index, all(1741647)) + all(b_bias)) >> 19;
    const u64x8 j = exponent + b + all(1 - uint64_t{format::bias} - 1137);

    // V to 32 bits behind the point. What is dropped is not negative and makes less than 4 units of the last.
    const u64x8 c = significand << j;
    const u64x8 low_high = product(c, high_halves(power_high)) + high_halves(product(c, power_high));
    const u64x8 high_low = product(high_halves(c), power_high) + low_halves(low_high)
        + high_halves(product(high_halves(c), high_halves(power_low)));
    const u64x8 whole =
        product(high_halves(c), high_halves(power_high)) + high_halves(low_high) + high_halves(high_low);

    // The 8 last digits of I and those before, or all of them where there are at most 9.
    const u64x8 upper = format::digits > 9 ? hundred_millionths(whole) : whole;
    const u64x8 lower = format::digits > 9 ? whole - product(upper, all(100000000)) : whole;
    const u64x8 last = lower - product(product(lower, all(3435973837)) >> 35, all(10));  // I mod 10

    // In units of 2^-27: from s up to V, from V up to s + 10, and the interval's halves, of which the lower one is half
    // as wide at a power of two.
    const u64x8 behind = low_halves(high_low) >> 5;
    const u64x8 above = (last << 27) + behind;
    const u64x8 below = all(uint64_t{10} << 27) - above;
    const u64x8 half = power_high >> (all(38) - j);
    const u64x8 is_power = is_equal(low_halves(fraction) | high_halves(fraction), all(0));
    const u64x8 lower_half = half - (is_power & (half >> 1));
    const u64x8 down = is_less(above, lower_half);
    const u64x8 up = is_less(below, half);
    const u64x8 rounds = ~(down | up);
    const u64x8 is_undecided = is_close(above, lower_half) | is_close(below, half)
        | (rounds & (is_close(behind, all(1 << 26)) | is_power));
    const u64x8 is_special = is_equal(exponent, all(0)) | is_equal(exponent, all(format::exponent_mask));

    u64x8 tail = lower - (~rounds & last) + (up & all(10)) + (rounds & is_less(all(1 << 26), behind) & all(1));
    u64x8 head = upper;
    if (format::digits > 9) {
        const u64x8 carries = is_equal(tail, all(100000000));
        tail &= ~carries;
        head += carries & all(1);
    } else {
        head = tail;
    }
    const u64x8 lead = (head * all(1441151881)) >> 57;  // head / 10^8
    const u64x8 middle = eight_digits(head - product(lead, all(100000000))) + all(zeros);
    const u64x8 one = is_less(head, all(100000000));
    u64x8 leading_zeros = one & all(1);
    u64x8 first = select(one, middle, (middle << 8) | (lead + all('0')));
    if (format::digits <= 9) {
        // As many as two: V is at least 2^23.
        const u64x8 two = is_less(head, all(10000000));
        leading_zeros += two & all(1);
        first = select(two, middle >> 8, first);
    }
    const u64x8 place = k + all(format::digits - 1) - leading_zeros + ((is_undecided | is_special) & all(undecided));
    std::memcpy(made.first, &first, sizeof first);
    std::memcpy(made.middle, &middle, sizeof middle);
    if (format::digits > 9) {
        const u64x8 text = eight_digits(tail) + all(zeros);
        std::memcpy(made.last, &text, sizeof text);
    }
    std::memcpy(made.leading_zeros, &leading_zeros, sizeof leading_zeros);
    std::memcpy(made.place, &place, sizeof place);
}

/// Writes a number and a comma; returns the byte after it, or nothing where JSON has no such number.
template <typename Number>
INLINE char *lay_out(const decimals &made, int i, Number number, char *at) {
    constexpr bool has_last = number_format<Number>::digits > 9;
    const uint64_t place = made.place[i];
    if (place >= undecided) { return print_special(number, at); }
    const uint64_t last = has_last ? made.last[i] ^ zeros : 0, middle = made.middle[i] ^ zeros;
    const ptrdiff_t leading_zeros = ptrdiff_t(made.leading_zeros[i]);
    // Places up to the last digit that is not 0.
    ptrdiff_t count = 17 - (__builtin_clzll(last | 1) >> 3);
    if (last == 0) { count = middle == 0 ? 1 : 9 - (__builtin_clzll(middle) >> 3); }
    const suffix &suffix = layout.suffixes[place];
    if (count - leading_zeros < suffix.least_count) {
        char digits[32];
        store(digits + 2, made.first[i]);
        store(digits + 3 - leading_zeros, made.middle[i]);
        if (has_last) { store(digits + 11 - leading_zeros, made.last[i]); }
        return lay_out_rare(number, digits + 2, int(count - leading_zeros), int(place) + least_exponent, at);
    }
    const shape &shape = layout.shapes[suffix.shape];
    *at = '-';
    at += std::signbit(number);
    char *const digits = at + suffix.gap - leading_zeros;
    store(digits + 1, made.middle[i]);
    if (has_last) { store(digits + 9, made.last[i]); }
    const uint64_t first = made.first[i];
    store(at, (first & shape.before) | shape.constant | ((first << shape.shift) & shape.after));
    std::memcpy(digits + count, suffix.text, 8);
    return digits + count + suffix.length;
}

/// Prints `count` numbers with a comma after each. The room is number_text_size bytes for each and slack more.
///
/// Returns the byte after the last comma, or nothing where there is a NaN or +infinity.
template <typename Number>
char *print(const Number *numbers, size_t count, char *at) {
    decimals made;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        make_decimals(numbers + i, made);
        // Unrolled in part, as it would be else, it takes a fifth longer with AVX2.
#pragma clang loop unroll(disable)
        for (int lane = 0; lane < 8; ++lane) {
            at = lay_out(made, lane, numbers[i + size_t(lane)], at);
            if (!at) { return nullptr; }
        }
    }
    if (i < count) {
        Number rest[8] = {};
        std::memcpy(rest, numbers + i, (count - i) * sizeof(Number));
        make_decimals(rest, made);
        for (int lane = 0; lane < int(count - i); ++lane) {
            at = lay_out(made, lane, rest[lane], at);
            if (!at) { return nullptr; }
        }
    }
    return at;
}
