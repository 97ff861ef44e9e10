/// The row kernels of SoftmaxCore: float64 pair arithmetic over eight lanes.
///
/// The same source (rows.h and its includes) is compiled twice on x86-64, for the baseline and for AVX2+FMA, and once
/// on other processors. Both builds return the same bits. SoftmaxCore checks all arguments; the kernels check none.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The result that a kernel computes for each row.
enum softmax_operation {
    SOFTMAX_EVALUATE = 0,  ///< y, or log y.
    SOFTMAX_VJP = 1,       ///< The cotangent times the Jacobian.
    SOFTMAX_JVP = 2,       ///< The Jacobian times the tangent.
    SOFTMAX_DIAGONAL = 3,  ///< The diagonal of the Jacobian.
    SOFTMAX_FACTORS = 4,   ///< y into `output` and 1 - y into `complements`.
};

/// A batch of rows of equal length, row-major, in float64 or float32.
struct softmax_batch {
    const void *_Nonnull logits;
    const void *_Nullable vector;  ///< Cotangents or tangents, shaped like `logits`.
    void *_Nonnull output;         ///< Shaped like `logits`.
    void *_Nullable complements;   ///< Shaped like `logits`; SOFTMAX_FACTORS only.
    double *_Nonnull scratch;      ///< `softmax_scratch_count(classes)` numbers, 64-byte alignment not required.
    int64_t rows;
    int64_t classes;
    double temperature;
    bool is_single;       ///< float32 instead of float64.
    bool is_logarithmic;  ///< log-softmax instead of softmax.
};

/// One sample, prepared for computing any entries of its Jacobian.
///
/// `probabilities` holds y as pairs in `softmax_probability_count(classes, temperature)` numbers: the high parts, the
/// low parts and, at a temperature below 2^-400, the exponents (the bits of an int64_t). At other temperatures all of
/// them are scaled by 2^600.
struct softmax_sample {
    double *_Nonnull probabilities;
    int64_t classes;
    int64_t argmax;
    double complement_high, complement_low;  ///< 1 - y of the argmax, times 2^-complement_exponent.
    int64_t complement_exponent;
    double scale_high, scale_low;            ///< 1 / temperature, without its power of two.
    int64_t scale_exponent;
    bool is_single;
    bool is_logarithmic;
};

/// One position in a Jacobian: the derivative of output class `output` by the logit of class `input`.
struct softmax_entry {
    int64_t output;
    int64_t input;
};

/// One build of the kernels.
struct softmax_kernels {
    const char *_Nonnull name;
    /// Whether this processor can run the build.
    bool (*_Nonnull is_supported)(void);
    /// Computes `operation` for every row of the batch.
    void (*_Nonnull rows)(const struct softmax_batch *_Nonnull batch, enum softmax_operation operation);
    /// Fills `sample` from the batch's first row; `sample->probabilities` is set by the caller.
    void (*_Nonnull prepare)(const struct softmax_batch *_Nonnull batch, struct softmax_sample *_Nonnull sample);
    /// Writes rows `first ..< first + count` of the sample's Jacobian, `classes` numbers each.
    void (*_Nonnull jacobian)(
        const struct softmax_sample *_Nonnull sample, int64_t first, int64_t count, void *_Nonnull output);
    /// Writes the `count` requested entries of the sample's Jacobian.
    void (*_Nonnull entries)(
        const struct softmax_sample *_Nonnull sample, const struct softmax_entry *_Nonnull entries, int64_t count,
        void *_Nonnull output);
    /// Whether no number is NaN or +infinity and every row holds a finite one.
    bool (*_Nonnull are_logits)(const void *_Nonnull logits, int64_t rows, int64_t classes, bool is_single);
    /// Whether every number is finite.
    bool (*_Nonnull are_finite)(const void *_Nonnull numbers, int64_t count, bool is_single);
};

/// The numbers of scratch that a batch with this many classes needs, for any number of rows.
int64_t softmax_scratch_count(int64_t classes);

/// The numbers that `softmax_sample.probabilities` must hold.
int64_t softmax_probability_count(int64_t classes, double temperature);

/// The build for every processor.
extern const struct softmax_kernels softmax_kernels_baseline;

/// The builds in this binary, slowest first; NULL after the last one.
const struct softmax_kernels *_Nullable softmax_kernels_at(int64_t index);
