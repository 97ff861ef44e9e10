// Numbers <-> text: float64 and float32 read from JSON and printed as JSON, rounded once, at the speed of the wire.
//
// Which documents are acceptable, and what an error says, is decided in Swift. No function throws, allocates, or reads
// outside the bytes it is given. Every function has the same result whatever the processor is: only its speed differs.

#ifndef C_NUMBER_TEXT_H
#define C_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define NUMBER_TEXT_NOEXCEPT noexcept
extern "C" {
#else
#define NUMBER_TEXT_NOEXCEPT
#endif

#pragma clang assume_nonnull begin

/// The binary format a number is rounded to or printed from: IEEE 754 binary64 or binary32.
typedef enum number_text_format { number_text_binary64 = 0, number_text_binary32 = 1 } number_text_format;

enum {
    /// Bytes that one printed number and the comma after it take at most.
    number_text_size = 25,
    /// Bytes that have to be free behind the last number printed.
    number_text_slack = 64,
};

/// Prints `count` numbers with commas between them, each as the shortest text that reads back to the same value of the
/// format, laid out as std::to_chars does; -infinity as the string "-Infinity".
///
/// `text` has room for count * number_text_size + number_text_slack bytes; what stands behind the text printed is
/// overwritten with anything. Returns the bytes printed, or -1 where there is a NaN or +infinity, which JSON cannot say.
ptrdiff_t number_text_print(
    const void *numbers, size_t count, number_text_format format, uint8_t *text) NUMBER_TEXT_NOEXCEPT;

/// What reading numbers from text came to.
typedef struct number_text_result {
    /// Numbers read.
    size_t numbers;
    /// The bytes they took; 0 where the text is anything else than what was asked for.
    size_t bytes;
} number_text_result;

/// Reads `number (, number)*` with any white space up to a "]", which is left, or to the text's end, into `numbers`: RFC 8259
/// section 6, each rounded once from its decimal text to the nearest value of the format, ties to even; one too small becomes a subnormal
/// or zero of its sign. With `infinities` the string "-Infinity", written without escapes, is a number as well.
///
/// Reads nothing where a number is malformed or too large for the format, where there are none or more than `room`.
number_text_result number_text_read(
    const uint8_t *text, size_t count, number_text_format format, bool infinities, void *numbers,
    size_t room) NUMBER_TEXT_NOEXCEPT;

/// Finds brackets and commas: of the 64 bytes of each block, bit i of `brackets` says whether byte i is "[" or "]", bit i of
/// `commas` whether it is ",". `text` has `blocks` * 64 bytes.
void number_text_mark(
    const uint8_t *text, size_t blocks, uint64_t *brackets, uint64_t *commas) NUMBER_TEXT_NOEXCEPT;

/// Reads the number that a text begins with, rounded once to float64; returns the bytes it takes.
///
/// 0 where the text begins with no well-formed number or with one that is too large.
size_t number_text_read_one(const uint8_t *text, size_t count, double *number) NUMBER_TEXT_NOEXCEPT;

/// A document and where its tokens begin.
typedef struct number_text_tokens {
    const uint8_t *bytes;
    size_t byte_count;
    /// Ascending, `count` of them, and `byte_count` after them.
    const uint32_t *offsets;
    size_t count;
} number_text_tokens;

/// How many numbers, joined by commas, stand from the token `first` on: at most `limit`.
///
/// Looks at the tokens' first bytes only. A run of n numbers takes 2n - 1 tokens: a comma belongs to it only if another
/// number follows.
size_t number_text_count(const number_text_tokens *tokens, size_t first, size_t limit) NUMBER_TEXT_NOEXCEPT;

/// Checks all numbers among the tokens up to `end` against RFC 8259 section 6, and that nothing but white
/// space stands between each and the next token.
///
/// Returns the offset of the first byte that breaks the grammar, -1 where none does.
ptrdiff_t number_text_check(const number_text_tokens *tokens, size_t end) NUMBER_TEXT_NOEXCEPT;

/// What a run of numbers came to.
typedef struct number_text_run {
    /// Representable numbers at the start of the run.
    size_t numbers;
    /// Whether the run ended at a number that is too large for its format.
    bool failed;
} number_text_run;

/// Converts `number (, number)*` from the token `first` on, at most `limit` numbers, into `numbers`, rounded as
/// number_text_read does it. All have passed number_text_check.
number_text_run number_text_convert(
    const number_text_tokens *tokens, size_t first, size_t limit, number_text_format format,
    void *numbers) NUMBER_TEXT_NOEXCEPT;

/// Those of the functions above that are built for each instruction set.
typedef struct number_text_build {
    const char *name;
    /// Whether this processor has the instructions.
    bool (*is_supported)(void);
    ptrdiff_t (*print)(const void *numbers, size_t count, number_text_format format, uint8_t *text);
    number_text_result (*read)(
        const uint8_t *text, size_t count, number_text_format format, bool infinities, void *numbers, size_t room);
    size_t (*read_one)(const uint8_t *text, size_t count, double *number);
    void (*mark)(const uint8_t *text, size_t blocks, uint64_t *brackets, uint64_t *commas);
} number_text_build;

/// All builds, the one for the fewest processors last; nothing beyond them. The functions above are the last supported.
const number_text_build *_Nullable number_text_build_at(size_t index) NUMBER_TEXT_NOEXCEPT;

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
#endif
