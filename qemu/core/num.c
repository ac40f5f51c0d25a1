/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numeric kernels that have one form, and the choice of a table. */
#include "num_fp.h"

#include <math.h>

#include "num.h"
#include "num_exp.h"

const NumOps *num_ops(DaccVector vector)
{
    const NumOps *avx2 = num_ops_avx2();

    if (vector == DACC_VECTOR_AVX2) {
        return avx2;
    }
    return avx2 && vector == DACC_VECTOR_AUTO ? avx2 : &num_ops_scalar;
}

uint64_t num_bytes(enum dacc_type type, uint64_t n)
{
    switch (type) {
    case DACC_TYPE_F32:
        return n * 4;
    case DACC_TYPE_F16:
    case DACC_TYPE_BF16:
        return n * 2;
    case DACC_TYPE_Q8_0:
        return n / NUM_BLOCK * NUM_Q8_0_BYTES;
    case DACC_TYPE_Q4_0:
        return n / NUM_BLOCK * NUM_Q4_0_BYTES;
    default:
        return 0;
    }
}

unsigned num_align(enum dacc_type type)
{
    return type == DACC_TYPE_F32 ? 4 : 2;
}

float num_exp(float x)
{
    float t, n, r, p;
    int32_t k, h;

    if (x != x) {
        return num_float(NUM_NAN_BITS);
    }
    x = x > NUM_EXP_MIN ? x : NUM_EXP_MIN;
    x = x < NUM_EXP_MAX ? x : NUM_EXP_MAX;
    t = x * NUM_EXP_LOG2E + NUM_EXP_MAGIC;
    n = t - NUM_EXP_MAGIC;
    r = (x - n * NUM_EXP_LN2_HI) - n * NUM_EXP_LN2_LO;
    p = NUM_EXP_C7 * r + NUM_EXP_C6;
    p = p * r + NUM_EXP_C5;
    p = p * r + NUM_EXP_C4;
    p = p * r + NUM_EXP_C3;
    p = p * r + NUM_EXP_C2;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    /* The low bits of t are n, since MAGIC's unit in the last place is 1. */
    k = (int32_t)(num_bits(t) - num_bits(NUM_EXP_MAGIC));
    h = k >> 1;
    return (p * num_float((uint32_t)(h + 127) << 23)) *
           num_float((uint32_t)(k - h + 127) << 23);
}

static void q8_0_to_float(const uint8_t *src, float *dst, uint32_t n)
{
    for (; n; n -= NUM_BLOCK, src += NUM_Q8_0_BYTES, dst += NUM_BLOCK) {
        float scale = num_half_to_float(src[0] | src[1] << 8);

        for (unsigned i = 0; i < NUM_BLOCK; i++) {
            dst[i] = num_canon(scale * (float)(int8_t)src[2 + i]);
        }
    }
}

static void q4_0_to_float(const uint8_t *src, float *dst, uint32_t n)
{
    for (; n; n -= NUM_BLOCK, src += NUM_Q4_0_BYTES, dst += NUM_BLOCK) {
        float scale = num_half_to_float(src[0] | src[1] << 8);

        for (unsigned i = 0; i < NUM_BLOCK / 2; i++) {
            int lo = src[2 + i] & 15, hi = src[2 + i] >> 4;

            dst[i] = num_canon(scale * (float)(lo - 8));
            dst[i + NUM_BLOCK / 2] = num_canon(scale * (float)(hi - 8));
        }
    }
}

void num_to_float(enum dacc_type type, const uint8_t *src, float *dst,
                  uint32_t n)
{
    switch (type) {
    case DACC_TYPE_F32:
        memcpy(dst, src, n * sizeof(float));
        break;
    case DACC_TYPE_F16:
        for (uint32_t i = 0; i < n; i++) {
            dst[i] = num_half_to_float(src[2 * i] | src[2 * i + 1] << 8);
        }
        break;
    case DACC_TYPE_BF16:
        for (uint32_t i = 0; i < n; i++) {
            dst[i] = num_float((uint32_t)src[2 * i] << 16 |
                               (uint32_t)src[2 * i + 1] << 24);
        }
        break;
    case DACC_TYPE_Q8_0:
        q8_0_to_float(src, dst, n);
        break;
    case DACC_TYPE_Q4_0:
        q4_0_to_float(src, dst, n);
        break;
    default:
        break;
    }
}

void num_scale_mul(float *dst, const float *a, float s, const float *b,
                   uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        dst[i] = num_canon(a[i] * s * b[i]);
    }
}

void num_add(float *dst, const float *a, const float *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        dst[i] = num_canon(a[i] + b[i]);
    }
}

void num_divide(float *a, uint32_t n, float by)
{
    for (uint32_t i = 0; i < n; i++) {
        a[i] /= by;
    }
}

void num_multiply(float *a, uint32_t n, float by)
{
    for (uint32_t i = 0; i < n; i++) {
        a[i] *= by;
    }
}

void num_make_canon(float *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        a[i] = num_canon(a[i]);
    }
}

void num_rope(float *dst, const float *src, const float *table, uint32_t n,
              bool neox)
{
    uint32_t step = neox ? 1 : 2, other = neox ? n / 2 : 1;

    for (uint32_t j = 0; j < n / 2; j++) {
        float c = table[2 * j], s = table[2 * j + 1];
        float x = src[j * step], y = src[j * step + other];

        dst[j * step] = num_canon(x * c - y * s);
        dst[j * step + other] = num_canon(x * s + y * c);
    }
}

float num_rms_scale(float sum, uint32_t n, float eps)
{
    return 1.0f / sqrtf(sum / (float)n + eps);
}
