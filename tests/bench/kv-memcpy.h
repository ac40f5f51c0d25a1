/* SPDX-License-Identifier: GPL-2.0 */
/* The cases of the KV transfer benchmark, for the guest's program and the host's. */
#ifndef KV_MEMCPY_H
#define KV_MEMCPY_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* As large as what the chip's SRAM has room for: more than any cache of one core. */
#define SRC_BYTES (32ull << 20)
#define DST_BYTES (32ull << 20)
/*
 * The port between the two. "c BLOCK N\n" has the host copy, "d\n" asks for what the
 * device's threads have run; the answer is nanoseconds of processor time.
 */
#define KV_PORT   "kv-memcpy"

struct kv_case {
	uint32_t block;
	uint32_t n;
};

static const struct kv_case kv_cases[] = {
	{ 256, 1 },       { 256, 100 },      { 256, 10000 },   { 256, 100000 },  { 4096, 1 },
	{ 4096, 10 },     { 4096, 100 },     { 4096, 1000 },   { 4096, 10000 },  { 4096, 100000 },
	{ 16384, 1 },     { 16384, 100 },    { 16384, 1000 },  { 16384, 10000 }, { 65536, 1 },
	{ 65536, 10 },    { 65536, 100 },    { 65536, 1000 },  { 65536, 10000 }, { 262144, 1 },
	{ 262144, 100 },  { 262144, 1000 },  { 262144, 4000 }, { 1048576, 1 },   { 1048576, 10 },
	{ 1048576, 100 }, { 1048576, 1000 },
};

#define N_CASES (sizeof(kv_cases) / sizeof(kv_cases[0]))

/* Blocks in an order that is not that of their addresses: i * 7919 modulo the room. */
static inline uint64_t kv_src(uint32_t block, uint32_t i)
{
	uint64_t room = SRC_BYTES / block;

	return i * 7919ull % room * block;
}

static inline uint64_t kv_dst(uint32_t block, uint32_t i)
{
	uint64_t room = DST_BYTES / block;

	return i % room * block;
}

static inline int64_t kv_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

#endif
