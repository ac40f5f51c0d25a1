// SPDX-License-Identifier: GPL-2.0
/*
 * TTM: SRAM is TTM_PL_VRAM under the range manager, host buffers are in
 * TTM_PL_SYSTEM. Every buffer of ours is pinned from its creation to its end,
 * so nothing is evicted or swapped out under the device; what takes the pins
 * away needs dacc_ttm_move() to copy by a transfer queue.
 */
#include <drm/drm_managed.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_range_manager.h>

#include "dacc_device.h"

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

static bool dacc_ttm_eviction_valuable(struct ttm_buffer_object *tbo,
				       const struct ttm_place *place)
{
	return false;
}

static int dacc_ttm_move(struct ttm_buffer_object *tbo, bool evict,
			 struct ttm_operation_ctx *ctx, struct ttm_resource *new_mem,
			 struct ttm_place *hop)
{
	if (!tbo->resource || (tbo->resource->mem_type == TTM_PL_SYSTEM && !tbo->ttm)) {
		ttm_bo_move_null(tbo, new_mem);
		return 0;
	}
	return ttm_bo_move_memcpy(tbo, ctx, new_mem);
}

static int dacc_ttm_io_mem_reserve(struct ttm_device *bdev, struct ttm_resource *mem)
{
	struct dacc_device *dacc = container_of(bdev, struct dacc_device, ttm);

	if (mem->mem_type != TTM_PL_VRAM)
		return mem->mem_type == TTM_PL_SYSTEM ? 0 : -EINVAL;
	mem->bus.offset = dacc->sram_phys + ((u64)mem->start << PAGE_SHIFT);
	mem->bus.is_iomem = true;
	mem->bus.caching = ttm_write_combined;
	return 0;
}

static const struct ttm_device_funcs dacc_ttm_funcs = {
	.ttm_tt_create = dacc_ttm_tt_create,
	.ttm_tt_destroy = dacc_ttm_tt_destroy,
	.eviction_valuable = dacc_ttm_eviction_valuable,
	.move = dacc_ttm_move,
	.io_mem_reserve = dacc_ttm_io_mem_reserve,
};

static void dacc_ttm_fini(struct drm_device *drm, void *data)
{
	struct dacc_device *dacc = to_dacc(drm);

	ttm_range_man_fini(&dacc->ttm, TTM_PL_VRAM);
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
	ret = ttm_range_man_init(&dacc->ttm, TTM_PL_VRAM, false, dacc->sram_size >> PAGE_SHIFT);
	if (ret) {
		ttm_device_fini(&dacc->ttm);
		return ret;
	}
	return drmm_add_action_or_reset(&dacc->drm, dacc_ttm_fini, NULL);
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

/**
 * dacc_ttm_placement - where a buffer goes
 * @flags: DRM_DACC_BO_SRAM or DRM_DACC_BO_HOST
 * @place: filled in; to live as long as @placement
 * @placement: filled in
 */
void dacc_ttm_placement(u32 flags, struct ttm_place *place, struct ttm_placement *placement)
{
	*place = (struct ttm_place){
		.mem_type = flags & DRM_DACC_BO_SRAM ? TTM_PL_VRAM : TTM_PL_SYSTEM,
	};
	*placement = (struct ttm_placement){
		.num_placement = 1,
		.placement = place,
	};
}
