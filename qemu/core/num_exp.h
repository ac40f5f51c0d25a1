/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DACC_NUM_EXP_H
#define DACC_NUM_EXP_H

#include "num_half.h"

/*
 * The device's exp(x). All arithmetic is binary32, round to nearest even, each
 * operation rounded by itself (no fused multiply-add):
 *
 *   if x is NaN, the result is the NaN 0x7fc00000
 *   x = min(max(x, -104), 89)
 *   t = x * LOG2E + MAGIC;  n = t - MAGIC           (x / ln 2, to an integer)
 *   r = (x - n * LN2_HI) - n * LN2_LO               (|r| <= ln 2 / 2)
 *   p = ((((((C7 * r + C6) * r + C5) * r + C4) * r + C3) * r + C2) * r + 1) * r
 *       + 1                                         (Ck = 1 / k!)
 *   h = n >> 1 (arithmetic shift)
 *   result = (p * 2^h) * 2^(n - h)
 *
 * n * LN2_HI is exact since LN2_HI has 16 significant bits. The two powers of
 * two are normal numbers, so overflow to infinity, subnormal results and zero
 * come out of the last multiplication, rounded once. The error is below 1.5
 * units in the last place.
 */
#define NUM_EXP_MIN     -104.0f
#define NUM_EXP_MAX     89.0f
#define NUM_EXP_LOG2E   0x1.715476p+0f
#define NUM_EXP_MAGIC   0x1.8p+23f
#define NUM_EXP_LN2_HI  0x1.62e4p-1f
#define NUM_EXP_LN2_LO  0x1.7f7d1cp-20f
#define NUM_EXP_C7      0x1.a01a02p-13f
#define NUM_EXP_C6      0x1.6c16c2p-10f
#define NUM_EXP_C5      0x1.111112p-7f
#define NUM_EXP_C4      0x1.555556p-5f
#define NUM_EXP_C3      0x1.555556p-3f
#define NUM_EXP_C2      0x1p-1f

/* The one NaN that arithmetic instructions produce. */
#define NUM_NAN_BITS    0x7fc00000u

static inline float num_canon(float x)
{
    return x == x ? x : num_float(NUM_NAN_BITS);
}

/* Scalar form; num_avx2.c has the same steps eight at a time. */
float num_exp(float x);

#endif
