// SPDX-License-Identifier: GPL-2.0
/* The host's memcpy() of the same blocks: one line for each case, best of several. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kv-memcpy.h"

int main(void)
{
	char *src = aligned_alloc(4096, SRC_BYTES), *dst = aligned_alloc(4096, DST_BYTES);

	if (!src || !dst)
		return 1;
	memset(src, 1, SRC_BYTES);
	memset(dst, 2, DST_BYTES);
	for (unsigned int c = 0; c < N_CASES; c++) {
		uint32_t block = kv_cases[c].block, n = kv_cases[c].n;
		int64_t best = INT64_MAX;

		for (int r = 0; r < REPEATS; r++) {
			int64_t start = kv_now(), took;

			for (uint32_t i = 0; i < n; i++)
				memcpy(dst + kv_dst(block, i), src + kv_src(block, i), block);
			took = kv_now() - start;
			if (took < best)
				best = took;
		}
		printf("%u %u %lld\n", block, n, (long long)best);
	}
	return 0;
}
