// SPDX-License-Identifier: GPL-2.0
/* Block tables, see dacc_blocks.h. */
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/sched.h>

#include "dacc_blocks.h"

/* Between two looks at the scheduler. */
#define DACC_BLOCKS_SLICE		16384

/* base + a * x + b * y */
static bool dacc_blocks_addr(u64 base, u64 a, u64 x, u64 b, u64 y, u64 *addr)
{
	u64 ax, by;

	return !check_mul_overflow(a, x, &ax) && !check_mul_overflow(b, y, &by) &&
	       !check_add_overflow(base, ax, addr) && !check_add_overflow(*addr, by, addr);
}

/**
 * dacc_blocks_strided - expand DRM_DACC_LIST_STRIDED
 * @args: list
 * @out: room for n_layers * n_blocks blocks
 * @bad: out: first block whose address overflows
 *
 * Return: 0 or -EINVAL.
 */
int dacc_blocks_strided(const struct drm_dacc_list_create *args, struct dacc_block *out, u32 *bad)
{
	u32 l, i, at = 0;

	for (l = 0; l < args->n_layers; l++) {
		for (i = 0; i < args->strided.n_blocks; i++, at++) {
			if (!dacc_blocks_addr(args->strided.src, args->strided.src_layer, l,
					      args->strided.src_stride, i, &out[at].src) ||
			    !dacc_blocks_addr(args->strided.dst, args->strided.dst_layer, l,
					      args->strided.dst_stride, i, &out[at].dst)) {
				*bad = at;
				return -EINVAL;
			}
			out[at].len = args->strided.len;
			if (!(at % DACC_BLOCKS_SLICE))
				cond_resched();
		}
	}
	return 0;
}

/**
 * dacc_blocks_indexed - expand DRM_DACC_LIST_INDEXED
 * @args: list
 * @src_index: index of each block's source
 * @handles: page of each block, checked
 * @targets: the pool
 * @out: room for n_layers * n_pages blocks
 * @bad: out: first block whose source overflows, or that leaves its page
 *
 * Return: 0, -EINVAL or -EFAULT.
 */
int dacc_blocks_indexed(const struct drm_dacc_list_create *args, const u32 *src_index,
			const u64 *handles, const struct dacc_targets *targets,
			struct dacc_block *out, u32 *bad)
{
	u32 l, i, at = 0;

	for (l = 0; l < args->n_layers; l++) {
		u64 offset, end;

		if (!dacc_blocks_addr(args->indexed.dst_offset, args->indexed.dst_layer, l, 0, 0,
				      &offset) ||
		    check_add_overflow(offset, (u64)args->indexed.len, &end) ||
		    end > targets->page_size) {
			*bad = at;
			return -EFAULT;
		}
		for (i = 0; i < args->n_pages; i++, at++) {
			u64 page = DRM_DACC_PAGE_INDEX(handles[i]);

			if (!dacc_blocks_addr(args->indexed.src, args->indexed.src_layer, l,
					      args->indexed.src_stride, src_index[i],
					      &out[at].src)) {
				*bad = at;
				return -EINVAL;
			}
			out[at].dst = targets->addr + page * targets->page_size + offset;
			out[at].len = args->indexed.len;
			if (!(at % DACC_BLOCKS_SLICE))
				cond_resched();
		}
	}
	return 0;
}

static bool dacc_blocks_range_ok(u64 addr, u64 len)
{
	return addr < DRM_DACC_VA_KERNEL && len <= DRM_DACC_VA_KERNEL - addr;
}

static bool dacc_block_ok(const struct dacc_block *block)
{
	return block->len && block->len <= DACC_MAX_COPY &&
	       dacc_blocks_range_ok(block->src, block->len) &&
	       dacc_blocks_range_ok(block->dst, block->len) &&
	       (block->src + block->len <= block->dst || block->dst + block->len <= block->src);
}

/* A division is most of what checking a block costs, and pages are mostly a power of two. */
static u32 dacc_targets_page(const struct dacc_targets *targets, u64 offset)
{
	return targets->page_shift ? offset >> targets->page_shift :
				     div_u64(offset, targets->page_size);
}

/* First and last page of a block's destination; false if it is not in the pool. */
static bool dacc_block_span(const struct dacc_block *block, const struct dacc_targets *targets,
			    u32 *first, u32 *last)
{
	u64 size = (u64)targets->n_pages * targets->page_size;
	u64 offset = block->dst - targets->addr;

	if (block->dst < targets->addr || offset >= size || block->len > size - offset)
		return false;
	*first = dacc_targets_page(targets, offset);
	/* Most blocks lie in one page. */
	*last = *first;
	if (offset + block->len > ((u64)*first + 1) * targets->page_size)
		*last = dacc_targets_page(targets, offset + block->len - 1);
	return true;
}

static bool dacc_block_allowed(const struct dacc_block *block, const struct dacc_targets *targets)
{
	u32 first, last;

	if (!dacc_block_span(block, targets, &first, &last))
		return false;
	for (; first <= last; first++) {
		if (!test_bit(first, targets->allowed))
			return false;
	}
	return true;
}

/**
 * dacc_blocks_check - may these blocks be copied?
 * @blocks: blocks that nobody else can change
 * @n: how many
 * @targets: pages that may be written, or NULL for anything
 * @bytes: out: of all of them
 * @bad: out: the first bad one
 *
 * Return: 0; -EINVAL for a length or an address that is out of bounds, ranges
 * that overlap or too many bytes; -EFAULT for a destination that is not in pages
 * that may be written.
 */
int dacc_blocks_check(const struct dacc_block *blocks, u32 n, const struct dacc_targets *targets,
		      u64 *bytes, u32 *bad)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		*bad = i;
		if (!dacc_block_ok(&blocks[i]) || check_add_overflow(sum, blocks[i].len, &sum))
			return -EINVAL;
		if (targets && !dacc_block_allowed(&blocks[i], targets))
			return -EFAULT;
		if (!(i % DACC_BLOCKS_SLICE))
			cond_resched();
	}
	*bytes = sum;
	return 0;
}

/**
 * dacc_blocks_pages - count the pages that blocks write
 * @blocks: blocks that were checked
 * @n: how many
 * @targets: pages
 * @seen: bit for each page, set for those counted before
 *
 * Return: how many were not in @seen; they are now.
 */
u32 dacc_blocks_pages(const struct dacc_block *blocks, u32 n, const struct dacc_targets *targets,
		      unsigned long *seen)
{
	u32 i, first, last, count = 0;

	for (i = 0; i < n; i++) {
		if (!dacc_block_span(&blocks[i], targets, &first, &last))
			continue;
		for (; first <= last; first++)
			count += !__test_and_set_bit(first, seen);
		if (!(i % DACC_BLOCKS_SLICE))
			cond_resched();
	}
	return count;
}

#if IS_ENABLED(CONFIG_KUNIT)
#include "tests/dacc_blocks_test.c"
#endif
