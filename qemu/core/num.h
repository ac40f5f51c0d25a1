/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numeric kernels. There is one table of them for each kind of vector unit; all
 * give the same bits. Sums are formed as uapi/dacc_hw.h says: element i goes to
 * partial sum i mod 16, multiply and add rounded separately, and the 16 are
 * added as a tree. A NaN result is always NUM_NAN_BITS.
 *
 * Pointers to weights and KV rows need no alignment beyond the element's.
 */
#ifndef DACC_NUM_H
#define DACC_NUM_H

#include "core.h"

#define NUM_LANES   16
#define NUM_BLOCK   32      /* elements of a Q8_0 or Q4_0 block */
#define NUM_Q8_0_BYTES 34
#define NUM_Q4_0_BYTES 18

typedef struct NumOps {
    const char *name;
    /*
     * y[e * y_stride + r] = row r . x[e], for rows of @n elements of @type that
     * lie @stride bytes apart.
     */
    void (*dot_rows)(enum dacc_type type, const uint8_t *row, uint64_t stride,
                     uint32_t rows, const float *x, size_t x_stride,
                     uint32_t n_x, uint32_t n, float *y, size_t y_stride);
    /*
     * y[i] += w[r] * row r [i], in rising order of r for each i. F32 and F16.
     * Does not make NaNs canonical: it is called for one row set after another.
     */
    void (*add_rows)(enum dacc_type type, const uint8_t *row, uint64_t stride,
                     uint32_t rows, const float *w, uint32_t n, float *y);
    float (*sum)(const float *a, uint32_t n);
    float (*sum_squares)(const float *a, uint32_t n);
    /* Largest element, NaNs left out; -infinity if there is none. */
    float (*max)(const float *a, uint32_t n);
    /* a[i] = exp(a[i] - sub) */
    void (*exp_sub)(float *a, uint32_t n, float sub);
    /* dst[i] = a[i] / (1 + exp(-a[i])) * b[i]; dst may be a or b. */
    void (*swiglu)(float *dst, const float *a, const float *b, uint32_t n);
    void (*to_half)(uint16_t *dst, const float *src, uint32_t n);
} NumOps;

/*
 * AVX2 where the host has it and @vector allows it. NULL: DACC_VECTOR_AVX2 on a
 * host without.
 */
#define NUM_NO_AVX2 "vector=avx2: the host's processor lacks AVX2 or F16C; " \
                    "vector=auto gives the same results"
const NumOps *num_ops(DaccVector vector);
extern const NumOps num_ops_scalar;
/* NULL if the host's processor lacks AVX2 or F16C. */
const NumOps *num_ops_avx2(void);

/* Bytes of @n elements; for block types @n is a multiple of NUM_BLOCK. */
uint64_t num_bytes(enum dacc_type type, uint64_t n);
/* Alignment that an array of the type needs. */
unsigned num_align(enum dacc_type type);

/* What follows is plain C in every table. */
void num_to_float(enum dacc_type type, const uint8_t *src, float *dst,
                  uint32_t n);
/* dst[i] = a[i] * s * b[i]; dst may be a or b. */
void num_scale_mul(float *dst, const float *a, float s, const float *b,
                   uint32_t n);
void num_add(float *dst, const float *a, const float *b, uint32_t n);
void num_divide(float *a, uint32_t n, float by);
void num_multiply(float *a, uint32_t n, float by);
void num_make_canon(float *a, uint32_t n);
/*
 * Rotates one head of @n elements by n / 2 pairs (cos, sin). @neox: pair j is
 * (j, j + n / 2), else (2j, 2j + 1). dst may be src.
 */
void num_rope(float *dst, const float *src, const float *table, uint32_t n,
              bool neox);
/* 1 / sqrt(sum / n + eps) */
float num_rms_scale(float sum, uint32_t n, float eps);

#endif
