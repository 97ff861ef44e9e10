// Token positions, by simdjson's stage 1.
//
// Stage 1 is used without the On-Demand front end above it, because that one does not validate what it skips, keeps
// token positions to itself and wants 64 readable bytes after the document. Stage 1 alone wants none of that, and
// leaves a grammar that Swift checks token by token.

#include "CSimdjson.h"

#include <algorithm>
#include <memory>
#include <new>

#include <simdjson.h>

struct csimdjson_index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

namespace {

/// Documents up to this size leave their index (4 bytes per byte) behind for the thread's next document.
constexpr size_t kept_capacity = 64 * 1024;

/// The smallest index that is made, so that small documents of any size share one.
constexpr size_t least_capacity = 4 * 1024;

thread_local std::unique_ptr<csimdjson_index> spare_index;

csimdjson_status prepare(csimdjson_index &index, size_t count) {
    size_t capacity = std::max(count, count <= kept_capacity ? least_capacity : size_t{0});
    if (count > least_capacity && count <= kept_capacity) { capacity = kept_capacity; }
    simdjson::error_code error = simdjson::SUCCESS;
    if (!index.parser) {
        // Depth is counted in Swift; simdjson's own stack, which stage 1 does not use, is kept minimal.
        error = simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, index.parser);
    } else if (index.parser->capacity() < count) {
        error = index.parser->set_capacity(capacity);
    }
    if (error == simdjson::CAPACITY) { return csimdjson_too_large; }
    return error ? csimdjson_out_of_memory : csimdjson_ok;
}

csimdjson_status status_of(simdjson::error_code error) {
    switch (error) {
    case simdjson::SUCCESS: return csimdjson_ok;
    case simdjson::EMPTY: return csimdjson_empty;
    case simdjson::CAPACITY: return csimdjson_too_large;
    case simdjson::MEMALLOC: return csimdjson_out_of_memory;
    case simdjson::UTF8_ERROR:
    case simdjson::UNCLOSED_STRING:
    case simdjson::UNESCAPED_CHARS: return csimdjson_malformed;
    default: return csimdjson_internal_error;
    }
}

}  // namespace

csimdjson_status csimdjson_index_create(const uint8_t *bytes, size_t count, csimdjson_index **index) noexcept {
    if (count == 0) { return csimdjson_empty; }
    if (count > UINT32_MAX - 64) { return csimdjson_too_large; }
    try {
        std::unique_ptr<csimdjson_index> made = std::move(spare_index);
        if (!made) { made = std::make_unique<csimdjson_index>(); }
        csimdjson_status status = prepare(*made, count);
        if (status == csimdjson_ok) {
            status = status_of(made->parser->stage1(bytes, count, simdjson::stage1_mode::regular));
        }
        if (status != csimdjson_ok) {
            csimdjson_index_release(made.release());
            return status;
        }
        *index = made.release();
        return csimdjson_ok;
    } catch (const std::bad_alloc &) {
        return csimdjson_out_of_memory;
    } catch (...) {
        return csimdjson_internal_error;
    }
}

void csimdjson_index_release(csimdjson_index *index) noexcept {
    std::unique_ptr<csimdjson_index> owned(index);
    if (!owned || !owned->parser || spare_index) { return; }
    const size_t capacity = owned->parser->capacity();
    if (capacity >= least_capacity && capacity <= kept_capacity) { spare_index = std::move(owned); }
}

const uint32_t *csimdjson_index_tokens(const csimdjson_index *index) noexcept {
    return index->parser->structural_indexes.get();
}

size_t csimdjson_index_count(const csimdjson_index *index) noexcept { return index->parser->n_structural_indexes; }
