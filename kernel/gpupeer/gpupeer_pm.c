// SPDX-License-Identifier: GPL-2.0
/*
 * System sleep: jobs on the ring get time to end, then HBM that buffers hold is
 * copied to host memory, since D3hot loses it, and back at resume.
 */
#include <linux/delay.h>
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

static void free_image(struct gpupeer_device *gdev)
{
	vfree(gdev->hbm_image);
	gdev->hbm_image = NULL;
}

static int save_hbm(struct gpupeer_device *gdev)
{
	struct drm_mm_node *node;
	void *to;

	if (!gdev->hbm_used)
		return 0;
	gdev->hbm_image = vmalloc(gdev->hbm_used);
	if (!gdev->hbm_image)
		return -ENOMEM;
	to = gdev->hbm_image;
	drm_mm_for_each_node(node, &gdev->hbm_mm) {
		memcpy_fromio(to, gdev->hbm + node->start, node->size);
		to += node->size;
	}
	return 0;
}

static void restore_hbm(struct gpupeer_device *gdev)
{
	struct drm_mm_node *node;
	void *from = gdev->hbm_image;

	if (!from)
		return;
	drm_mm_for_each_node(node, &gdev->hbm_mm) {
		memcpy_toio(gdev->hbm + node->start, from, node->size);
		from += node->size;
	}
	/* The image is in HBM before the device is told to go on. */
	wmb();
	free_image(gdev);
}

static int gpupeer_resume(struct device *dev)
{
	struct gpupeer_device *gdev = dev_get_drvdata(dev);

	pci_set_master(gdev->pdev);
	restore_hbm(gdev);
	/* If it fails the device is dead, and jobs end with -EIO. */
	gpupeer_hw_start(gdev);
	drm_sched_wqueue_start(&gdev->sched);
	mutex_unlock(&gdev->hbm_lock);
	mutex_unlock(&gdev->reset_lock);
	up_write(&gdev->reset_sem);
	return 0;
}

/* Clients are frozen; the locks keep out what the kernel does for them. */
static int gpupeer_suspend(struct device *dev)
{
	struct gpupeer_device *gdev = dev_get_drvdata(dev);
	int ret;

	down_write(&gdev->reset_sem);
	mutex_lock(&gdev->reset_lock);
	mutex_lock(&gdev->hbm_lock);
	drm_sched_wqueue_stop(&gdev->sched);
	ring_drain(gdev);
	gpupeer_hw_stop(gdev, -ECANCELED, NULL, 0);
	ret = save_hbm(gdev);
	if (ret) {
		drm_err(&gdev->drm, "no memory to keep %llu bytes of HBM in\n", gdev->hbm_used);
		gpupeer_resume(dev);
	}
	return ret;
}

DEFINE_SIMPLE_DEV_PM_OPS(gpupeer_pm_ops, gpupeer_suspend, gpupeer_resume);
