// SPDX-License-Identifier: GPL-2.0
/* Start, stop and reset of the device. */
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>
#include <linux/pci.h>

#include <drm/drm_print.h>

#include "gpupeer.h"

/* The engine ends the instruction that it is at before it stops. */
#define RESET_TIMEOUT_US	(10 * USEC_PER_SEC)
#define READY_TIMEOUT_US	USEC_PER_SEC

/**
 * gpupeer_hw_init() - allocate the memory that the device is to use
 * @gdev: device.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_hw_init(struct gpupeer_device *gdev)
{
	gdev->shared = dmam_alloc_coherent(&gdev->pdev->dev, sizeof(*gdev->shared),
					   &gdev->shared_dma, GFP_KERNEL);
	return gdev->shared ? 0 : -ENOMEM;
}

static int hw_quiesce(struct gpupeer_device *gdev)
{
	u32 ctrl;

	gpupeer_write32(gdev, GPUPEER_REG_CTRL, GPUPEER_CTRL_RESET);
	/* All ones: it is not there any more, which is as quiet as can be. */
	return read_poll_timeout(gpupeer_read32, ctrl,
				 !(ctrl & GPUPEER_CTRL_RESET) || ctrl == U32_MAX, 100,
				 RESET_TIMEOUT_US, false, gdev, GPUPEER_REG_CTRL);
}

/**
 * gpupeer_hw_start() - reset the device and let it take descriptors
 * @gdev: device, stopped.
 *
 * Return: 0 or a negative errno.
 */
int gpupeer_hw_start(struct gpupeer_device *gdev)
{
	u32 status;
	int ret;

	ret = hw_quiesce(gdev);
	if (ret) {
		drm_err(&gdev->drm, "the device does not come out of reset\n");
		return ret;
	}

	memset(gdev->shared, 0, sizeof(*gdev->shared));
	gpupeer_write64(gdev, GPUPEER_REG_RING,
			gdev->shared_dma + offsetof(struct gpupeer_shared, desc));
	gpupeer_write32(gdev, GPUPEER_REG_RING_LOG2, GPUPEER_RING_LOG2);
	gpupeer_write64(gdev, GPUPEER_REG_CPL,
			gdev->shared_dma + offsetof(struct gpupeer_shared, cpl_count));
	gpupeer_write64(gdev, GPUPEER_REG_EVENTS,
			gdev->shared_dma + offsetof(struct gpupeer_shared, event_count));
	gpupeer_write32(gdev, GPUPEER_REG_CTRL, GPUPEER_CTRL_ENABLE);
	ret = read_poll_timeout(gpupeer_read32, status,
				status & (GPUPEER_STAT_READY | GPUPEER_STAT_FATAL), 10,
				READY_TIMEOUT_US, false, gdev, GPUPEER_REG_STATUS);
	if (!ret && (status & GPUPEER_STAT_FATAL))
		ret = -EIO;
	if (ret) {
		drm_err(&gdev->drm, "the device does not start, status %#x\n", status);
		return ret;
	}

	spin_lock_irq(&gdev->ring_lock);
	gdev->produced = 0;
	gdev->completed = 0;
	gdev->event_seen = 0;
	gdev->running = true;
	spin_unlock_irq(&gdev->ring_lock);
	return 0;
}

/**
 * gpupeer_hw_stop() - stop the device and end the jobs on the ring
 * @gdev: device.
 * @guilty: job whose fault it is, or NULL.
 * @error: what the other jobs get.
 */
void gpupeer_hw_stop(struct gpupeer_device *gdev, struct gpupeer_job *guilty, int error)
{
	bool cookie = dma_fence_begin_signalling();
	u64 seq;

	/* No descriptor is written and no record is taken from here on. */
	spin_lock_irq(&gdev->ring_lock);
	gdev->running = false;
	gdev->stopping = true;
	spin_unlock_irq(&gdev->ring_lock);

	/* Only when it writes no more may others be told that it is over. */
	if (hw_quiesce(gdev)) {
		drm_err(&gdev->drm, "the device does not stop, taking it off the bus\n");
		pci_clear_master(gdev->pdev);
	}

	spin_lock_irq(&gdev->ring_lock);
	for (seq = gdev->completed; seq < gdev->produced; seq++) {
		unsigned int slot = seq % GPUPEER_RING_ENTRIES;
		struct gpupeer_job *job = gdev->inflight[slot];

		gdev->inflight[slot] = NULL;
		gpupeer_job_end(job, job == guilty ? -ETIMEDOUT : error, NULL);
	}
	gdev->completed = gdev->produced;
	gdev->stopping = false;
	spin_unlock_irq(&gdev->ring_lock);
	dma_fence_end_signalling(cookie);
}

/**
 * gpupeer_reset() - stop the device, end its jobs, and start it again
 * @gdev: device, entered.
 * @guilty: job that hangs, or NULL.
 *
 * Return: 0, or a negative errno if the device is dead; then jobs fail until
 * the driver is bound again.
 */
int gpupeer_reset(struct gpupeer_device *gdev, struct gpupeer_job *guilty)
{
	int ret;

	mutex_lock(&gdev->reset_lock);
	/* A reset from outside may have come first. */
	if (guilty && dma_fence_is_signaled(&guilty->fence->base)) {
		mutex_unlock(&gdev->reset_lock);
		return 0;
	}
	atomic64_inc(&gdev->n_resets);
	/* Jobs that are not on the ring yet wait until it is back. */
	drm_sched_wqueue_stop(&gdev->sched);
	gpupeer_hw_stop(gdev, guilty, -ECANCELED);
	pci_set_master(gdev->pdev);
	ret = gpupeer_hw_start(gdev);
	if (ret)
		pci_clear_master(gdev->pdev);
	drm_sched_wqueue_start(&gdev->sched);
	mutex_unlock(&gdev->reset_lock);
	drm_info(&gdev->drm, "reset %s\n", ret ? "failed, the device is dead" : "done");
	return ret;
}

static void reset_prepare(struct pci_dev *pdev)
{
	struct gpupeer_device *gdev = pci_get_drvdata(pdev);

	mutex_lock(&gdev->reset_lock);
	atomic64_inc(&gdev->n_resets);
	drm_sched_wqueue_stop(&gdev->sched);
	gpupeer_hw_stop(gdev, NULL, -ECANCELED);
}

static void reset_done(struct pci_dev *pdev)
{
	struct gpupeer_device *gdev = pci_get_drvdata(pdev);

	if (gpupeer_hw_start(gdev))
		pci_clear_master(pdev);
	drm_sched_wqueue_start(&gdev->sched);
	mutex_unlock(&gdev->reset_lock);
}

/* Somebody resets the function from outside, by sysfs for instance. */
const struct pci_error_handlers gpupeer_error_handlers = {
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
