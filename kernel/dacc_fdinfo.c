// SPDX-License-Identifier: GPL-2.0
/*
 * fdinfo of a client: engine times and memory, as
 * Documentation/gpu/drm-usage-stats.rst of the kernel says.
 */
#include <linux/math64.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "dacc_device.h"

static const char * const dacc_class_names[DACC_NUM_CLASSES] = {
	[DRM_DACC_QUEUE_TRANSFER] = "transfer",
	[DRM_DACC_QUEUE_DECODE] = "decode",
};

static void dacc_show_engines(struct drm_printer *p, struct dacc_file *file)
{
	u64 busy[DACC_NUM_CLASSES];
	struct dacc_queue *queue;
	unsigned long id;
	u32 i;

	mutex_lock(&file->lock);
	memcpy(busy, file->busy_ps, sizeof(busy));
	xa_for_each(&file->queues, id, queue) {
		spin_lock_irq(&queue->lock);
		busy[queue->queue_class] += queue->busy_ps;
		spin_unlock_irq(&queue->lock);
	}
	mutex_unlock(&file->lock);

	/* Device time: what the jobs took on the device's own clock. */
	for (i = 0; i < DACC_NUM_CLASSES; i++) {
		drm_printf(p, "drm-engine-%s:\t%llu ns\n", dacc_class_names[i],
			   div_u64(busy[i], 1000));
		drm_printf(p, "drm-engine-capacity-%s:\t1\n", dacc_class_names[i]);
	}
}

static void dacc_add_stats(struct drm_memory_stats *stats, struct drm_gem_object *obj)
{
	if (drm_gem_object_is_shared_for_memory_stats(obj))
		stats->shared += obj->size;
	else
		stats->private += obj->size;
	stats->resident += obj->size;
	if (!dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_READ))
		stats->active += obj->size;
}

/**
 * dacc_show_fdinfo - drm_driver.show_fdinfo
 * @p: printer
 * @file: client
 *
 * Imported buffers are counted where they come from, not here.
 */
void dacc_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct drm_memory_stats sram = {}, host = {};
	struct drm_gem_object *obj;
	int id;

	dacc_show_engines(p, file->driver_priv);

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id) {
		u32 flags = to_dacc_bo(obj)->flags;

		if (flags & DRM_DACC_BO_SRAM)
			dacc_add_stats(&sram, obj);
		else if (flags & DRM_DACC_BO_HOST)
			dacc_add_stats(&host, obj);
	}
	spin_unlock(&file->table_lock);
	drm_print_memory_stats(p, &sram, DRM_GEM_OBJECT_RESIDENT, "sram");
	drm_print_memory_stats(p, &host, DRM_GEM_OBJECT_RESIDENT, "system");
}
