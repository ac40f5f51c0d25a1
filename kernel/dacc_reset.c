// SPDX-License-Identifier: GPL-2.0
/*
 * Recovery, from the narrowest to the widest: a queue reset for a queue that
 * faulted or hangs; a device reset when that does not end, or when the device
 * says so; a function-level reset from outside.
 */
#include <linux/jiffies.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "dacc_device.h"
#include "dacc_mmio.h"
#include "dacc_trace.h"

/* All queues end with -ENODEV; the device makes no further access. */
static void dacc_device_lose_queues(struct dacc_device *dacc)
{
	u32 hwq;

	lockdep_assert_held(&dacc->hw_lock);
	for (hwq = 0; hwq < dacc->num_queues; hwq++) {
		struct dacc_queue *queue = dacc->queues[hwq];

		if (!queue)
			continue;
		/* What completed before the reset did complete. */
		dacc_queue_complete(queue);
		dacc_queue_fail(queue, DRM_DACC_QUEUE_LOST, -ENODEV, -ENODEV, 0);
		dacc_queue_end(queue);
	}
}

/* After a reset: address spaces and decoders back to what the driver knows. */
static void dacc_device_restore(struct dacc_device *dacc)
{
	u32 asid;

	lockdep_assert_held(&dacc->hw_lock);
	for (asid = 1; asid < dacc->num_asids; asid++) {
		if (dacc->vms[asid])
			dacc_hw_write_asid(dacc, asid, dacc->vms[asid]->root);
	}
	dacc_link_restore(dacc);
	dacc_hw_start(dacc);
	dacc->hw_up = true;
	WRITE_ONCE(dacc->last_progress, jiffies);
}

static void dacc_device_reset_locked(struct dacc_device *dacc, const char *why)
{
	int ret;

	lockdep_assert_held(&dacc->hw_lock);
	drm_err(&dacc->drm, "%s: device reset\n", why);
	dacc->hw_up = false;
	dacc->resets++;
	ret = dacc_hw_reset(dacc);
	trace_dacc_reset(-1, ret);
	if (ret) {
		drm_err(&dacc->drm, "the device does not reset (%d): it is cut off; unbind it, or reset its PCI function\n",
			ret);
		/* The last means against stray writes. */
		pci_clear_master(dacc->pdev);
	}
	dacc_device_lose_queues(dacc);
	if (!ret)
		dacc_device_restore(dacc);
}

/**
 * dacc_device_reset - reset the device; every client's queues are lost
 * @dacc: device; the caller is inside drm_dev_enter()
 * @why: for the log
 *
 * No access of earlier work follows. Nothing is allocated; may be called on the
 * way to signalling a fence, but not under hw_lock.
 */
void dacc_device_reset(struct dacc_device *dacc, const char *why)
{
	mutex_lock(&dacc->hw_lock);
	dacc_device_reset_locked(dacc, why);
	mutex_unlock(&dacc->hw_lock);
}

/**
 * dacc_queue_stop - stop a queue that its client gives up
 * @queue: queue in the device's table; hw_lock is held
 *
 * Jobs that have not ended do so with -ECANCELED.
 */
void dacc_queue_stop(struct dacc_queue *queue)
{
	struct dacc_device *dacc = queue->dacc;
	bool cookie = dma_fence_begin_signalling();
	int idx;

	lockdep_assert_held(&dacc->hw_lock);
	if (queue->attached && dacc->hw_up && drm_dev_enter(&dacc->drm, &idx)) {
		if (dacc_hw_queue_reset(dacc, queue->hwq))
			dacc_device_reset_locked(dacc, "a queue reset does not end");
		drm_dev_exit(idx);
	}
	dacc_queue_complete(queue);
	dacc_queue_fail(queue, DRM_DACC_QUEUE_LOST, -ECANCELED, -ECANCELED, 0);
	dacc_queue_end(queue);
	dma_fence_end_signalling(cookie);
}

/**
 * dacc_queue_recover_work - after dacc_queue_fail(): reset, end all jobs
 * @work: dacc_queue.recover_work
 */
void dacc_queue_recover_work(struct work_struct *work)
{
	struct dacc_queue *queue = container_of(work, struct dacc_queue, recover_work);
	struct dacc_device *dacc = queue->dacc;
	bool cookie = dma_fence_begin_signalling();
	struct dacc_dump dump = {};
	int idx, ret;

	if (!drm_dev_enter(&dacc->drm, &idx))
		goto out;
	mutex_lock(&dacc->hw_lock);
	if (queue->attached && dacc->queues[queue->hwq] == queue) {
		dacc_dump_take(queue, &dump);
		ret = dacc_hw_queue_reset(dacc, queue->hwq);
		trace_dacc_reset(queue->hwq, ret);
		dacc->queue_resets++;
		if (ret)
			dacc_device_reset_locked(dacc, "a queue reset does not end");
		else
			dacc_queue_end(queue);
		/* Others may have waited behind it. */
		WRITE_ONCE(dacc->last_progress, jiffies);
	}
	mutex_unlock(&dacc->hw_lock);
	drm_dev_exit(idx);
out:
	dma_fence_end_signalling(cookie);
	dacc_dump_emit(dacc, &dump);
}

static unsigned long dacc_timeout_interval(unsigned long timeout)
{
	return max(timeout / 4, 1ul);
}

/**
 * dacc_queue_watch - have a queue's progress looked at
 * @queue: queue that has just got jobs into its ring
 */
void dacc_queue_watch(struct dacc_queue *queue)
{
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(dacc_job_timeout_ms));

	if (timeout)
		queue_delayed_work(queue->dacc->wq, &queue->timeout_work,
				   dacc_timeout_interval(timeout));
}

/*
 * A job that has not been fetched waits for another queue's; then any queue's
 * progress counts. That other one is watched as well, so this ends.
 */
static bool dacc_queue_is_hung(struct dacc_queue *queue, u64 completed, unsigned long timeout)
{
	struct dacc_device *dacc = queue->dacc;
	u64 counter = dacc_read64(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_PROGRESS));
	u64 fetched = dacc_read64(dacc, dacc_queue_reg(queue->hwq, DACC_QUEUE_FETCHED));
	unsigned long now = jiffies, others = READ_ONCE(dacc->last_progress);

	if (counter != queue->last_counter || completed != queue->last_completed) {
		queue->last_counter = counter;
		queue->last_completed = completed;
		queue->last_change = now;
		WRITE_ONCE(dacc->last_progress, now);
	}
	if (time_before(now, queue->last_change + timeout))
		return false;
	return fetched > completed || !time_before(now, others + timeout);
}

/**
 * dacc_queue_timeout_work - look for progress; without any the queue is hung
 * @work: dacc_queue.timeout_work
 */
void dacc_queue_timeout_work(struct work_struct *work)
{
	struct dacc_queue *queue = container_of(to_delayed_work(work), struct dacc_queue,
						timeout_work);
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(dacc_job_timeout_ms));
	struct dacc_device *dacc = queue->dacc;
	u64 completed;
	bool busy;
	int idx;

	if (!drm_dev_enter(&dacc->drm, &idx))
		return;
	/* An interrupt may have been lost. */
	dacc_queue_complete(queue);
	spin_lock_irq(&queue->lock);
	busy = queue->attached && queue->state == DRM_DACC_QUEUE_OK &&
	       !list_empty(&queue->running);
	completed = queue->completed;
	spin_unlock_irq(&queue->lock);
	if (busy && timeout) {
		if (dacc_queue_is_hung(queue, completed, timeout)) {
			drm_warn(&dacc->drm, "queue %u: job %llu made no progress for %u ms\n",
				 queue->hwq, completed + 1, jiffies_to_msecs(timeout));
			dacc_queue_fail(queue, DRM_DACC_QUEUE_HUNG, -ETIME, -ECANCELED,
					DACC_STATUS_CANCELLED);
		} else {
			dacc_queue_watch(queue);
		}
	}
	drm_dev_exit(idx);
}

/* --- resets from outside (sysfs, AER) --- */

static void dacc_pci_reset_prepare(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	mutex_lock(&dacc->hw_lock);
	dacc->hw_up = false;
	if (dacc_hw_reset(dacc))
		pci_clear_master(pdev);
	dacc_device_lose_queues(dacc);
	mutex_unlock(&dacc->hw_lock);
}

static void dacc_pci_reset_done(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	mutex_lock(&dacc->hw_lock);
	pci_set_master(pdev);
	if (dacc_hw_reset(dacc)) {
		drm_err(&dacc->drm, "no answer after a reset of the PCI function\n");
		pci_clear_master(pdev);
	} else {
		dacc_device_restore(dacc);
	}
	mutex_unlock(&dacc->hw_lock);
}

static pci_ers_result_t dacc_pci_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	if (state == pci_channel_io_perm_failure)
		return PCI_ERS_RESULT_DISCONNECT;
	dacc_pci_reset_prepare(pdev);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t dacc_pci_slot_reset(struct pci_dev *pdev)
{
	struct dacc_device *dacc = pci_get_drvdata(pdev);

	pci_restore_state(pdev);
	pci_save_state(pdev);
	dacc_pci_reset_done(pdev);
	return READ_ONCE(dacc->hw_up) ? PCI_ERS_RESULT_RECOVERED : PCI_ERS_RESULT_DISCONNECT;
}

const struct pci_error_handlers dacc_pci_err_handlers = {
	.error_detected = dacc_pci_error_detected,
	.slot_reset = dacc_pci_slot_reset,
	.reset_prepare = dacc_pci_reset_prepare,
	.reset_done = dacc_pci_reset_done,
};
