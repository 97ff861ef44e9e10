// The builds, and the one that this processor is served by.

#include "CNumberText.h"

#include <cmath>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "lanes.h"
#include "layout.h"
#include "powers_of_ten.h"
#include "rare.h"

namespace number_text {
namespace {

INLINE void store(char *at, uint64_t eight) { std::memcpy(at, &eight, 8); }

namespace baseline {
bool is_supported() { return true; }
#include "build.h"
}  // namespace baseline

#if defined(__x86_64__)
#define NUMBER_TEXT_AVX2 1

// Only the functions from here to the pop may use the newer instructions, and all of them are internal to this file:
// nothing built for a newer processor can be linked into code that runs on an older one.
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt"))), apply_to = function)
namespace avx2 {
#include "build.h"
}  // namespace avx2
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,bmi,bmi2,lzcnt"))), \
    apply_to = function)
namespace avx512 {
#include "build.h"
}  // namespace avx512
#pragma clang attribute pop

bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
        && __builtin_cpu_supports("lzcnt");
}

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}
#endif

constexpr number_text_build builds[] = {
    {"baseline", baseline::is_supported, baseline::print_text, baseline::read_text, baseline::read_one, baseline::mark},
#if defined(__x86_64__)
    {"avx2", has_avx2, avx2::print_text, avx2::read_text, avx2::read_one, avx2::mark},
    {"avx512", has_avx512, avx512::print_text, avx512::read_text, avx512::read_one, avx512::mark},
#endif
};

const number_text_build *chosen() {
    const number_text_build *best = builds;
    for (const number_text_build &build : builds) {
        if (build.is_supported()) { best = &build; }
    }
    return best;
}

const number_text_build *const best = chosen();

/// Converts well-formed numbers among tokens: see number_text_convert.
template <typename Number>
number_text_run convert_run(const number_text_tokens &tokens, size_t first, size_t limit, Number *numbers) {
    number_text_run run{0, false};
    for (size_t token = first; token < tokens.count && run.numbers < limit; token += 2) {
        const uint8_t *const at = tokens.bytes + tokens.offsets[token];
        const uint8_t *const next = tokens.bytes + tokens.offsets[token + 1];
        if (!begins_number(*at)) { break; }
        if (!convert(at, next, numbers[run.numbers])) {
            run.failed = true;
            break;
        }
        ++run.numbers;
        if (token + 1 >= tokens.count || *next != ',') { break; }
    }
    return run;
}

}  // namespace
}  // namespace number_text

using namespace number_text;

ptrdiff_t number_text_print(const void *numbers, size_t count, number_text_format format, uint8_t *text) noexcept {
    return best->print(numbers, count, format, text);
}

number_text_result number_text_read(
    const uint8_t *text, size_t count, number_text_format format, bool infinities, void *numbers,
    size_t room) noexcept {
    return best->read(text, count, format, infinities, numbers, room);
}

size_t number_text_read_one(const uint8_t *text, size_t count, double *number) noexcept {
    return best->read_one(text, count, number);
}

void number_text_mark(const uint8_t *text, size_t blocks, uint64_t *brackets, uint64_t *commas) noexcept {
    best->mark(text, blocks, brackets, commas);
}

size_t number_text_count(const number_text_tokens *tokens, size_t first, size_t limit) noexcept {
    const uint8_t *bytes = tokens->bytes;
    size_t numbers = 0;
    for (size_t token = first;
         token < tokens->count && numbers < limit && begins_number(bytes[tokens->offsets[token]]); token += 2) {
        ++numbers;
        if (token + 1 >= tokens->count || bytes[tokens->offsets[token + 1]] != ',') { break; }
    }
    return numbers;
}

ptrdiff_t number_text_check(const number_text_tokens *tokens, size_t end) noexcept {
    const uint8_t *const document_end = tokens->bytes + tokens->byte_count;
    for (size_t token = 0; token < end && token < tokens->count; ++token) {
        const uint8_t *at = tokens->bytes + tokens->offsets[token];
        if (!begins_number(*at)) { continue; }
        const uint8_t *const next = tokens->bytes + tokens->offsets[token + 1];
        if (!number_end(at, document_end)) { return at - tokens->bytes; }
        at = skip_white_space(at, next);
        if (at < next) { return at - tokens->bytes; }
    }
    return -1;
}

number_text_run number_text_convert(
    const number_text_tokens *tokens, size_t first, size_t limit, number_text_format format,
    void *numbers) noexcept {
    return format == number_text_binary64 ? convert_run(*tokens, first, limit, static_cast<double *>(numbers))
                                          : convert_run(*tokens, first, limit, static_cast<float *>(numbers));
}

const number_text_build *number_text_build_at(size_t index) noexcept {
    return index < sizeof builds / sizeof builds[0] ? &builds[index] : nullptr;
}
