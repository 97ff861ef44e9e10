// Holds every build of CNumberText against plain definitions, the standard library and exact vectors.
//
// usage: proof vectors FILE | grammar | float32 STRIDE | float64 COUNT | texts COUNT, each with [THREADS]
// Prints what was compared and how much of it differed; exits 1 where anything did.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "CNumberText.h"
#include "powers_of_ten.h"

namespace {

std::atomic<uint64_t> compared{0}, different{0};

/// The first few differences are shown, all are counted.
void differs(const std::string &what) {
    if (different++ < 20) { std::fprintf(stderr, "%s\n", what.c_str()); }
}

std::vector<const number_text_build *> builds() {
    std::vector<const number_text_build *> all;
    for (size_t i = 0; const number_text_build *build = number_text_build_at(i); ++i) {
        if (build->is_supported()) { all.push_back(build); }
    }
    return all;
}

template <typename Number>
constexpr number_text_format format_of = sizeof(Number) == 8 ? number_text_binary64 : number_text_binary32;

template <typename Number>
bool is_same(Number a, Number b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

/// A copy of exactly the bytes, so that a sanitizer sees any access beyond them. Never null.
std::unique_ptr<uint8_t[]> exactly(const std::string &text) {
    std::unique_ptr<uint8_t[]> copy(new uint8_t[text.size()]);
    std::copy(text.begin(), text.end(), copy.get());
    return copy;
}

template <typename Number>
std::string printed(const number_text_build &build, const std::vector<Number> &numbers) {
    std::unique_ptr<uint8_t[]> text(new uint8_t[numbers.size() * number_text_size + number_text_slack]);
    const ptrdiff_t size = build.print(numbers.data(), numbers.size(), format_of<Number>, text.get());
    return size < 0 ? "nothing" : std::string(reinterpret_cast<char *>(text.get()), size_t(size));
}

template <typename Number>
std::string by_standard_library(Number number) {
    char text[64];
    return std::string(text, std::to_chars(text, text + sizeof text, number).ptr);
}

/// Prints the numbers and reads them back by every build.
template <typename Number>
void compare_printing(const std::vector<Number> &numbers) {
    std::string wanted;
    for (const Number number : numbers) { wanted += by_standard_library(number) + ","; }
    wanted.pop_back();
    for (const number_text_build *build : builds()) {
        const std::string text = printed(*build, numbers);
        if (text != wanted) {
            for (const Number number : numbers) {
                const std::string one = printed(*build, std::vector<Number>{number});
                if (one != by_standard_library(number)) {
                    differs(std::string(build->name) + ": " + one + ", not " + by_standard_library(number));
                }
            }
            differs(std::string(build->name) + ": " + std::to_string(numbers.size()) + " numbers from "
                    + by_standard_library(numbers[0]));
        }
        std::vector<Number> read(numbers.size());
        const auto copy = exactly(wanted + "]");
        const number_text_result result =
            build->read(copy.get(), wanted.size() + 1, format_of<Number>, false, read.data(), read.size());
        if (result.numbers != numbers.size() || result.bytes != wanted.size()) {
            differs(std::string(build->name) + " does not read " + wanted);
            continue;
        }
        for (size_t i = 0; i < numbers.size(); ++i) {
            if (!is_same(read[i], numbers[i])) {
                differs(std::string(build->name) + " reads " + by_standard_library(numbers[i]) + " as "
                        + by_standard_library(read[i]));
            }
        }
    }
    compared += numbers.size();
}

/// The number that a well-formed text is, or nothing where it is too large.
template <typename Number>
bool definition(const std::string &text, Number &number) {
    if constexpr (sizeof(Number) == 8) {
        number = std::strtod(text.c_str(), nullptr);
    } else {
        number = std::strtof(text.c_str(), nullptr);
    }
    return !std::isinf(number);
}

/// Reads one text alone and in lists by every build, and as a token.
template <typename Number>
void compare_reading(const std::string &text, bool is_readable, Number wanted) {
    for (const number_text_build *build : builds()) {
        const auto fails = [&](const char *how) { differs(std::string(build->name) + ", " + how + ": " + text); };
        Number read[3];
        for (const std::string &list : {text + "]", text, " " + text + " ,\t" + text + "\n,0]" + std::string(70, ' ')}) {
            const auto copy = exactly(list);
            const number_text_result result = build->read(copy.get(), list.size(), format_of<Number>, false, read, 3);
            const bool is_read = result.numbers > 0;
            if (is_read != is_readable || (is_read && !is_same(read[0], wanted))) { fails("in a list"); }
        }
        if constexpr (sizeof(Number) == 8) {
            const auto copy = exactly(text);
            const size_t size = build->read_one(copy.get(), text.size(), read);
            // What comes after the number is the caller's to refuse.
            if (is_readable ? size != text.size() || !is_same(read[0], wanted) : size == text.size() && size > 0) { fails("alone"); }
        }
    }
    if (is_readable) {
        const std::string document = text + "," + text;
        const auto copy = exactly(document);
        const uint32_t offsets[] = {0, uint32_t(text.size()), uint32_t(text.size() + 1), uint32_t(document.size())};
        const number_text_tokens tokens = {copy.get(), document.size(), offsets, 3};
        Number read[2];
        const number_text_run run = number_text_convert(&tokens, 0, 2, format_of<Number>, read);
        if (run.failed || run.numbers != 2 || !is_same(read[0], wanted) || !is_same(read[1], wanted)) {
            differs("as a token: " + text);
        }
        if (number_text_check(&tokens, 3) != -1) { differs("checked: " + text); }
    }
    ++compared;
}

void compare_reading(const std::string &text) {
    double number64;
    float number32;
    const bool is_readable64 = definition(text, number64), is_readable32 = definition(text, number32);
    compare_reading(text, is_readable64, number64);
    compare_reading(text, is_readable32, number32);
}

// MARK: vectors

void vectors(const char *path) {
    std::ifstream file(path);
    std::string line;
    std::vector<double> numbers;
    int powers = 0;
    while (std::getline(file, line)) {
        std::istringstream fields(line);
        std::string kind, first, second, third;
        fields >> kind >> first >> second >> third;
        if (kind == "power") {
            const number_text::power_of_ten power =
                number_text::powers.at[std::stoi(first) - number_text::least_power];
            if (power.high != std::stoull(second, nullptr, 16) || power.low != std::stoull(third, nullptr, 16)) {
                differs("10^" + first);
            }
            // Reading takes one off the power's low half where it was rounded up, and no borrow.
            if (power.low == 0 && std::abs(std::stoi(first)) > 55) { differs("10^" + first + " borrows"); }
            ++powers;
            ++compared;
        } else if (kind == "print") {
            const uint64_t bits = std::stoull(first, nullptr, 16);
            double number;
            std::memcpy(&number, &bits, 8);
            for (const double signed_number : {number, -number}) {
                const std::string wanted = (signed_number < 0 ? "-" : "") + second;
                for (const number_text_build *build : builds()) {
                    const std::string text = printed(*build, std::vector<double>{signed_number});
                    if (text != wanted) { differs(std::string(build->name) + ": " + text + ", not " + wanted); }
                }
            }
            compare_reading(second, true, number);
            numbers.push_back(number);
        } else if (kind == "read") {
            double number64 = 0;
            float number32 = 0;
            const uint64_t bits64 = second == "-" ? 0 : std::stoull(second, nullptr, 16);
            const uint32_t bits32 = third == "-" ? 0 : uint32_t(std::stoul(third, nullptr, 16));
            std::memcpy(&number64, &bits64, 8);
            std::memcpy(&number32, &bits32, 4);
            for (const char *sign : {"", "-"}) {
                compare_reading(sign + first, second != "-", *sign ? -number64 : number64);
                compare_reading(sign + first, third != "-", *sign ? -number32 : number32);
            }
        } else {
            differs("no vector: " + line);
        }
    }
    if (powers != number_text::greatest_power - number_text::least_power + 1) { differs("not every power was there"); }
    // In blocks as well, where one that is undecided stands beside others.
    for (size_t i = 0; i < numbers.size(); i += 500) {
        compare_printing(std::vector<double>(
            numbers.begin() + ptrdiff_t(i), numbers.begin() + ptrdiff_t(std::min(i + 500, numbers.size()))));
    }
}

// MARK: grammar

/// RFC 8259, section 6, as it stands there.
bool is_number(const std::string &text) {
    size_t at = 0;
    const auto is_digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
    const auto digits = [&] {
        const size_t start = at;
        while (is_digit()) { ++at; }
        return at > start;
    };
    if (at < text.size() && text[at] == '-') { ++at; }
    if (at < text.size() && text[at] == '0') {
        ++at;
    } else if (!digits()) {
        return false;
    }
    if (at < text.size() && text[at] == '.') {
        ++at;
        if (!digits()) { return false; }
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) { ++at; }
        if (!digits()) { return false; }
    }
    return at == text.size();
}

void grammar() {
    std::vector<std::string> valid = {
        "0", "-0", "1", "-1", "10", "123", "0.5", "-0.5", "0.0", "1.0", "1e5", "1E5", "1e+5", "1e-5", "1.5e10", "0e0",
        "0e999", "-0e-999", "0.000", "0.0001", "12345678901234567", "123456789012345678901234567890",
        "0.12345678901234567", "-0.12345678901234567", "1.2345678901234567e-05", "-1.2345678901234567e-105",
        "0.000012345678901234567890123", "1234567890123456789.5", "12345678901234567890.5", "1e0000000005",
        "9007199254740993", "1.7976931348623157e308", "4.9e-324", "2.4e-324", "1e400", "-1e400", "1e39", "1e-400",
        "0.1234567890123456789", "0.12345678901234567890123456789", "0.00000000000000000000000000000000001",
        "1.000000000000000000000000000000000000000000000000000000000000000000000000000000001"};
    const std::string others = std::string("0159.eE+-,]\" \t/:\x00\x7F\x80\xFF", 20) + "Ii";
    std::vector<std::string> texts = valid;
    for (const std::string &text : valid) {
        for (size_t i = 0; i <= text.size(); ++i) {
            for (const char other : others) {
                texts.push_back(text.substr(0, i) + other + text.substr(i));
                if (i < text.size()) { texts.push_back(text.substr(0, i) + other + text.substr(i + 1)); }
            }
            if (i < text.size()) {
                texts.push_back(text.substr(0, i) + text.substr(i + 1));
                texts.push_back(text.substr(0, i));
            }
        }
    }
    for (const std::string &text : texts) {
        if (is_number(text)) {
            compare_reading(text);
        } else if (text.find_first_of(",] \t\n") == std::string::npos) {
            // Those bytes end a number, which is then another.
            compare_reading(text, false, 0.0);
            compare_reading(text, false, 0.0f);
        }
    }
}

// MARK: marks

/// Brackets and commas among all bytes.
void marks() {
    std::mt19937_64 generator(7);
    for (int round = 0; round < 1000; ++round) {
        std::string text;
        for (int i = 0; i < 256; ++i) { text += generator() % 2 ? "[],"[generator() % 3] : char(generator()); }
        const auto copy = exactly(text);
        for (const number_text_build *build : builds()) {
            uint64_t brackets[4], commas[4];
            build->mark(copy.get(), 4, brackets, commas);
            for (size_t i = 0; i < text.size(); ++i) {
                const bool is_bracket = brackets[i / 64] >> i % 64 & 1, is_comma = commas[i / 64] >> i % 64 & 1;
                if (is_bracket != (text[i] == '[' || text[i] == ']') || is_comma != (text[i] == ',')) {
                    differs(std::string(build->name) + " marks byte " + std::to_string(int(text[i])));
                }
            }
        }
        ++compared;
    }
}

// MARK: many numbers

/// Does pieces 0..<count of work on some threads.
void on_threads(unsigned threads, uint64_t count, const std::function<void(uint64_t)> &piece) {
    std::atomic<uint64_t> next{0};
    std::vector<std::thread> running;
    for (unsigned i = 0; i < threads; ++i) {
        running.emplace_back([&] {
            for (uint64_t at = next++; at < count; at = next++) { piece(at); }
        });
    }
    for (std::thread &thread : running) { thread.join(); }
}

/// Every `stride`-th of all float32 numbers, a piece of 2^16 bit patterns at a time.
void float32(uint32_t stride, unsigned threads) {
    on_threads(threads, 1 << 16, [=](uint64_t piece) {
        std::vector<float> numbers;
        const uint64_t first = piece << 16;
        for (uint64_t bits = (first + stride - 1) / stride * stride; bits < first + (1 << 16); bits += stride) {
            const uint32_t pattern = uint32_t(bits);
            float number;
            std::memcpy(&number, &pattern, 4);
            if (std::isfinite(number)) { numbers.push_back(number); }
        }
        if (!numbers.empty()) { compare_printing(numbers); }
    });
}

/// Random bit patterns, and of the service's own kind: probabilities, Jacobian entries, normal and short numbers.
void float64(uint64_t count, unsigned threads) {
    constexpr size_t size = 4096;
    on_threads(threads, (count + size - 1) / size, [](uint64_t piece) {
        std::mt19937_64 generator(piece);
        std::normal_distribution<double> normal;
        std::vector<double> numbers;
        while (numbers.size() < size) {
            const uint64_t bits = generator();
            double number;
            std::memcpy(&number, &bits, 8);
            if (std::isfinite(number)) { numbers.push_back(number); }
            const double y = std::exp(normal(generator)) / 1000, z = std::exp(10 * normal(generator)) / 1000;
            for (const double own :
                 {y, y * (1 - y), -y * z, z, normal(generator), std::round(normal(generator) * 1000) / 1000,
                  std::round(normal(generator) * 100), std::ldexp(std::round(normal(generator) * 8), -3)}) {
                numbers.push_back(own);
            }
        }
        compare_printing(numbers);
    });
}

std::string random_text(std::mt19937_64 &generator) {
    const auto below = [&](uint64_t bound) { return generator() % bound; };
    const auto digits = [&](uint64_t count) {
        std::string text;
        const bool is_uniform = below(8) == 0;  // 999…, 000…
        for (uint64_t i = 0; i < count; ++i) { text += char('0' + (is_uniform ? 9 * (generator() % 16 > 0) : below(10))); }
        return text;
    };
    const auto length = [&] { return below(16) == 0 ? 1 + below(below(4) == 0 ? 1200 : 60) : 1 + below(21); };
    std::string text = below(2) ? "-" : "";
    if (below(2)) {
        text += "0";
    } else {
        text += char('1' + below(9));
        text += digits(below(2) ? 0 : length() - 1);
    }
    if (below(5)) {
        text += ".";
        if (below(4) == 0) { text += std::string(below(30), '0'); }
        text += digits(length());
    }
    if (below(3) == 0) {
        text += below(2) ? "e" : "E";
        text += below(3) == 0 ? "+" : below(2) ? "-" : "";
        text += std::to_string(below(4) ? below(40) : below(400));
    }
    return text;
}

/// Random texts of every length and notation.
void texts(uint64_t count, unsigned threads) {
    constexpr uint64_t size = 1000;
    on_threads(threads, (count + size - 1) / size, [](uint64_t piece) {
        std::mt19937_64 generator(piece + 1);
        for (uint64_t i = 0; i < size; ++i) { compare_reading(random_text(generator)); }
    });
}

}  // namespace

int main(int argc, char **argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    const auto argument = [&](int i) { return argc > i ? std::strtoull(argv[i], nullptr, 10) : 0; };
    const unsigned threads = argc > 3 ? unsigned(argument(3)) : std::max(1u, std::thread::hardware_concurrency());
    if (what == "vectors" && argc > 2) {
        vectors(argv[2]);
    } else if (what == "grammar") {
        grammar();
        marks();
    } else if (what == "float32" && argument(2) > 0) {
        float32(uint32_t(argument(2)), threads);
    } else if (what == "float64") {
        float64(argument(2), threads);
    } else if (what == "texts") {
        texts(argument(2), threads);
    } else {
        return 64;
    }
    std::string names;
    for (const number_text_build *build : builds()) { names += std::string(names.empty() ? "" : ", ") + build->name; }
    std::printf("%s: %llu compared by %s, %llu different\n", what.c_str(), (unsigned long long)compared.load(),
                names.c_str(), (unsigned long long)different.load());
    return different > 0 || compared == 0;
}
