/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract's arithmetic, written down a second time in the plainest way. The
 * volatile variables keep the compiler from any other order or precision.
 */
#ifndef DACC_TEST_PLAIN_H
#define DACC_TEST_PLAIN_H

#include <string.h>

#include "num.h"
#include "num_exp.h"
#include "num_half.h"
#include "random.h"

/* Element i of a row, from the contract's words. */
__attribute__((unused)) static float element(enum dacc_type type, const uint8_t *row, uint32_t i)
{
	const uint8_t *block;
	uint16_t h;
	uint32_t u;
	float f;
	int nibble;

	switch (type) {
	case DACC_TYPE_F32:
		memcpy(&f, row + 4 * i, 4);
		return f;
	case DACC_TYPE_F16:
		memcpy(&h, row + 2 * i, 2);
		return num_half_to_float(h);
	case DACC_TYPE_BF16:
		memcpy(&h, row + 2 * i, 2);
		u = (uint32_t)h << 16;
		memcpy(&f, &u, 4);
		return f;
	case DACC_TYPE_Q8_0:
		block = row + i / 32 * 34;
		memcpy(&h, block, 2);
		return num_half_to_float(h) * (float)(int8_t)block[2 + i % 32];
	default:
		block = row + i / 32 * 18;
		memcpy(&h, block, 2);
		nibble = i % 32 < 16 ? block[2 + i % 16] & 15 : block[2 + i % 16] >> 4;
		return num_half_to_float(h) * (float)(nibble - 8);
	}
}

__attribute__((unused)) static uint32_t plain_dot(enum dacc_type type, const uint8_t *row,
						  const float *x, uint32_t n)
{
	volatile float s[16] = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		volatile float product = element(type, row, i) * x[i];

		s[i % 16] += product;
	}
	for (int j = 0; j < 8; j++)
		s[j] += s[j + 8];
	for (int j = 0; j < 4; j++)
		s[j] += s[j + 4];
	for (int j = 0; j < 2; j++)
		s[j] += s[j + 2];
	s[0] += s[1];
	return s[0] == s[0] ? num_bits(s[0]) : NUM_NAN_BITS;
}

/* Sums of f32 arrays in the contract's order. */
__attribute__((unused)) static float plain_sum(const float *v, uint32_t n)
{
	static float ones[1u << 20];

	if (ones[0] == 0.0f)
		for (size_t i = 0; i < sizeof(ones) / sizeof(*ones); i++)
			ones[i] = 1.0f;
	return num_float(plain_dot(DACC_TYPE_F32, (const uint8_t *)v, ones, n));
}

__attribute__((unused)) static void random_rows(enum dacc_type type, uint8_t *rows, uint64_t bytes)
{
	if (type == DACC_TYPE_F32) {
		random_floats((float *)rows, bytes / 4);
		return;
	}
	random_bytes(rows, bytes);
	/* Finite values of a middle size: exponent bits 01xxx or so. */
	if (type == DACC_TYPE_F16 || type == DACC_TYPE_BF16)
		for (uint64_t i = 1; i < bytes; i += 2)
			rows[i] = (rows[i] & 0x83) | 0x3c;
	else
		for (uint64_t i = 0; i < bytes; i += type == DACC_TYPE_Q8_0 ? 34 : 18)
			rows[i + 1] = (rows[i + 1] & 0x83) | 0x28;
}

#endif
