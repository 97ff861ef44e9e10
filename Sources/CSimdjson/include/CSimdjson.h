// The positions of all tokens of a JSON document, by libsimdjson (its stage 1).
//
// Which documents are acceptable, and what an error says, is decided in Swift. No function throws; none reads outside
// [bytes, bytes + count).

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

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
#endif
