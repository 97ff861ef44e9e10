#if defined(__x86_64__)

#include <stdbool.h>
#include <string.h>

static bool is_supported(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

// Only the functions from here to the pop may use AVX2 and FMA. All of them are static, so that the linker cannot use
// one in code that runs on an older processor.
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define SOFTMAX_FMA 1
#include "rows.h"
#pragma clang attribute pop

const struct softmax_kernels softmax_kernels_avx2 = {
    "avx2+fma", is_supported, run_rows, prepare_sample, jacobian_rows, jacobian_entries, are_logits, are_finite,
};

#endif
