#include "CSoftmaxKernels.h"

#include <math.h>

#include "sizes.h"

#if defined(__x86_64__)
extern const struct softmax_kernels softmax_kernels_avx2;
#endif

static const struct softmax_kernels *const all_kernels[] = {
    &softmax_kernels_baseline,
#if defined(__x86_64__)
    &softmax_kernels_avx2,
#endif
};

int64_t softmax_scratch_count(int64_t classes) { return 4 * tile_count(classes); }

int64_t softmax_probability_count(int64_t classes, double temperature) {
    int exponent;
    frexp(temperature, &exponent);  // for a fraction in 0.5 ..< 1
    return (is_cold_exponent(exponent - 1) ? 3 : 2) * whole_lanes(classes);
}

const struct softmax_kernels *softmax_kernels_at(int64_t index) {
    int64_t count = sizeof all_kernels / sizeof all_kernels[0];
    return index >= 0 && index < count ? all_kernels[index] : NULL;
}
