// SPDX-License-Identifier: GPL-2.0
/*
 * System sleep: jobs on the ring get time to end, then HBM that buffers hold is
 * copied to host memory, since D3hot loses it, and back at resume.
 */
#include <linux/delay.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/vmalloc.h>

#include <drm/drm_print.h>

#include "gpupeer.h"

#define DRAIN_TIMEOUT_MS	10000

/* No job goes on the ring any more; those on it may end. */
static void ring_drain(struct gpupeer_device *gdev)
{
	unsigned int ms;
	bool idle = false;

	for (ms = 0; ms < DRAIN_TIMEOUT_MS && !idle; ms += 5) {
		gpupeer_ring_process(gdev);
		spin_lock_irq(&gdev->ring_lock);
		idle = !gdev->running || gdev->bad_record || gdev->completed == gdev->produced;
		spin_unlock_irq(&gdev->ring_lock);
		if (!idle)
			usleep_range(5000, 10000);
	}
}

/* At the image's start; the contents of all ranges follow, one after the other. */
struct hbm_image {
	unsigned int n;
	struct {
		u64 start;
		u64 size;
	} range[] __counted_by(n);
};

static void free_image(struct gpupeer_device *gdev)
{
	vfree(gdev->hbm_image);
	gdev->hbm_image = NULL;
}

static int save_hbm(struct gpupeer_device *gdev)
{
	struct hbm_image *image;
	struct drm_mm_node *node;
	unsigned int n = 0;
	int ret = 0;
	void *to;

	mutex_lock(&gdev->hbm_lock);
	if (!gdev->hbm_used)
		goto unlock;
	drm_mm_for_each_node(node, &gdev->hbm_mm)
		n++;
	image = vmalloc(struct_size(image, range, n) + gdev->hbm_used);
	if (!image) {
		drm_err(&gdev->drm, "no memory to keep %llu bytes of HBM in\n", gdev->hbm_used);
		ret = -ENOMEM;
		goto unlock;
	}
	gdev->hbm_image = image;
	image->n = n;
	to = (void *)image + struct_size(image, range, n);
	n = 0;
	drm_mm_for_each_node(node, &gdev->hbm_mm) {
		image->range[n].start = node->start;
		image->range[n++].size = node->size;
		memcpy_fromio(to, gdev->hbm + node->start, node->size);
		to += node->size;
	}
unlock:
	mutex_unlock(&gdev->hbm_lock);
	return ret;
}

/* What was freed meanwhile is not in use again before gpupeer_come_back(). */
static void restore_hbm(struct gpupeer_device *gdev)
{
	struct hbm_image *image = gdev->hbm_image;
	unsigned int i;
	void *from;

	if (!image)
		return;
	from = (void *)image + struct_size(image, range, image->n);
	for (i = 0; i < image->n; i++) {
		memcpy_toio(gdev->hbm + image->range[i].start, from, image->range[i].size);
		from += image->range[i].size;
	}
	/* The image is in HBM before the device is told to go on. */
	wmb();
	free_image(gdev);
}

static int gpupeer_resume(struct device *dev)
{
	struct gpupeer_device *gdev = dev_get_drvdata(dev);

	restore_hbm(gdev);
	gpupeer_come_back(gdev);
	return 0;
}

/*
 * Clients are frozen. What the kernel does for them waits until the device is back,
 * but may free buffers.
 */
static int gpupeer_suspend(struct device *dev)
{
	struct gpupeer_device *gdev = dev_get_drvdata(dev);
	int ret;

	mutex_lock(&gdev->reset_lock);
	drm_sched_wqueue_stop(&gdev->sched);
	ring_drain(gdev);
	mutex_unlock(&gdev->reset_lock);
	gpupeer_go_away(gdev);
	ret = save_hbm(gdev);
	if (ret)
		gpupeer_resume(dev);
	return ret;
}

DEFINE_SIMPLE_DEV_PM_OPS(gpupeer_pm_ops, gpupeer_suspend, gpupeer_resume);
