// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel does for each block of a list that is prepared, on the host itself: the
 * driver's own code for it (dacc_pages.c, dacc_blocks.c), which needs nothing of a
 * kernel, and a memcpy() where the kernel copies from the user. Allocating and mapping the
 * table is not in it. One line each, without and with a page for each block:
 * pages, picoseconds of a block, of a memcpy() of the list alone.
 */
#include "kv-prepare.h"

#include "dacc_blocks.c"
#include "dacc_pages.c"

#include <time.h>

#define N      100000u
#define LAYER  50000u
#define PAGE   256u
#define SRC    0x100000000ull
#define DST    0x200000000ull
#define ROUNDS 25

static struct dacc_block list[N], table[N];
static u64 handles[N], copy[N];
static unsigned long seen[BITS_TO_LONGS(N)];
static struct dacc_pages pages;

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static int64_t copy_list(bool own)
{
	int64_t start = now();

	memcpy(table, list, sizeof(list));
	if (own)
		memcpy(copy, handles, sizeof(handles));
	__asm__ __volatile__("" : : "r"(table), "r"(copy) : "memory");
	return now() - start;
}

static int64_t prepare(bool own)
{
	struct dacc_targets targets = { DST, PAGE, 8, N, seen };
	int64_t start = now();
	u64 bytes;
	u32 bad;

	copy_list(own);
	if (own) {
		memset(seen, 0, sizeof(seen));
		if (dacc_pages_check(&pages, copy, N, &bad))
			exit(1);
		/* As dacc_list.c. */
		for (u32 i = 0; i < N; i++)
			__test_and_set_bit(DRM_DACC_PAGE_INDEX(copy[i]), seen);
	}
	for (u32 l = 0; l < N; l += LAYER)
		if (dacc_blocks_check(table + l, LAYER, own ? &targets : NULL, &bytes, &bad))
			exit(1);
	return now() - start;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	int64_t t[2][ROUNDS];
	u32 n;

	for (u32 i = 0; i < N; i++)
		list[i] = (struct dacc_block){ SRC + i * 7919ull % N * PAGE, DST + i * PAGE, PAGE };
	if (dacc_pages_init(&pages, N, false) || dacc_pages_alloc(&pages, handles, N, &n))
		return 1;
	for (int own = 0; own < 2; own++) {
		for (int i = 0; i < ROUNDS; i++) {
			t[0][i] = prepare(own);
			t[1][i] = copy_list(own);
		}
		qsort(t[0], ROUNDS, sizeof(t[0][0]), by_value);
		qsort(t[1], ROUNDS, sizeof(t[1][0]), by_value);
		printf("%u %lld %lld\n", own ? N : 0, (long long)t[0][ROUNDS / 2] * 1000 / N,
		       (long long)t[1][ROUNDS / 2] * 1000 / N);
	}
	return 0;
}
