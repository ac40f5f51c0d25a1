// SPDX-License-Identifier: GPL-2.0
/* Start, stop and reset of the device. */
#include <linux/dma-mapping.h>
#include <linux/iopoll.h>
#include <linux/pci.h>

#include <drm/drm_print.h>

#include "gpupeer.h"
#include "gpupeer_trace.h"

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
 * If it fails, the device is off the bus.
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
		goto err_master;
	}

	/* An engine that has not stopped must not get at memory again. */
	pci_set_master(gdev->pdev);
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
		goto err_master;
	}

	spin_lock_irq(&gdev->ring_lock);
	gdev->produced = 0;
	gdev->completed = 0;
	gdev->event_seen = 0;
	gdev->bad_record = false;
	gdev->running = true;
	spin_unlock_irq(&gdev->ring_lock);
	return 0;

err_master:
	pci_clear_master(gdev->pdev);
	return ret;
}

/**
 * gpupeer_hw_stop() - stop the device and end the jobs on the ring
 * @gdev: device.
 * @error: what jobs get.
 * @guilty: fence of the job whose fault it is, or NULL.
 * @guilty_error: what that job gets.
 */
void gpupeer_hw_stop(struct gpupeer_device *gdev, int error, struct dma_fence *guilty,
		     int guilty_error)
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
		gpupeer_job_end(job, &job->fence->base == guilty ? guilty_error : error, NULL);
	}
	gdev->completed = gdev->produced;
	gdev->stopping = false;
	spin_unlock_irq(&gdev->ring_lock);
	dma_fence_end_signalling(cookie);
}

/**
 * gpupeer_reset() - stop the device, end its jobs, and start it again
 * @gdev: device, entered; the caller holds its reset_lock.
 * @guilty: fence of the job whose fault it is.
 * @guilty_error: what that job gets.
 *
 * Return: 0, or a negative errno if the device is dead; then jobs fail until
 * the driver is bound again.
 */
int gpupeer_reset(struct gpupeer_device *gdev, struct dma_fence *guilty, int guilty_error)
{
	int ret;

	lockdep_assert_held(&gdev->reset_lock);

	/* Another reset may have come first. */
	if (dma_fence_is_signaled(guilty))
		return 0;
	atomic64_inc(&gdev->n_resets);
	/* Jobs that are not on the ring yet wait until it is back. */
	drm_sched_wqueue_stop(&gdev->sched);
	gpupeer_hw_stop(gdev, -ECANCELED, guilty, guilty_error);
	ret = gpupeer_hw_start(gdev);
	drm_sched_wqueue_start(&gdev->sched);
	trace_gpupeer_reset(ret);
	drm_info(&gdev->drm, "reset %s\n", ret ? "failed, the device is dead" : "done");
	return ret;
}

/**
 * gpupeer_go_away() - BARs are not to be touched until gpupeer_come_back()
 * @gdev: device. Jobs on its ring end with -ECANCELED, others wait.
 *
 * No lock is held in between: that may be another thread's call, and long after.
 */
void gpupeer_go_away(struct gpupeer_device *gdev)
{
	/* Whoever clears HBM ends that first. */
	down_write(&gdev->reset_sem);
	mutex_lock(&gdev->reset_lock);
	gdev->away = true;
	drm_sched_wqueue_stop(&gdev->sched);
	gpupeer_hw_stop(gdev, -ECANCELED, NULL, 0);
	mutex_unlock(&gdev->reset_lock);
	up_write(&gdev->reset_sem);
}

/**
 * gpupeer_come_back() - start the device after gpupeer_go_away()
 * @gdev: device.
 *
 * Return: 0, or a negative errno if the device is dead; then jobs end with -EIO.
 */
int gpupeer_come_back(struct gpupeer_device *gdev)
{
	int ret;

	mutex_lock(&gdev->reset_lock);
	ret = gpupeer_hw_start(gdev);
	drm_sched_wqueue_start(&gdev->sched);
	WRITE_ONCE(gdev->away, false);
	mutex_unlock(&gdev->reset_lock);
	wake_up_all(&gdev->back);
	return ret;
}

static void reset_prepare(struct pci_dev *pdev)
{
	struct gpupeer_device *gdev = pci_get_drvdata(pdev);

	atomic64_inc(&gdev->n_resets);
	gpupeer_go_away(gdev);
}

static void reset_done(struct pci_dev *pdev)
{
	trace_gpupeer_reset(gpupeer_come_back(pci_get_drvdata(pdev)));
}

/*
 * A PCI error. After one that was not fatal the device is only looked at. A fatal one
 * cuts it off until its slot is reset: jobs end with -ECANCELED, and with -EIO
 * meanwhile.
 */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct gpupeer_device *gdev = pci_get_drvdata(pdev);

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	mutex_lock(&gdev->reset_lock);
	atomic64_inc(&gdev->n_resets);
	drm_sched_wqueue_stop(&gdev->sched);
	gpupeer_hw_stop(gdev, state == pci_channel_io_frozen ? -ECANCELED : -ENODEV, NULL, 0);
	pci_clear_master(pdev);
	drm_sched_wqueue_start(&gdev->sched);
	mutex_unlock(&gdev->reset_lock);
	return state == pci_channel_io_frozen ? PCI_ERS_RESULT_NEED_RESET :
						PCI_ERS_RESULT_DISCONNECT;
}

static pci_ers_result_t mmio_enabled(struct pci_dev *pdev)
{
	struct gpupeer_device *gdev = pci_get_drvdata(pdev);

	if (gpupeer_read32(gdev, GPUPEER_REG_ID) == GPUPEER_ID_MAGIC &&
	    !(gpupeer_read32(gdev, GPUPEER_REG_STATUS) & GPUPEER_STAT_FATAL))
		return PCI_ERS_RESULT_RECOVERED;
	return error_detected(pdev, pci_channel_io_frozen);
}

static pci_ers_result_t slot_reset(struct pci_dev *pdev)
{
	struct gpupeer_device *gdev = pci_get_drvdata(pdev);
	int ret;

	/* Restoring takes the saved state away. */
	pci_restore_state(pdev);
	pci_save_state(pdev);
	/* gpupeer_hw_start() has it on again once the device is quiet. */
	pci_clear_master(pdev);
	mutex_lock(&gdev->reset_lock);
	drm_sched_wqueue_stop(&gdev->sched);
	/* Not stopped yet if it was another function's error. */
	if (gdev->running)
		gpupeer_hw_stop(gdev, -ECANCELED, NULL, 0);
	ret = gpupeer_hw_start(gdev);
	drm_sched_wqueue_start(&gdev->sched);
	mutex_unlock(&gdev->reset_lock);
	return ret ? PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_RECOVERED;
}

static void resume(struct pci_dev *pdev)
{
	struct gpupeer_device *gdev = pci_get_drvdata(pdev);

	drm_info(&gdev->drm, "PCI error recovery: %s\n",
		 READ_ONCE(gdev->running) ? "done" : "the device is dead");
}

/* Somebody resets the function from outside, by sysfs for instance. */
const struct pci_error_handlers gpupeer_error_handlers = {
	.error_detected = error_detected,
	.mmio_enabled = mmio_enabled,
	.slot_reset = slot_reset,
	.resume = resume,
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
