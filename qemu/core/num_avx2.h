/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the AVX2 files; nothing else includes it. */
#ifndef DACC_NUM_AVX2_H
#define DACC_NUM_AVX2_H

#if defined(__x86_64__) && defined(__GNUC__)
#define NUM_HAVE_AVX2

#include <cpuid.h>
#include <immintrin.h>

#include "num.h"

/* By function, so that the file needs no compiler flags of its own. */
#define AVX2 __attribute__((target("avx2,f16c")))

void num_avx2_dot_rows(enum dacc_type type, const uint8_t *row,
                       uint64_t stride, uint32_t rows, const float *x,
                       size_t x_stride, uint32_t n_x, uint32_t n, float *y,
                       size_t y_stride);

/* Partial sums j and j + 8, then j and j + 4, j + 2, j + 1. */
AVX2 static inline float num_avx2_tree(__m256 lo, __m256 hi)
{
    __m256 s8 = _mm256_add_ps(lo, hi);
    __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8),
                           _mm256_extractf128_ps(s8, 1));
    __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));

    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}

/* Not every compiler's __builtin_cpu_supports() knows "f16c". */
static inline bool num_avx2_has_f16c(void)
{
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

#endif
#endif
