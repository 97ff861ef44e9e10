// Bytes <-> numbers and token positions: the part of JSON that Swift leaves to libsimdjson, <charconv> and Dragonbox.
//
// What is where:
//   csimdjson_index_*    the positions of all tokens of a document (simdjson's stage 1)
//   csimdjson_numbers_*  runs of numbers among those tokens: grammar check, conversion; printing
//   csimdjson_text_*     numbers where they stand in the text, without an index: grammar and conversion in one go
//
// Which documents are acceptable, and what an error says, is decided in Swift. No function throws; none reads
// outside [bytes, bytes + count).

#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define CSIMDJSON_NOEXCEPT noexcept
extern "C" {
#else
#define CSIMDJSON_NOEXCEPT
#endif

#pragma clang assume_nonnull begin

/// The token positions of one document. Owns its memory; a small one is kept for the thread's next document.
typedef struct csimdjson_index csimdjson_index;

/// Why a document has no index.
typedef enum csimdjson_status {
    csimdjson_ok = 0,
    /// Not UTF-8, a string that never ends, or a control character inside a string.
    csimdjson_malformed = 1,
    /// Nothing but white space.
    csimdjson_empty = 2,
    /// Longer than 4 GiB.
    csimdjson_too_large = 3,
    csimdjson_out_of_memory = 4,
    csimdjson_internal_error = 5,
} csimdjson_status;

/// Finds the first byte of every token outside strings: structural characters, strings, and scalars.
///
/// Done when this returns csimdjson_ok: the bytes are UTF-8, every string is closed and free of control characters.
/// Left to the caller: everything between the tokens' first bytes, and their order.
/// `*index` is set only on success and goes back through csimdjson_index_release, on any thread.
csimdjson_status csimdjson_index_create(
    const uint8_t *bytes, size_t count, csimdjson_index *_Nullable *_Nonnull index) CSIMDJSON_NOEXCEPT;

void csimdjson_index_release(csimdjson_index *index) CSIMDJSON_NOEXCEPT;

/// Ascending byte offsets, csimdjson_index_count of them, followed by one more equal to the document's length.
const uint32_t *csimdjson_index_tokens(const csimdjson_index *index) CSIMDJSON_NOEXCEPT;
size_t csimdjson_index_count(const csimdjson_index *index) CSIMDJSON_NOEXCEPT;

/// A document and its tokens, as csimdjson_index_create found them.
typedef struct csimdjson_document {
    const uint8_t *bytes;
    size_t byte_count;
    /// `token_count` offsets and the sentinel after them.
    const uint32_t *tokens;
    size_t token_count;
} csimdjson_document;

/// The binary format a number is rounded to or printed from.
typedef enum csimdjson_format { csimdjson_binary64 = 0, csimdjson_binary32 = 1 } csimdjson_format;

/// How many numbers, joined by commas, stand from the token `first` on: at most `limit`.
///
/// Looks at the tokens' first bytes only. A run of n numbers takes 2n - 1 tokens: a comma belongs to it only if another
/// number follows.
size_t csimdjson_numbers_count(const csimdjson_document *document, size_t first, size_t limit) CSIMDJSON_NOEXCEPT;

/// Checks all numbers among the tokens from `first` up to `end` against RFC 8259 section 6, and that nothing but white
/// space stands between each and the next token. Independent of all other tokens.
///
/// Returns the offset of the first byte that breaks the grammar, -1 where none does.
ptrdiff_t csimdjson_numbers_check(const csimdjson_document *document, size_t first, size_t end) CSIMDJSON_NOEXCEPT;

/// What a run of numbers came to.
typedef struct csimdjson_run {
    /// Representable numbers at the start of the run.
    size_t numbers;
    /// Whether the run ended at a number that is too large for its format.
    bool failed;
} csimdjson_run;

/// Converts `number (, number)*` from the token `first` on, at most `limit` numbers, into `numbers`. All have passed
/// csimdjson_numbers_check.
///
/// Each number is rounded once, from its decimal text, to the nearest value of the format, ties to even; one too
/// small becomes a subnormal or zero of its sign.
csimdjson_run csimdjson_numbers_parse(
    const csimdjson_document *document, size_t first, size_t limit, csimdjson_format format,
    void *numbers) CSIMDJSON_NOEXCEPT;

/// What reading numbers from text came to.
typedef struct csimdjson_read {
    /// Numbers read.
    size_t numbers;
    /// The bytes they took; 0 where the text is anything else than what was asked for.
    size_t bytes;
} csimdjson_read;

/// Reads the number that a text begins with, rounded once to float64; returns the bytes it takes.
///
/// 0 where the text begins with no well-formed number or with one that is too large.
size_t csimdjson_text_number(const uint8_t *text, size_t count, double *number) CSIMDJSON_NOEXCEPT;

/// Reads `number (, number)*` with any white space up to a "]", which is left, into `numbers`: RFC 8259 section 6, each
/// rounded once as csimdjson_numbers_parse does it. With `infinities` the string "-Infinity", written without escapes,
/// is a number as well.
///
/// Reads nothing where a number is malformed or too large for the format, where there are none or more than `room`.
csimdjson_read csimdjson_text_numbers(
    const uint8_t *text, size_t count, csimdjson_format format, bool infinities, void *numbers,
    size_t room) CSIMDJSON_NOEXCEPT;

/// Room one printed number and its comma may take, in bytes.
enum { csimdjson_printed_number_size = 25 };

/// Prints `count` numbers of the format, comma-separated, each as the shortest text that reads back to the same
/// value; -infinity as the string "-Infinity".
///
/// `text` has room for count * csimdjson_printed_number_size bytes. Returns the bytes written, or -1 if there
/// is a NaN or +infinity, which JSON cannot say.
ptrdiff_t csimdjson_numbers_print(
    const void *numbers, size_t count, csimdjson_format format, uint8_t *text) CSIMDJSON_NOEXCEPT;

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
#endif
