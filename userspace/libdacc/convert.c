// SPDX-License-Identifier: MIT
/* Conversion of weights from f32. */
#include <math.h>
#include <string.h>

#include "internal.h"

#define Q8_0_BLOCK 32
#define Q8_0_BYTES 34

/* Bytes of a row; cols is a multiple of 32 for Q8_0. */
uint64_t dacc_row_bytes(enum dacc_type type, uint32_t cols)
{
	switch (type) {
	case DACC_TYPE_F16:
		return 2ull * cols;
	case DACC_TYPE_Q8_0:
		return (uint64_t)(cols / Q8_0_BLOCK) * Q8_0_BYTES;
	default:
		return 4ull * cols;
	}
}

/* Rounds to nearest, ties to even; too large becomes infinite. */
uint16_t dacc_f32_to_f16(float f)
{
	uint32_t x, sign, mant, half, rest, shift;
	int exp;

	memcpy(&x, &f, sizeof(x));
	sign = x >> 16 & 0x8000;
	exp = (int)(x >> 23 & 0xff) - 127;
	mant = x & 0x7fffff;
	if (exp == 128)
		return sign | 0x7c00 | (mant ? 0x200 : 0);
	if (exp > 15)
		return sign | 0x7c00;
	if (exp < -25)
		return sign;
	if (exp < -14) {
		/* subnormal */
		mant |= 0x800000;
		shift = -exp - 1;
		half = 0;
	} else {
		shift = 13;
		half = (uint32_t)(exp + 15) << 10;
	}
	rest = mant & ((1u << shift) - 1);
	half += mant >> shift;
	/* A carry out of the mantissa runs into the exponent, as it should. */
	if (rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && half & 1))
		half++;
	return sign | half;
}

static float f16_to_f32(uint16_t h)
{
	int exp = h >> 10 & 0x1f;
	float mant = h & 0x3ff, v;

	if (exp == 31)
		v = mant ? NAN : INFINITY;
	else if (exp)
		v = ldexpf(mant + 1024, exp - 25);
	else
		v = ldexpf(mant, -24);
	return h & 0x8000 ? -v : v;
}

static void convert_q8_0(const float *src, unsigned char *dst)
{
	float largest = 0, scale, inverse;
	uint16_t half;

	for (int i = 0; i < Q8_0_BLOCK; i++)
		largest = fmaxf(largest, fabsf(src[i]));
	half = dacc_f32_to_f16(largest / 127);
	scale = f16_to_f32(half);
	inverse = scale != 0 ? 1 / scale : 0;
	memcpy(dst, &half, sizeof(half));
	for (int i = 0; i < Q8_0_BLOCK; i++) {
		/* The scale was rounded, so the largest may come to a little over 127. */
		float q = fminf(fmaxf(roundf(src[i] * inverse), -127), 127);

		dst[2 + i] = (signed char)q;
	}
}

void dacc_convert_row(enum dacc_type type, const float *src, uint32_t cols, void *dst)
{
	uint16_t half;

	switch (type) {
	case DACC_TYPE_F16:
		for (uint32_t i = 0; i < cols; i++) {
			half = dacc_f32_to_f16(src[i]);
			memcpy((char *)dst + 2ull * i, &half, sizeof(half));
		}
		break;
	case DACC_TYPE_Q8_0:
		for (uint32_t i = 0; i < cols / Q8_0_BLOCK; i++)
			convert_q8_0(src + (uint64_t)i * Q8_0_BLOCK,
				     (unsigned char *)dst + (uint64_t)i * Q8_0_BYTES);
		break;
	default:
		memcpy(dst, src, 4ull * cols);
	}
}
