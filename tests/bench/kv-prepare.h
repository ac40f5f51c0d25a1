/* SPDX-License-Identifier: GPL-2.0 */
/* As much of a kernel as dacc_pages.c and dacc_blocks.c want. */
#ifndef KV_PREPARE_H
#define KV_PREPARE_H

#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define BIT(n)                      (1ul << (n))
#define BITS_TO_LONGS(n)            (((n) + 63) / 64)
#define IS_ENABLED(CONFIG_option)   (0 && (CONFIG_option))
#define U64_MAX                     UINT64_MAX
#define GFP_KERNEL_ACCOUNT          0
#define kvfree(p)                   free(p)
#define cond_resched()              ((void)0)
#define div_u64(a, b)               ((a) / (b))
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)

static inline void *kvcalloc(size_t n, size_t size, int gfp)
{
	(void)gfp;
	return calloc(n, size);
}

static inline void *kvmalloc_array(size_t n, size_t size, int gfp)
{
	return kvcalloc(n, size, gfp);
}

#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)

static inline bool test_bit(size_t n, const unsigned long *map)
{
	return map[n / 64] >> n % 64 & 1;
}

static inline bool __test_and_set_bit(size_t n, unsigned long *map)
{
	bool was = test_bit(n, map);

	map[n / 64] |= 1ul << n % 64;
	return was;
}

#endif
