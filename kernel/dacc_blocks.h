/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block tables: expanding the forms of LIST_CREATE, and checking what came out.
 * No locks, nothing of the rest of the driver, so that KUnit can test it.
 */
#ifndef _DACC_BLOCKS_H
#define _DACC_BLOCKS_H

#include <linux/types.h>

#include <dacc_hw.h>
#include <drm/dacc_accel.h>

/**
 * struct dacc_targets - pages that may be written
 * @addr: virtual address of page 0.
 * @page_size: bytes of a page.
 * @page_shift: binary logarithm of that; 0 if it has none.
 * @n_pages: pages.
 * @allowed: bit for each page.
 */
struct dacc_targets {
	u64 addr;
	u32 page_size;
	u32 page_shift;
	u32 n_pages;
	const unsigned long *allowed;
};

int dacc_blocks_strided(const struct drm_dacc_list_create *args, struct dacc_block *out, u32 *bad);
int dacc_blocks_indexed(const struct drm_dacc_list_create *args, const u32 *src_index,
			const u64 *handles, const struct dacc_targets *targets,
			struct dacc_block *out, u32 *bad);
int dacc_blocks_check(const struct dacc_block *blocks, u32 n, const struct dacc_targets *targets,
		      u64 *bytes, u32 *bad);
u32 dacc_blocks_pages(const struct dacc_block *blocks, u32 n, const struct dacc_targets *targets,
		      unsigned long *seen);

#endif /* _DACC_BLOCKS_H */
