/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Binary16 and binary32 in integer arithmetic: round to nearest, ties to even,
 * subnormals kept, overflow to infinity, signalling NaNs made quiet. These are
 * the bits that F16C gives too.
 */
#ifndef DACC_NUM_HALF_H
#define DACC_NUM_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t num_bits(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return u;
}

static inline float num_float(uint32_t u)
{
    float f;

    memcpy(&f, &u, sizeof(f));
    return f;
}

static inline float num_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exp = (h >> 10) & 0x1f;
    uint32_t frac = h & 0x3ff;

    if (exp == 0x1f) {
        return num_float(sign | 0x7f800000 | frac << 13 |
                         (frac ? 0x400000 : 0));
    }
    if (exp) {
        return num_float(sign | (exp + 112) << 23 | frac << 13);
    }
    if (frac) {
        /* Subnormal: frac * 2^-24. Shift its leading one to bit 10. */
        unsigned shift = __builtin_clz(frac) - 21;

        return num_float(sign | (113 - shift) << 23 |
                         ((frac << shift) & 0x3ff) << 13);
    }
    return num_float(sign);
}

static inline uint16_t num_float_to_half(float f)
{
    uint32_t u = num_bits(f);
    uint16_t sign = (u >> 16) & 0x8000;
    uint32_t mag = u & 0x7fffffff;
    uint32_t mant, shift, half, rest;

    if (mag > 0x7f800000) {
        return sign | 0x7e00 | ((mag >> 13) & 0x3ff);
    }
    /* 65520 and more round to infinity. */
    if (mag >= 0x477ff000) {
        return sign | 0x7c00;
    }
    if (mag >= 0x38800000) {
        /* Normal: a carry out of the fraction goes into the exponent. */
        half = (mag - 0x38000000) >> 13;
        rest = mag & 0x1fff;
        half += rest > 0x1000 || (rest == 0x1000 && (half & 1));
        return sign | half;
    }
    /* Half of the least subnormal and less rounds to zero. */
    if (mag <= 0x33000000) {
        return sign;
    }
    shift = 126 - (mag >> 23);
    mant = (mag & 0x7fffff) | 0x800000;
    half = mant >> shift;
    rest = mant & ((1u << shift) - 1);
    half += rest > 1u << (shift - 1) ||
            (rest == 1u << (shift - 1) && (half & 1));
    return sign | half;
}

#endif
