/* SPDX-License-Identifier: GPL-2.0 */
/* Reproducible random data. */
#ifndef DACC_TEST_RANDOM_H
#define DACC_TEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static uint64_t random_state = 88172645463325252ull;

__attribute__((unused)) static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

__attribute__((unused)) static uint32_t random_below(uint32_t n)
{
	return (random_u64() >> 32) % n;
}

/* In [-2, 2). */
__attribute__((unused)) static float random_float(void)
{
	return (float)(int32_t)(random_u64() >> 32) / 1073741824.0f;
}

__attribute__((unused)) static void random_floats(float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = random_float();
}

__attribute__((unused)) static void random_bytes(void *buf, size_t n)
{
	uint8_t *b = buf;

	for (size_t i = 0; i < n; i++)
		b[i] = random_u64() >> 56;
}

#endif
