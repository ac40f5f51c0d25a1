// SPDX-License-Identifier: GPL-2.0
/*
 * fdinfo of a client: engine times and memory, as
 * Documentation/gpu/drm-usage-stats.rst of the kernel says.
 */
#include <linux/math64.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "dacc_device.h"

static const char * const dacc_class_names[DACC_NUM_CLASSES] = {
	[DRM_DACC_QUEUE_TRANSFER] = "transfer",
	[DRM_DACC_QUEUE_DECODE] = "decode",
};

static void dacc_show_engines(struct drm_printer *p, struct drm_device *drm,
			      struct dacc_file *file)
{
	u64 busy[DACC_NUM_CLASSES];
	struct dacc_queue *queue;
	unsigned long id;
	bool there;
	int idx;
	u32 i;

	there = drm_dev_enter(drm, &idx);
	mutex_lock(&file->lock);
	memcpy(busy, file->busy_ps, sizeof(busy));
	xa_for_each(&file->queues, id, queue) {
		spin_lock_irq(&queue->lock);
		if (queue->user && there)
			dacc_userq_refresh(queue);
		busy[queue->queue_class] += queue->busy_ps;
		spin_unlock_irq(&queue->lock);
	}
	mutex_unlock(&file->lock);
	if (there)
		drm_dev_exit(idx);

	/* Device time: what the jobs took on the device's own clock. */
	for (i = 0; i < DACC_NUM_CLASSES; i++) {
		drm_printf(p, "drm-engine-%s:\t%llu ns\n", dacc_class_names[i],
			   div_u64(busy[i], 1000));
		drm_printf(p, "drm-engine-capacity-%s:\t1\n", dacc_class_names[i]);
	}
}

/* What a client has in one kind of memory, and what of it was to be in the other. */
struct dacc_file_memory {
	struct drm_memory_stats sram;
	struct drm_memory_stats system;
	u64 evicted;
	u64 evictions;
};

static void dacc_add_stats(struct drm_memory_stats *stats, struct drm_gem_object *obj,
			   bool resident)
{
	if (drm_gem_object_is_shared_for_memory_stats(obj))
		stats->shared += obj->size;
	else
		stats->private += obj->size;
	if (!resident)
		return;
	stats->resident += obj->size;
	if (!dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP))
		stats->active += obj->size;
}

static void dacc_add_bo(struct dacc_file_memory *memory, struct dacc_bo *bo)
{
	struct drm_gem_object *obj = dacc_bo_gem(bo);
	bool in_sram = dacc_bo_in_sram(bo);

	/* Imported buffers are counted where they come from. */
	if (bo->flags & DRM_DACC_BO_IMPORTED)
		return;
	if (bo->flags & DRM_DACC_BO_SRAM)
		dacc_add_stats(&memory->sram, obj, in_sram);
	/* An evicted one counts in both: it is meant for SRAM, and is here. */
	if (!in_sram)
		dacc_add_stats(&memory->system, obj, true);
	if (bo->flags & DRM_DACC_BO_SRAM && !in_sram)
		memory->evicted += obj->size;
	memory->evictions += READ_ONCE(bo->evictions);
}

/**
 * dacc_show_fdinfo - drm_driver.show_fdinfo
 * @p: printer
 * @file: client
 *
 * total is what a client has that is meant for a kind of memory or is in it, resident
 * what is in it.
 */
void dacc_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	const enum drm_gem_object_status keys = DRM_GEM_OBJECT_RESIDENT |
						DRM_GEM_OBJECT_PURGEABLE |
						DRM_GEM_OBJECT_ACTIVE;
	struct dacc_file_memory memory = {};
	struct drm_gem_object *obj;
	int id;

	dacc_show_engines(p, file->minor->dev, file->driver_priv);

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id)
		dacc_add_bo(&memory, to_dacc_bo(obj));
	spin_unlock(&file->table_lock);
	drm_print_memory_stats(p, &memory.sram, keys, "sram");
	drm_print_memory_stats(p, &memory.system, keys, "system");
	drm_printf(p, "dacc-evicted-sram:\t%llu KiB\n", memory.evicted >> 10);
	drm_printf(p, "dacc-evictions:\t%llu\n", memory.evictions);
}
