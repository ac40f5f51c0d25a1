/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numeric kernels in plain C: the definition that the others are held to. */
#include "num_fp.h"

#include "num.h"
#include "num_exp.h"

static float tree(float acc[NUM_LANES])
{
    for (unsigned half = NUM_LANES / 2; half; half /= 2) {
        for (unsigned j = 0; j < half; j++) {
            acc[j] += acc[j + half];
        }
    }
    return num_canon(acc[0]);
}

/* Partial sums of up to NUM_LANES elements. */
static inline void multiply_add(float *restrict acc, const float *a,
                                const float *b, uint32_t n)
{
    if (n == NUM_LANES) {
        /* A constant count lets the compiler use what vectors it has. */
        for (uint32_t j = 0; j < NUM_LANES; j++) {
            acc[j] += a[j] * b[j];
        }
        return;
    }
    for (uint32_t j = 0; j < n; j++) {
        acc[j] += a[j] * b[j];
    }
}

/* Vectors that share the conversion of a row. */
#define VECTORS 8

static void dot_row(enum dacc_type type, const uint8_t *row, const float *x,
                    size_t x_stride, uint32_t n_x, uint32_t n, float *y,
                    size_t y_stride)
{
    float acc[VECTORS][NUM_LANES] = { 0 }, converted[NUM_BLOCK];

    for (uint32_t i = 0; i < n; i += NUM_BLOCK) {
        uint32_t part = n - i < NUM_BLOCK ? n - i : NUM_BLOCK;
        uint32_t first = part < NUM_LANES ? part : NUM_LANES;
        const float *w = converted;

        if (type == DACC_TYPE_F32) {
            w = (const float *)row + i;
        } else {
            num_to_float(type, row + num_bytes(type, i), converted, part);
        }
        for (uint32_t e = 0; e < n_x; e++) {
            const float *v = x + e * x_stride + i;

            multiply_add(acc[e], w, v, first);
            multiply_add(acc[e], w + first, v + first, part - first);
        }
    }
    for (uint32_t e = 0; e < n_x; e++) {
        y[e * y_stride] = tree(acc[e]);
    }
}

static void dot_rows(enum dacc_type type, const uint8_t *row, uint64_t stride,
                     uint32_t rows, const float *x, size_t x_stride,
                     uint32_t n_x, uint32_t n, float *y, size_t y_stride)
{
    for (uint32_t r = 0; r < rows; r++, row += stride) {
        for (uint32_t e = 0; e < n_x; e += VECTORS) {
            dot_row(type, row, x + e * x_stride, x_stride,
                    n_x - e < VECTORS ? n_x - e : VECTORS, n,
                    y + e * y_stride + r, y_stride);
        }
    }
}

static void add_rows(enum dacc_type type, const uint8_t *row, uint64_t stride,
                     uint32_t rows, const float *w, uint32_t n, float *y)
{
    float v[NUM_BLOCK];

    for (uint32_t r = 0; r < rows; r++, row += stride) {
        for (uint32_t i = 0; i < n; i += NUM_BLOCK) {
            uint32_t part = n - i < NUM_BLOCK ? n - i : NUM_BLOCK;

            num_to_float(type, row + num_bytes(type, i), v, part);
            for (uint32_t j = 0; j < part; j++) {
                float product = w[r] * v[j];

                y[i + j] += product;
            }
        }
    }
}

static float sum(const float *a, uint32_t n)
{
    float acc[NUM_LANES] = { 0 };

    for (uint32_t i = 0; i < n; i++) {
        acc[i % NUM_LANES] += a[i];
    }
    return tree(acc);
}

static float sum_squares(const float *a, uint32_t n)
{
    float y;

    dot_row(DACC_TYPE_F32, (const uint8_t *)a, a, 0, 1, n, &y, 0);
    return y;
}

static float max(const float *a, uint32_t n)
{
    float m = -__builtin_inff();

    for (uint32_t i = 0; i < n; i++) {
        m = a[i] > m ? a[i] : m;
    }
    return m;
}

static void exp_sub(float *a, uint32_t n, float sub)
{
    for (uint32_t i = 0; i < n; i++) {
        a[i] = num_exp(a[i] - sub);
    }
}

static void swiglu(float *dst, const float *a, const float *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        dst[i] = num_canon(a[i] / (1.0f + num_exp(-a[i])) * b[i]);
    }
}

static void to_half(uint16_t *dst, const float *src, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        dst[i] = num_float_to_half(src[i]);
    }
}

const NumOps num_ops_scalar = {
    .name = "scalar",
    .dot_rows = dot_rows,
    .add_rows = add_rows,
    .sum = sum,
    .sum_squares = sum_squares,
    .max = max,
    .exp_sub = exp_sub,
    .swiglu = swiglu,
    .to_half = to_half,
};
