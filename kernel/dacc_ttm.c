// SPDX-License-Identifier: GPL-2.0
/*
 * TTM: where buffers are. SRAM is TTM_PL_VRAM under the range manager. Host memory
 * that the device uses is TTM_PL_TT, so that TTM asks before it swaps it out;
 * buffers of host memory alone are pinned in TTM_PL_SYSTEM for their whole life,
 * and evicted SRAM buffers are there without a pin. Moves are synchronous: the
 * buffer is idle, and no page table names it, before a byte is copied.
 */
#include <linux/dma-resv.h>
#include <linux/mm.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_range_manager.h>

#include "dacc_device.h"

/* Its addresses mean nothing: as large as memory will ever be. */
#define DACC_TT_PAGES			(1ull << (46 - PAGE_SHIFT))

static struct ttm_tt *dacc_ttm_tt_create(struct ttm_buffer_object *tbo, uint32_t page_flags)
{
	struct ttm_tt *tt = kzalloc(sizeof(*tt), GFP_KERNEL);

	if (!tt)
		return NULL;
	if (ttm_tt_init(tt, tbo, page_flags, ttm_cached, 0)) {
		kfree(tt);
		return NULL;
	}
	return tt;
}

static void dacc_ttm_tt_destroy(struct ttm_device *bdev, struct ttm_tt *tt)
{
	ttm_tt_fini(tt);
	kfree(tt);
}

/* Half of all memory for what was evicted: whatever the limits of users, or none, say. */
static bool dacc_ttm_host_has_room(struct ttm_buffer_object *tbo)
{
	struct dacc_device *dacc = to_dacc(tbo->base.dev);

	return atomic64_read(&dacc->evicted_bytes) + tbo->base.size <=
	       (u64)totalram_pages() << PAGE_SHIFT >> 1;
}

/*
 * SRAM is only ever asked for with a struct dacc_placement. The buffer's
 * reservation lock is held here, and no other lock of TTM's.
 */
static bool dacc_ttm_eviction_valuable(struct ttm_buffer_object *tbo,
				       const struct ttm_place *place)
{
	const struct dacc_placement *wanted;
	unsigned long now = jiffies;

	if (place->mem_type != TTM_PL_VRAM || !tbo->resource ||
	    tbo->resource->mem_type != TTM_PL_VRAM)
		return ttm_bo_eviction_valuable(tbo, place);
	wanted = container_of(place, struct dacc_placement, place);
	if (!tbo->deleted && (tbo->priority > wanted->priority || !dacc_ttm_host_has_room(tbo)))
		return false;
	if (dma_resv_test_signaled(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP))
		return true;
	if (!wanted->wait || time_after_eq(now, wanted->deadline))
		return false;
	return dma_resv_wait_timeout(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP, true,
				     wanted->deadline - now) > 0;
}

static void dacc_ttm_evict_flags(struct ttm_buffer_object *tbo, struct ttm_placement *placement)
{
	static const struct ttm_place host = { .mem_type = TTM_PL_SYSTEM };
	static const struct ttm_place used_from_host = { .mem_type = TTM_PL_TT };
	struct dacc_bo *bo = container_of(tbo, struct dacc_bo, tbo);
	bool both = bo->flags & DRM_DACC_BO_HOST && dacc_bo_in_sram(bo);

	placement->num_placement = 1;
	placement->placement = both ? &used_from_host : &host;
}

static bool dacc_ttm_has_content(struct ttm_tt *tt)
{
	return tt && (ttm_tt_is_populated(tt) || ttm_tt_is_swapped(tt));
}

static int dacc_ttm_leave_sram(struct dacc_bo *bo, struct ttm_operation_ctx *ctx)
{
	int ret = ttm_bo_populate(&bo->tbo, ctx);

	if (ret)
		return ret;
	dacc_vm_zap(bo);
	ret = dacc_move_out(bo, dacc_bo_sram_offset(bo));
	dacc_bo_unmap_dma(bo);
	return ret;
}

static int dacc_ttm_enter_sram(struct dacc_bo *bo, struct ttm_operation_ctx *ctx,
			       struct ttm_resource *new_mem)
{
	u64 offset = (u64)new_mem->start << PAGE_SHIFT;
	int ret;

	/* Nothing is mapped of one in TTM_PL_SYSTEM. */
	if (bo->tbo.resource->mem_type == TTM_PL_TT) {
		dacc_vm_zap(bo);
		dacc_bo_unmap_dma(bo);
	}
	if (!dacc_ttm_has_content(bo->tbo.ttm))
		return dacc_move_clear(to_dacc(bo->tbo.base.dev), offset, bo->tbo.base.size);
	/* It may have been swapped out. */
	ret = ttm_bo_populate(&bo->tbo, ctx);
	if (ret)
		return ret;
	ret = dacc_move_in(bo, offset);
	dacc_bo_unmap_dma(bo);
	return ret;
}

/* What a buffer's user pays for, and the counters, once it is in its new place. */
static void dacc_ttm_account(struct dacc_bo *bo, u32 from, u32 to)
{
	struct dacc_device *dacc = to_dacc(bo->tbo.base.dev);
	u64 size = bo->tbo.base.size;

	if (to == TTM_PL_VRAM) {
		if (bo->charged)
			dacc_user_uncharge(bo->user, DRM_DACC_LIMIT_HOST_BYTES, bo->charged);
		bo->charged = 0;
		if (bo->evictions)
			atomic64_inc(&dacc->restores);
		if (bo->evicted)
			atomic64_sub(size, &dacc->evicted_bytes);
		bo->evicted = false;
		return;
	}
	if (from != TTM_PL_VRAM)
		return;
	/* Nobody asked the user, so this may exceed the limit. */
	dacc_user_charge_always(bo->user, DRM_DACC_LIMIT_HOST_BYTES, size);
	bo->charged = size;
	bo->evictions++;
	atomic64_inc(&dacc->evictions);
	if (!(bo->flags & DRM_DACC_BO_HOST)) {
		bo->evicted = true;
		atomic64_add(size, &dacc->evicted_bytes);
	}
}

/* In slices: whoever unplugs the device may wait for our caller. */
static int dacc_ttm_wait_idle(struct ttm_buffer_object *tbo, struct ttm_operation_ctx *ctx)
{
	long left = 0;

	if (ctx->no_wait_gpu)
		return dma_resv_test_signaled(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP) ? 0 : -EBUSY;
	while (!left) {
		left = dma_resv_wait_timeout(tbo->base.resv, DMA_RESV_USAGE_BOOKKEEP,
					     ctx->interruptible, HZ);
		if (!left && drm_dev_is_unplugged(tbo->base.dev))
			return -ENODEV;
	}
	return left < 0 ? left : 0;
}

static int dacc_ttm_move(struct ttm_buffer_object *tbo, bool evict,
			 struct ttm_operation_ctx *ctx, struct ttm_resource *new_mem,
			 struct ttm_place *hop)
{
	struct dacc_bo *bo = container_of(tbo, struct dacc_bo, tbo);
	u32 from, to = new_mem->mem_type;
	int ret = 0;

	if (!tbo->resource) {
		ttm_bo_move_null(tbo, new_mem);
		return 0;
	}
	from = tbo->resource->mem_type;
	if (bo->revoked)
		return -ENODEV;
	if (from == TTM_PL_SYSTEM && to == TTM_PL_TT) {
		ttm_bo_move_null(tbo, new_mem);
		return 0;
	}
	ret = dacc_ttm_wait_idle(tbo, ctx);
	if (ret)
		return ret;
	if (from == TTM_PL_VRAM) {
		ret = dacc_ttm_leave_sram(bo, ctx);
	} else if (to == TTM_PL_VRAM) {
		ret = dacc_ttm_enter_sram(bo, ctx, new_mem);
	} else {
		/* TTM is about to swap it out. */
		dacc_vm_zap(bo);
		dacc_bo_unmap_dma(bo);
	}
	if (ret)
		return ret;
	ttm_bo_move_sync_cleanup(tbo, new_mem);
	WRITE_ONCE(bo->resident, to == TTM_PL_VRAM);
	dacc_ttm_account(bo, from, to);
	return 0;
}

static int dacc_ttm_io_mem_reserve(struct ttm_device *bdev, struct ttm_resource *mem)
{
	struct dacc_device *dacc = container_of(bdev, struct dacc_device, ttm);

	if (mem->mem_type != TTM_PL_VRAM)
		return mem->mem_type == TTM_PL_SYSTEM || mem->mem_type == TTM_PL_TT ? 0 : -EINVAL;
	mem->bus.offset = dacc->sram_phys + ((u64)mem->start << PAGE_SHIFT);
	mem->bus.is_iomem = true;
	mem->bus.caching = ttm_write_combined;
	return 0;
}

static const struct ttm_device_funcs dacc_ttm_funcs = {
	.ttm_tt_create = dacc_ttm_tt_create,
	.ttm_tt_destroy = dacc_ttm_tt_destroy,
	.eviction_valuable = dacc_ttm_eviction_valuable,
	.evict_flags = dacc_ttm_evict_flags,
	.move = dacc_ttm_move,
	.io_mem_reserve = dacc_ttm_io_mem_reserve,
};

static void dacc_ttm_fini(struct drm_device *drm, void *data)
{
	struct dacc_device *dacc = to_dacc(drm);

	ttm_range_man_fini(&dacc->ttm, TTM_PL_VRAM);
	ttm_range_man_fini(&dacc->ttm, TTM_PL_TT);
	ttm_device_fini(&dacc->ttm);
}

/**
 * dacc_ttm_init - set up the buffer manager
 * @dacc: device that was identified
 *
 * It lives as long as the DRM device: buffers may outlive the binding.
 *
 * Return: 0 or a negative errno.
 */
int dacc_ttm_init(struct dacc_device *dacc)
{
	int ret;

	ret = dacc_ttm_device_init(&dacc->ttm, &dacc_ttm_funcs, &dacc->drm);
	if (ret)
		return ret;
	ret = ttm_range_man_init(&dacc->ttm, TTM_PL_TT, true, DACC_TT_PAGES);
	if (ret)
		goto err_device;
	ret = ttm_range_man_init(&dacc->ttm, TTM_PL_VRAM, false, dacc->sram_size >> PAGE_SHIFT);
	if (ret)
		goto err_tt;
	return drmm_add_action_or_reset(&dacc->drm, dacc_ttm_fini, NULL);

err_tt:
	ttm_range_man_fini(&dacc->ttm, TTM_PL_TT);
err_device:
	ttm_device_fini(&dacc->ttm);
	return ret;
}

/**
 * dacc_ttm_sram_used - bytes of SRAM that buffers hold
 * @dacc: device
 *
 * Return: bytes.
 */
u64 dacc_ttm_sram_used(struct dacc_device *dacc)
{
	return ttm_resource_manager_usage(ttm_manager_type(&dacc->ttm, TTM_PL_VRAM));
}
